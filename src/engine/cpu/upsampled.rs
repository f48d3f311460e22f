//! Convolutions of upsampled values along one axis.

use pulp::Simd;

use super::axis::{Axis, mapped, mapped_back};
use crate::arithmetic::Vector;

/// Three taps on values that are each repeated twice, without repeating them: four results take five
/// products of three values, where the direct sum takes twelve.
///
/// With w = w0 + w1 + w2 and the tile around x\[i\], of every second i:
///
/// ```text
/// y[2i - 1] = (w0 + w1) (x[i-1] - x[i]) + w x[i]
/// y[2i]     =  w0       (x[i-1] - x[i]) + w x[i]
/// y[2i + 1] =  w2       (x[i+1] - x[i]) + w x[i]
/// y[2i + 2] = (w1 + w2) (x[i+1] - x[i]) + w x[i]
/// ```
///
/// The results at even and at odd places are convolutions of two taps, each with three products for two
/// results (Winograd's F(2,2)); at the same inputs they share the product with w.
#[derive(Debug, Clone)]
pub(crate) struct Upsampled2;

/// The map from taps to weights of the products.
const WEIGHTS: [[f32; 3]; 5] = [
    [1.0, 1.0, 0.0],
    [1.0, 0.0, 0.0],
    [1.0, 1.0, 1.0],
    [0.0, 0.0, 1.0],
    [0.0, 1.0, 1.0],
];

impl Axis<3, 3, 3, 5, 4> for Upsampled2 {
    const PLANE: [usize; 5] = [0, 0, 1, 2, 2];
    const IN_STEP: usize = 2;
    const IN_BEFORE: usize = 1;
    const OUT_BEFORE: usize = 1;

    fn tiles(inputs: usize) -> usize {
        inputs / 2 + 1
    }

    fn takes(product: usize, tile: usize, inputs: usize) -> bool {
        // Each product but that with w is for one output.
        let out = [0, 1, 1, 2, 3].get(product).copied().unwrap_or(0);
        product == 2 || (1..=2 * inputs).contains(&(4 * tile + out))
    }

    #[inline(always)]
    fn weigh<S: Simd>(taps: [Vector<S>; 3]) -> [Vector<S>; 5] {
        mapped(WEIGHTS, taps)
    }

    #[inline(always)]
    fn unweigh<S: Simd>(products: [Vector<S>; 5]) -> [Vector<S>; 3] {
        mapped_back(WEIGHTS, products)
    }

    #[inline(always)]
    fn planes<S: Simd>(_: usize, [left, middle, right]: [Vector<S>; 3]) -> [Vector<S>; 3] {
        [left - middle, middle, right - middle]
    }

    #[inline(always)]
    fn inputs<S: Simd>(_: usize, [left, middle, right]: [Vector<S>; 3]) -> [Vector<S>; 3] {
        [left, middle - (left + right), right]
    }

    #[inline(always)]
    fn results<S: Simd>(_: usize, [p, q, r, s, t]: [Vector<S>; 5]) -> [Vector<S>; 4] {
        [p + r, q + r, s + r, t + r]
    }

    #[inline(always)]
    fn products<S: Simd>(_: usize, [a, b, c, d]: [Vector<S>; 4]) -> [Vector<S>; 5] {
        [a, b, (a + b) + (c + d), c, d]
    }
}
