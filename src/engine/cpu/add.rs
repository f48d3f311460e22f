//! The sum at the end of a residual block.

use pulp::Simd;
use rayon::prelude::*;

use super::flat::{add, zip};
use super::layout::{NhwcLayout, Shape};
use super::shared::in_parts;
use super::step::{Backward, Forward, Step, StepSizes};

/// Values of a sum that a thread takes at a time.
const PART: usize = 1 << 15;

/// x plus the samples that an earlier step reads.
#[derive(Debug, Clone)]
pub(crate) struct Add {
    /// The step whose samples are added.
    pub source: usize,
    pub shape: Shape,
    /// NHWC layouts of its samples, of those of `source`, and of the sums; none where samples are flat.
    pub x: Option<NhwcLayout>,
    pub skip: Option<NhwcLayout>,
    pub out: Option<NhwcLayout>,
}

impl Add {
    /// Values of a sample in this layout.
    pub fn len(&self, layout: Option<NhwcLayout>) -> usize {
        layout.map_or(self.shape.len(), |layout| layout.len())
    }

    /// `out = x + skip`.
    pub fn sum<S: Simd>(
        &self,
        simd: S,
        is_shared: bool,
        (x, skip): (&[f32], &[f32]),
        out: &mut [f32],
    ) {
        if self.x == self.out && self.skip == self.out {
            let parts = out.par_chunks_mut(PART).zip(x.par_chunks(PART));
            let parts = parts.zip(skip.par_chunks(PART));
            return in_parts(is_shared, PART, parts, |((out, x), skip)| {
                zip(
                    simd,
                    x,
                    skip,
                    out,
                    #[inline(always)]
                    |x, skip| simd.add_f32s(x, skip),
                );
            });
        }
        self.convert(simd, (x, self.x), (out, self.out), false);
        self.convert(simd, (skip, self.skip), (out, self.out), true);
    }

    /// Adds to the gradient of the skip samples.
    pub fn backward_skip<S: Simd>(&self, simd: S, gradient: &[f32], skip_gradient: &mut [f32]) {
        self.convert(simd, (gradient, self.out), (skip_gradient, self.skip), true);
    }

    fn convert<S: Simd>(
        &self,
        simd: S,
        from: (&[f32], Option<NhwcLayout>),
        to: (&mut [f32], Option<NhwcLayout>),
        adds: bool,
    ) {
        convert(simd, self.shape, from, to, adds);
    }
}

impl Step for Add {
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: self.len(self.x),
            out: self.len(self.out),
            ..StepSizes::default()
        }
    }

    /// Does nothing: the sum reads two values; see [`Add::sum`].
    fn forward<S: Simd>(&self, _: S, _: Forward) {}

    /// The gradient of x alone; see [`Add::backward_skip`].
    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        if let Some(x_gradient) = io.x_gradient {
            self.convert(simd, (io.gradient, self.out), (x_gradient, self.x), false);
        }
    }
}

/// Copies samples from one layout to another, or adds them to the values there. The zeros around images do not change.
pub(super) fn convert<S: Simd>(
    simd: S,
    shape: Shape,
    (from, from_layout): (&[f32], Option<NhwcLayout>),
    (to, to_layout): (&mut [f32], Option<NhwcLayout>),
    adds: bool,
) {
    let put = |from: &[f32], to: &mut [f32]| match adds {
        true => add(simd, to, from),
        false => to.copy_from_slice(from),
    };
    if from_layout == to_layout {
        return put(from, to);
    }
    let len = |layout: Option<NhwcLayout>| layout.map_or(shape.len(), |layout| layout.len());
    let samples = from.chunks_exact(len(from_layout));
    for (from, to) in samples.zip(to.chunks_exact_mut(len(to_layout))) {
        let put_value = |from: f32, to: &mut f32| *to = if adds { *to + from } else { from };
        match (from_layout, to_layout) {
            (Some(from_layout), Some(to_layout)) => {
                let row = shape.width * to_layout.padded();
                for y in 0..shape.height {
                    let from = &from[from_layout.at(y, 0)..][..row];
                    put(from, &mut to[to_layout.at(y, 0)..][..row]);
                }
            }
            (None, Some(layout)) => layout.each(|place, at| put_value(from[place], &mut to[at])),
            (Some(layout), None) => layout.each(|place, at| put_value(from[at], &mut to[place])),
            (None, None) => put(from, to),
        }
    }
}
