//! Max-pooling that follows no convolution, and upsampling that none follows: steps between each pixel of an image and a
//! window of pixels of a larger one.

use pulp::Simd;

use super::isa::vectorize;
use super::largest::{Largest, at_place};
use super::layout::NhwcLayout;
use super::product::{load, store};
use super::step::{Backward, Forward, Step, StepSizes};

/// Each pixel of the small image belongs to a window of `size` by `size` of the large one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    pub small: NhwcLayout,
    pub large: NhwcLayout,
    pub size: usize,
}

/// The largest value of each window, with its place in the window for the backward pass.
#[derive(Debug, Clone)]
pub(crate) struct MaxPool(pub Windows);

/// Each value repeated over its window.
#[derive(Debug, Clone)]
pub(crate) struct Upsample(pub Windows);

impl Windows {
    /// Calls `work`, in vectors, with the offsets of the channels of each pixel of a small image, and of the first pixel
    /// of its window.
    #[inline(always)]
    fn each<S: Simd>(&self, simd: S, mut work: impl FnMut(usize, usize)) {
        vectorize(
            simd,
            #[inline(always)]
            || {
                for y in 0..self.small.height {
                    for x in 0..self.small.width {
                        let small = self.small.at(y, x);
                        let large = self.large.at(self.size * y, self.size * x);
                        for c in (0..self.small.padded()).step_by(S::F32_LANES) {
                            work(small + c, large + c);
                        }
                    }
                }
            },
        );
    }

    /// Calls `work` with the number and the offset of each pixel of a window, from its first.
    #[inline(always)]
    fn places(&self, mut work: impl FnMut(f32, usize)) {
        let mut number = 0.0;
        for i in 0..self.size {
            for j in 0..self.size {
                let place = i * self.large.columns + j;
                work(number, place * self.large.padded());
                number += 1.0;
            }
        }
    }

    /// Asserts that all pixels lie inside of the slices, which hold an image each.
    fn check(&self, small: usize, large: usize) {
        for (layout, len) in [(self.small, small), (self.large, large)] {
            assert!(layout.is_inside() && layout.len() <= len);
            assert!(!layout.narrow);
        }
        let (down, across) = (self.small.height * self.size, self.small.width * self.size);
        assert!(down <= self.large.height && across <= self.large.width);
        assert!(self.small.padded() == self.large.padded());
    }
}

impl Step for Upsample {
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: self.0.small.len(),
            out: self.0.large.len(),
            ..StepSizes::default()
        }
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let windows = self.0;
        let images = io.x.chunks_exact(windows.small.len());
        for (small, large) in images.zip(io.out.chunks_exact_mut(windows.large.len())) {
            windows.check(small.len(), large.len());
            windows.each(
                simd,
                #[inline(always)]
                |from, to| {
                    // SAFETY: `check` has shown that all vectors of all pixels lie inside of the slices.
                    let value = unsafe { load::<S>(small.as_ptr().add(from)) };
                    windows.places(
                        #[inline(always)]
                        |_, place| unsafe {
                            // SAFETY: as above.
                            store::<S>(large.as_mut_ptr().add(to + place), value);
                        },
                    );
                },
            );
        }
    }

    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        let Some(x_gradient) = io.x_gradient else {
            return;
        };
        let windows = self.0;
        let images = x_gradient.chunks_exact_mut(windows.small.len());
        for (small, large) in images.zip(io.gradient.chunks_exact(windows.large.len())) {
            windows.check(small.len(), large.len());
            windows.each(
                simd,
                #[inline(always)]
                |to, from| {
                    let mut sum = simd.splat_f32s(0.0);
                    windows.places(
                        #[inline(always)]
                        |_, place| {
                            // SAFETY: `check` has shown that all vectors of all pixels lie inside of the slices.
                            let value = unsafe { load::<S>(large.as_ptr().add(from + place)) };
                            sum = simd.add_f32s(sum, value);
                        },
                    );
                    // SAFETY: as above.
                    unsafe { store::<S>(small.as_mut_ptr().add(to), sum) };
                },
            );
        }
    }
}

impl Step for MaxPool {
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: self.0.large.len(),
            out: self.0.small.len(),
            side: self.0.small.len(),
            ..StepSizes::default()
        }
    }

    /// The first of the largest values of each window, or its first NaN.
    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let windows = self.0;
        let (small_len, large_len) = (windows.small.len(), windows.large.len());
        let results = io
            .out
            .chunks_exact_mut(small_len)
            .zip(io.side.chunks_exact_mut(small_len));
        for (large, (small, side)) in io.x.chunks_exact(large_len).zip(results) {
            windows.check(small.len().min(side.len()), large.len());
            windows.each(
                simd,
                #[inline(always)]
                |to, first| {
                    // SAFETY: `check` has shown that all vectors of all pixels lie inside of the slices.
                    let value =
                        |place: usize| unsafe { load::<S>(large.as_ptr().add(first + place)) };
                    let mut largest = Largest::new(simd, value(0));
                    windows.places(
                        #[inline(always)]
                        |number, place| largest.take(value(place), number),
                    );
                    // SAFETY: as above.
                    unsafe {
                        store::<S>(small.as_mut_ptr().add(to), largest.value);
                        store::<S>(side.as_mut_ptr().add(to), largest.place);
                    }
                },
            );
        }
    }

    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        let Some(x_gradient) = io.x_gradient else {
            return;
        };
        let windows = self.0;
        let (small_len, large_len) = (windows.small.len(), windows.large.len());
        let results = io.gradient.chunks_exact(small_len);
        let results = results.zip(io.side.chunks_exact(small_len));
        for (large, (small, side)) in x_gradient.chunks_exact_mut(large_len).zip(results) {
            windows.check(small.len().min(side.len()), large.len());
            windows.each(
                simd,
                #[inline(always)]
                |from, first| {
                    // SAFETY: `check` has shown that all vectors of all pixels lie inside of the slices.
                    let (gradient, largest) = unsafe {
                        (
                            load::<S>(small.as_ptr().add(from)),
                            load::<S>(side.as_ptr().add(from)),
                        )
                    };
                    windows.places(
                        #[inline(always)]
                        |number, place| {
                            let gradient = at_place(simd, gradient, largest, number);
                            let to = first + place;
                            // SAFETY: as above.
                            unsafe { store::<S>(large.as_mut_ptr().add(to), gradient) };
                        },
                    );
                },
            );
        }
    }
}
