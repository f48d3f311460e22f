//! Operations fused into a convolution while its results are in registers: bias, activation, max-pool.

use pulp::Simd;

use super::grid::Grid;
use super::product::{load, store};
use crate::activation::{Basic, Relu};
use crate::arithmetic::Vector;

/// The activations whose derivative follows from their result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fused {
    Linear,
    Relu,
}

/// Bias, activation and, over windows of two by two, max-pool of `height x width` results.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish {
    pub height: usize,
    pub width: usize,
    pub activation: Fused,
    pub pool: bool,
    /// Layout of the results: half as high and wide with `pool`.
    pub to: Grid,
}

/// Marks a pooled result that passes no gradient: its whole window was below zero.
const BLOCKED: f32 = 4.0;

/// Destination of the results of one image.
#[derive(Clone, Copy)]
pub(crate) struct Put {
    pub bias: *const f32,
    pub out: *mut f32,
    /// With `pool`, the place in its window that each result came from, laid out as the results.
    pub from: *mut f32,
}

/// Source of the gradients of one image.
#[derive(Clone, Copy)]
pub(crate) struct Take {
    pub gradient: *const f32,
    /// The results, for the activation's derivative.
    pub out: *const f32,
    pub from: *const f32,
}

impl Finish {
    /// Values of an image that hold the places of pooled results.
    pub fn side_len(&self) -> usize {
        if self.pool { self.to.len() } else { 0 }
    }

    /// Stores a tile of sums at row `top`, column `left`. Sums outside of the image are dropped.
    ///
    /// # Safety
    /// The pointers are to an image of `to`, and to its channels of biases; `c` is a channel that a vector
    /// of channels begins at. With `pool`, `top` and `left` are even and not negative.
    #[inline(always)]
    pub unsafe fn put<S: Simd, const N: usize>(
        &self,
        simd: S,
        tile: [[S::f32s; N]; N],
        (top, left, c): (isize, isize, usize),
        put: Put,
    ) {
        // SAFETY: as the caller guarantees; only places inside the image are written.
        unsafe {
            let bias = load::<S>(put.bias.add(c));
            if self.pool {
                for i in (0..N).step_by(2) {
                    for j in (0..N).step_by(2) {
                        let (y, x) = ((top as usize + i) / 2, (left as usize + j) / 2);
                        if y < self.to.height && x < self.to.width {
                            let at = self.to.at(y, x) + c;
                            let window = [
                                tile[i][j],
                                tile[i][j + 1],
                                tile[i + 1][j],
                                tile[i + 1][j + 1],
                            ];
                            let (value, from) = self.largest(simd, window, bias);
                            store::<S>(put.out.add(at), value);
                            store::<S>(put.from.add(at), from);
                        }
                    }
                }
                return;
            }
            for (i, row) in tile.into_iter().enumerate() {
                let y = top + i as isize;
                if y < 0 || y >= self.height as isize {
                    continue;
                }
                for (j, value) in row.into_iter().enumerate() {
                    let x = left + j as isize;
                    if x < 0 || x >= self.width as isize {
                        continue;
                    }
                    let mut value = simd.add_f32s(value, bias);
                    if self.activation == Fused::Relu {
                        value = relu(simd, value);
                    }
                    store::<S>(put.out.add(self.to.at(y as usize, x as usize) + c), value);
                }
            }
        }
    }

    /// The largest value of a window, or its NaN, with bias and activation, and its first place.
    #[inline(always)]
    fn largest<S: Simd>(&self, simd: S, window: [S::f32s; 4], bias: S::f32s) -> (S::f32s, S::f32s) {
        let mut largest = window[0];
        let mut from = simd.splat_f32s(0.0);
        for (place, value) in [(1.0, window[1]), (2.0, window[2]), (3.0, window[3])] {
            // A NaN is not at most the largest; one that is the largest is unequal to itself.
            let is_nan = simd.not_m32s(simd.equal_f32s(largest, largest));
            let stays = simd.or_m32s(simd.less_than_or_equal_f32s(value, largest), is_nan);
            largest = simd.select_f32s(stays, largest, value);
            from = simd.select_f32s(stays, from, simd.splat_f32s(place));
        }
        // Rounding keeps the order, so the bias can come after the comparison.
        let value = simd.add_f32s(largest, bias);
        match self.activation {
            Fused::Linear => (value, from),
            Fused::Relu => {
                let zero = simd.splat_f32s(0.0);
                let passes = simd.greater_than_f32s(value, zero);
                let from = simd.select_f32s(passes, from, simd.splat_f32s(BLOCKED));
                (relu(simd, value), from)
            }
        }
    }

    /// The gradient of a tile of sums; zeros outside of the image.
    ///
    /// # Safety
    /// Same as [`Finish::put`].
    #[inline(always)]
    pub unsafe fn take<S: Simd, const N: usize>(
        &self,
        simd: S,
        (top, left, c): (isize, isize, usize),
        take: Take,
    ) -> [[S::f32s; N]; N] {
        let zero = simd.splat_f32s(0.0);
        let mut tile = [[zero; N]; N];
        // SAFETY: as the caller guarantees; only places inside the image are read.
        unsafe {
            if self.pool {
                for i in (0..N).step_by(2) {
                    for j in (0..N).step_by(2) {
                        let (y, x) = ((top as usize + i) / 2, (left as usize + j) / 2);
                        if y < self.to.height && x < self.to.width {
                            let at = self.to.at(y, x) + c;
                            let gradient = load::<S>(take.gradient.add(at));
                            let from = load::<S>(take.from.add(at));
                            let part = |place: f32| {
                                let here = simd.equal_f32s(from, simd.splat_f32s(place));
                                simd.select_f32s(here, gradient, zero)
                            };
                            tile[i][j] = part(0.0);
                            tile[i][j + 1] = part(1.0);
                            tile[i + 1][j] = part(2.0);
                            tile[i + 1][j + 1] = part(3.0);
                        }
                    }
                }
                return tile;
            }
            for (i, row) in tile.iter_mut().enumerate() {
                let y = top + i as isize;
                if y < 0 || y >= self.height as isize {
                    continue;
                }
                for (j, value) in row.iter_mut().enumerate() {
                    let x = left + j as isize;
                    if x < 0 || x >= self.width as isize {
                        continue;
                    }
                    let at = self.to.at(y as usize, x as usize) + c;
                    *value = load::<S>(take.gradient.add(at));
                    if self.activation == Fused::Relu {
                        let passes = simd.greater_than_f32s(load::<S>(take.out.add(at)), zero);
                        *value = simd.select_f32s(passes, *value, zero);
                    }
                }
            }
        }
        tile
    }
}

/// max(x, 0).
#[inline(always)]
pub(crate) fn relu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    <Relu as Basic>::value(Vector::new(simd, x), 0.0).numbers
}
