//! The choice of the kernel for a product.

use crate::recipe::Precision;

/// A kernel's name, with the rows and columns that each block computes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kernel {
    pub name: &'static str,
    rows: usize,
    columns: usize,
}

/// Kernels of one precision and number of columns, indexed by how many values they read at a time, one or four:
/// products with blocks of few and of many rows, and gradients of weights, which read two operands.
pub(super) struct Kernels {
    columns: usize,
    low: [&'static str; 2],
    high: [&'static str; 2],
    weight: [[&'static str; 2]; 2],
}

/// Rows of a block; gradients of weights always use the larger number.
const LOW: usize = 64;
const HIGH: usize = 128;

macro_rules! kernels {
    ($precision:literal) => {
        [
            kernels!($precision, 16),
            kernels!($precision, 32),
            kernels!($precision, 64),
        ]
    };
    ($precision:literal, $columns:literal) => {
        Kernels {
            columns: $columns,
            low: [
                concat!("product_", $precision, "_64_", $columns, "_1"),
                concat!("product_", $precision, "_64_", $columns, "_4"),
            ],
            high: [
                concat!("product_", $precision, "_128_", $columns, "_1"),
                concat!("product_", $precision, "_128_", $columns, "_4"),
            ],
            weight: [
                [
                    concat!("weight_", $precision, "_", $columns, "_1_1"),
                    concat!("weight_", $precision, "_", $columns, "_1_4"),
                ],
                [
                    concat!("weight_", $precision, "_", $columns, "_4_1"),
                    concat!("weight_", $precision, "_", $columns, "_4_4"),
                ],
            ],
        }
    };
}

/// Kernels for up to 16 columns, up to 32, and more.
fn kernels(precision: Precision) -> [Kernels; 3] {
    match precision {
        Precision::Tf32 => kernels!("tf32"),
        Precision::Bf16 => kernels!("bf16"),
        Precision::F32 | Precision::F64 => kernels!("f32"),
    }
}

/// The narrowest kernels for this many columns, else the widest.
pub(super) fn narrowest(precision: Precision, columns: usize) -> Kernels {
    let [narrow, middle, wide] = kernels(precision);
    match columns {
        _ if columns <= narrow.columns => narrow,
        _ if columns <= middle.columns => middle,
        _ => wide,
    }
}

impl Kernels {
    /// Products with few rows a block and with many.
    pub fn products(&self, values: usize) -> [Kernel; 2] {
        [(self.low, LOW), (self.high, HIGH)].map(|(names, rows)| Kernel {
            name: chosen(names, values),
            rows,
            columns: self.columns,
        })
    }

    pub fn weight(&self, values: usize, gradients: usize) -> Kernel {
        Kernel {
            name: chosen(chosen(self.weight, values), gradients),
            rows: HIGH,
            columns: self.columns,
        }
    }
}

/// The kernel that reads this many values at a time.
fn chosen<T>([one, four]: [T; 2], values: usize) -> T {
    if values == 4 { four } else { one }
}

impl Kernel {
    /// Blocks for a product of that size.
    pub fn blocks(&self, rows: usize, columns: usize) -> (usize, usize) {
        (rows.div_ceil(self.rows), columns.div_ceil(self.columns))
    }
}
