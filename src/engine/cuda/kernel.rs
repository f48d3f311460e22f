//! The choice of the kernel for a product.

use crate::recipe::Precision;

/// A kernel's name, with the rows and columns that each block computes.
#[derive(Debug)]
pub(super) struct Kernel {
    pub name: String,
    rows: usize,
    columns: usize,
}

/// Rows of a block; gradients of weights always use the larger number.
const LOW: usize = 64;
const HIGH: usize = 128;

impl Kernel {
    /// Kernels for a product of this many columns with few rows a block and with many, which read `values` values, one
    /// or four, at a time.
    pub fn products(precision: Precision, columns: usize, values: usize) -> [Self; 2] {
        let (precision, columns) = (name(precision), narrowest(columns));
        [LOW, HIGH].map(|rows| Self {
            name: format!("product_{precision}_{rows}_{columns}_{values}"),
            rows,
            columns,
        })
    }

    /// The kernel for the gradient of weights, which reads two operands.
    pub fn weight(precision: Precision, columns: usize, [values, gradients]: [usize; 2]) -> Self {
        let (precision, columns) = (name(precision), narrowest(columns));
        Self {
            name: format!("weight_{precision}_{columns}_{values}_{gradients}"),
            rows: HIGH,
            columns,
        }
    }

    /// Blocks in each direction for `count` products of that size.
    pub fn blocks(&self, rows: usize, columns: usize, count: usize) -> [usize; 3] {
        [
            rows.div_ceil(self.rows),
            columns.div_ceil(self.columns),
            count,
        ]
    }
}

fn name(precision: Precision) -> &'static str {
    match precision {
        Precision::Tf32 => "tf32",
        Precision::Bf16 => "bf16",
        Precision::F32 | Precision::F64 => "f32",
    }
}

/// The columns of the narrowest block for this many columns, else of the widest.
fn narrowest(columns: usize) -> usize {
    columns.next_power_of_two().clamp(16, 64)
}
