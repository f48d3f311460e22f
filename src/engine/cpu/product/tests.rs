//! The products per second of each instruction set beside those of gemm.

use std::time::Instant;

use pulp::WithSimd;

use super::*;
use crate::engine::cpu::isa::Isa;
use crate::engine::cpu::lines::Lines;
use crate::ops::Matrix;

struct Product<'a> {
    out: &'a mut [f32],
    left: &'a [f32],
    right: &'a [f32],
    sizes: (usize, usize, usize),
}

impl WithSimd for Product<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        let (_, columns, depth) = self.sizes;
        let out = Out::new(self.out, columns);
        let left = Left::new(self.left, depth);
        product(simd, out, self.sizes, left, Right::Panels(self.right));
    }
}

/// Prints the table in the documentation of product.rs.
#[test]
#[ignore = "a measurement, for a machine that does nothing else"]
fn products_per_second() {
    for sizes in [(12, 64, 32), (16, 128, 128), (56, 128, 64), (64, 256, 784)] {
        let (rows, columns, depth) = sizes;
        let (left, right) = (Lines::zeros(rows * depth), Lines::zeros(depth * columns));
        let mut out = Lines::zeros(rows * columns);
        let repeats = 40_000_000 / (rows * columns * depth);
        // GFLOP/s of the fastest of several runs.
        let rate = |work: &mut dyn FnMut()| {
            let run = |_| {
                let start = Instant::now();
                (0..repeats).for_each(|_| work());
                start.elapsed().as_secs_f64()
            };
            let time = (0..9).map(run).fold(f64::INFINITY, f64::min);
            (2 * rows * columns * depth * repeats) as f64 / time / 1e9
        };
        let gemm = rate(&mut || {
            let left = Matrix::new(&left, rows, depth);
            let right = Matrix::new(&right, depth, columns);
            crate::ops::product(&mut out, columns, left, right, false).unwrap();
        });
        print!("{rows} x {columns} x {depth}: gemm {gemm:.0}");
        for isa in Isa::available() {
            let ours = rate(&mut || {
                isa.run(Product {
                    out: &mut out,
                    left: &left,
                    right: &right,
                    sizes,
                });
            });
            print!(", {isa:?} {ours:.0}");
        }
        println!();
    }
}
