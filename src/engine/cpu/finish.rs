//! Operations fused into a convolution while its results are in registers: bias, relu, max-pool.

use pulp::Simd;

use super::largest::{Largest, at_place};
use super::layout::NhwcLayout;
use super::product::{load, store};
use crate::activation::{Basic, Relu};
use crate::arithmetic::Vector;

/// Bias, relu and max-pool over windows of two by two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish {
    pub relu: bool,
    pub pool: bool,
    /// Layout of the results: half as high and wide as the sums with `pool`.
    pub to: NhwcLayout,
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
    /// The results, for the derivative of the relu.
    pub out: *const f32,
    pub from: *const f32,
}

impl Finish {
    /// Height and width of the sums.
    pub fn sums(&self) -> (usize, usize) {
        let scale = if self.pool { 2 } else { 1 };
        (scale * self.to.height, scale * self.to.width)
    }

    /// Values of an image that hold the places of pooled results.
    pub fn side_len(&self) -> usize {
        if self.pool { self.to.len() } else { 0 }
    }

    /// Asserts the lengths of biases, results and places of pooled results on which the kernels rely.
    pub fn check(&self, images: usize, bias: usize, out: usize, side: usize) {
        let to = self.to;
        assert!(to.is_inside());
        assert!(to.padded() <= bias && images * to.len() <= out);
        assert!(images * self.side_len() <= side);
    }

    /// Stores a tile of sums at row `top`, column `left`. Sums outside of the image are dropped.
    ///
    /// # Safety
    /// The pointers are to an image of `to`, and to its channels of biases; `c` is a channel that a vector
    /// of channels begins at. With `pool`, `top` and `left` are even and not negative, and so is `N`.
    #[inline(always)]
    pub unsafe fn put<S: Simd, const N: usize>(
        &self,
        simd: S,
        tile: &[[Vector<S>; N]; N],
        (top, left, c): (isize, isize, usize),
        put: Put,
    ) {
        // SAFETY: as the caller guarantees; only places inside the image are written.
        unsafe {
            let bias = Vector::new(simd, load::<S>(put.bias.add(c)));
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
            for (i, row) in tile.iter().enumerate() {
                let Some(y) = inside(top, i, self.to.height) else {
                    continue;
                };
                for (j, &value) in row.iter().enumerate() {
                    let Some(x) = inside(left, j, self.to.width) else {
                        continue;
                    };
                    let mut value = value + bias;
                    if self.relu {
                        value = Relu::value(value, 0.0);
                    }
                    store::<S>(put.out.add(self.to.at(y, x) + c), value.numbers);
                }
            }
        }
    }

    /// The largest value of a window, or its NaN, with bias and relu, and its first place.
    #[inline(always)]
    fn largest<S: Simd>(
        &self,
        simd: S,
        window: [Vector<S>; 4],
        bias: Vector<S>,
    ) -> (S::f32s, S::f32s) {
        let mut largest = Largest::new(simd, window[0].numbers);
        for (place, value) in [(1.0, window[1]), (2.0, window[2]), (3.0, window[3])] {
            largest.take(value.numbers, place);
        }
        let Largest {
            value: largest,
            place: from,
            ..
        } = largest;
        // Rounding keeps the order, so the bias can come after the comparison.
        let value = Vector::new(simd, largest) + bias;
        if !self.relu {
            return (value.numbers, from);
        }
        let passes = simd.greater_than_f32s(value.numbers, simd.splat_f32s(0.0));
        let from = simd.select_f32s(passes, from, simd.splat_f32s(BLOCKED));
        (Relu::value(value, 0.0).numbers, from)
    }

    /// Fills a tile of zeros with the gradient of its sums; those outside of the image keep their zeros.
    ///
    /// # Safety
    /// Same as [`Finish::put`].
    #[inline(always)]
    pub unsafe fn take<S: Simd, const N: usize>(
        &self,
        simd: S,
        tile: &mut [[Vector<S>; N]; N],
        (top, left, c): (isize, isize, usize),
        take: Take,
    ) {
        let none = simd.splat_f32s(0.0);
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
                                Vector::new(simd, at_place(simd, gradient, from, place))
                            };
                            tile[i][j] = part(0.0);
                            tile[i][j + 1] = part(1.0);
                            tile[i + 1][j] = part(2.0);
                            tile[i + 1][j + 1] = part(3.0);
                        }
                    }
                }
                return;
            }
            for (i, row) in tile.iter_mut().enumerate() {
                let Some(y) = inside(top, i, self.to.height) else {
                    continue;
                };
                for (j, value) in row.iter_mut().enumerate() {
                    let Some(x) = inside(left, j, self.to.width) else {
                        continue;
                    };
                    let at = self.to.at(y, x) + c;
                    value.numbers = load::<S>(take.gradient.add(at));
                    if self.relu {
                        let passes = simd.greater_than_f32s(load::<S>(take.out.add(at)), none);
                        value.numbers = simd.select_f32s(passes, value.numbers, none);
                    }
                }
            }
        }
    }
}

/// Place `offset` after `first` on an axis, if it lies on it.
#[inline(always)]
fn inside(first: isize, offset: usize, len: usize) -> Option<usize> {
    let place = first + offset as isize;
    (0..len as isize).contains(&place).then_some(place as usize)
}
