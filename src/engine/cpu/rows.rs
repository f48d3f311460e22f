//! Functions of the values of samples where they lie, without the zeros around images.

use std::ops::Range;

use pulp::Simd;

use super::isa::vectorize;
use super::layout::NhwcLayout;

/// The values of samples as rows without gaps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    samples: usize,
    /// Values from one sample to the next.
    sample: usize,
    /// Rows of a sample, the place of the first, and the values from one to the next.
    count: usize,
    first: usize,
    step: usize,
    /// Values of a row.
    len: usize,
}

impl Rows {
    /// Values that follow each other.
    pub fn flat(len: usize) -> Self {
        Self {
            samples: 1,
            sample: len,
            count: 1,
            first: 0,
            step: len,
            len,
        }
    }

    /// The rows of images, with the padding of their channels.
    pub fn images(samples: usize, layout: NhwcLayout) -> Self {
        if layout == NhwcLayout::plain(layout.shape()) {
            return Self::flat(samples * layout.len());
        }
        Self {
            samples,
            sample: layout.len(),
            count: layout.height,
            first: layout.at(0, 0),
            step: layout.columns * layout.padded(),
            len: layout.width * layout.padded(),
        }
    }

    #[inline(always)]
    pub fn each(self, mut work: impl FnMut(Range<usize>)) {
        for sample in 0..self.samples {
            for row in 0..self.count {
                let start = sample * self.sample + self.first + row * self.step;
                work(start..start + self.len);
            }
        }
    }

    /// Replaces each value by `f` of it.
    pub fn update<S: Simd>(
        self,
        simd: S,
        values: &mut [f32],
        f: impl Fn(S::f32s) -> S::f32s + Copy,
    ) {
        vectorize(
            simd,
            #[inline(always)]
            || {
                self.each(
                    #[inline(always)]
                    |row| {
                        let (values, rest) = S::as_mut_simd_f32s(&mut values[row]);
                        for value in values {
                            *value = f(*value);
                        }
                        if !rest.is_empty() {
                            let result = f(simd.partial_load_f32s(rest));
                            simd.partial_store_f32s(rest, result);
                        }
                    },
                );
            },
        );
    }

    /// Replaces each value by the first result of `f` of it, and the value in the same place of `others` by the second.
    pub fn split<S: Simd>(
        self,
        simd: S,
        values: &mut [f32],
        others: &mut [f32],
        f: impl Fn(S::f32s) -> (S::f32s, S::f32s) + Copy,
    ) {
        vectorize(
            simd,
            #[inline(always)]
            || {
                self.each(
                    #[inline(always)]
                    |row| {
                        let (values, rest) = S::as_mut_simd_f32s(&mut values[row.clone()]);
                        let (others, others_rest) = S::as_mut_simd_f32s(&mut others[row]);
                        for (value, other) in values.iter_mut().zip(others) {
                            (*value, *other) = f(*value);
                        }
                        if !rest.is_empty() {
                            let (value, other) = f(simd.partial_load_f32s(rest));
                            simd.partial_store_f32s(rest, value);
                            simd.partial_store_f32s(others_rest, other);
                        }
                    },
                );
            },
        );
    }

    /// Replaces each value by `f` of the value in the same place of `others` and it.
    pub fn combine<S: Simd>(
        self,
        simd: S,
        others: &[f32],
        values: &mut [f32],
        f: impl Fn(S::f32s, S::f32s) -> S::f32s + Copy,
    ) {
        vectorize(
            simd,
            #[inline(always)]
            || {
                self.each(
                    #[inline(always)]
                    |row| {
                        let (others, others_rest) = S::as_simd_f32s(&others[row.clone()]);
                        let (values, rest) = S::as_mut_simd_f32s(&mut values[row]);
                        for (value, &other) in values.iter_mut().zip(others) {
                            *value = f(other, *value);
                        }
                        if !rest.is_empty() {
                            let other = simd.partial_load_f32s(others_rest);
                            let result = f(other, simd.partial_load_f32s(rest));
                            simd.partial_store_f32s(rest, result);
                        }
                    },
                );
            },
        );
    }
}
