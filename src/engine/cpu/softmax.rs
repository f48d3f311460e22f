//! Softmax over the channels at each place of flat images.

use pulp::Simd;

use super::isa::vectorize;
use super::layout::Shape;
use super::step::{Backward, Forward, Step, StepSizes};
use crate::arithmetic::{Elementary, Vector};

/// e^x / sum of e^x.
///
/// Vectors are of places, or of channels if there is one place. Sums are in f32, in the order of the vectors.
#[derive(Debug, Clone)]
pub(crate) struct Softmax {
    pub shape: Shape,
}

impl Softmax {
    /// The places of an image in runs of at most a vector; of one place, none.
    #[inline(always)]
    fn places<S: Simd>(&self) -> impl Iterator<Item = (usize, usize)> + use<S> {
        let area = if self.shape.area() > 1 {
            self.shape.area()
        } else {
            0
        };
        let runs = (0..area).step_by(S::F32_LANES);
        runs.map(move |first| (first, S::F32_LANES.min(area - first)))
    }
}

impl Step for Softmax {
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: self.shape.len(),
            out: self.shape.len(),
            ..StepSizes::default()
        }
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let (area, len) = (self.shape.area(), self.shape.len());
        let mut images = io.x.chunks_exact(len).zip(io.out.chunks_exact_mut(len));
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (x, out) in images.by_ref() {
                    if area == 1 {
                        one_place(simd, x, out);
                    }
                    for (first, count) in self.places::<S>() {
                        let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
                        for x in x.chunks_exact(area) {
                            let x = simd.partial_load_f32s(&x[first..first + count]);
                            largest = simd.max_f32s(largest, x);
                        }
                        let mut sum = simd.splat_f32s(0.0);
                        for (x, out) in x.chunks_exact(area).zip(out.chunks_exact_mut(area)) {
                            let x = simd.partial_load_f32s(&x[first..first + count]);
                            let power = Vector::new(simd, simd.sub_f32s(x, largest)).exp();
                            sum = simd.add_f32s(sum, power.numbers);
                            simd.partial_store_f32s(&mut out[first..first + count], power.numbers);
                        }
                        for out in out.chunks_exact_mut(area) {
                            let out = &mut out[first..first + count];
                            let share = simd.div_f32s(simd.partial_load_f32s(out), sum);
                            simd.partial_store_f32s(out, share);
                        }
                    }
                }
            },
        );
    }

    /// From the results y and their gradient g: y (g - sum of y g).
    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        let Some(x_gradient) = io.x_gradient else {
            return;
        };
        let (area, len) = (self.shape.area(), self.shape.len());
        let results = io.out.chunks_exact(len).zip(io.gradient.chunks_exact(len));
        let mut images = x_gradient.chunks_exact_mut(len).zip(results);
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (to, (y, gradient)) in images.by_ref() {
                    if area == 1 {
                        one_place_gradient(simd, y, gradient, to);
                    }
                    for (first, count) in self.places::<S>() {
                        let part = first..first + count;
                        let pairs = y.chunks_exact(area).zip(gradient.chunks_exact(area));
                        let mut sum = simd.splat_f32s(0.0);
                        for (y, gradient) in pairs.clone() {
                            let y = simd.partial_load_f32s(&y[part.clone()]);
                            let gradient = simd.partial_load_f32s(&gradient[part.clone()]);
                            sum = simd.mul_add_e_f32s(y, gradient, sum);
                        }
                        for (to, (y, gradient)) in to.chunks_exact_mut(area).zip(pairs) {
                            let y = simd.partial_load_f32s(&y[part.clone()]);
                            let gradient = simd.partial_load_f32s(&gradient[part.clone()]);
                            let result = simd.mul_f32s(y, simd.sub_f32s(gradient, sum));
                            simd.partial_store_f32s(&mut to[part.clone()], result);
                        }
                    }
                }
            },
        );
    }
}

/// The softmax of one place.
#[inline(always)]
fn one_place<S: Simd>(simd: S, x: &[f32], out: &mut [f32]) {
    let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let largest = simd.splat_f32s(largest);
    let mut sum = simd.splat_f32s(0.0);
    let runs = x.chunks(S::F32_LANES);
    for (x, out) in runs.zip(out.chunks_mut(S::F32_LANES)) {
        let x = simd.sub_f32s(simd.partial_load_f32s(x), largest);
        simd.partial_store_f32s(out, Vector::new(simd, x).exp().numbers);
        // With zeros to fill the last vector.
        sum = simd.add_f32s(sum, simd.partial_load_f32s(out));
    }
    let sum = simd.splat_f32s(simd.reduce_sum_f32s(sum));
    for out in out.chunks_mut(S::F32_LANES) {
        let share = simd.div_f32s(simd.partial_load_f32s(out), sum);
        simd.partial_store_f32s(out, share);
    }
}

/// The gradient of [`one_place`].
#[inline(always)]
fn one_place_gradient<S: Simd>(simd: S, y: &[f32], gradient: &[f32], to: &mut [f32]) {
    let pairs = y.chunks(S::F32_LANES).zip(gradient.chunks(S::F32_LANES));
    let mut sum = simd.splat_f32s(0.0);
    for (y, gradient) in pairs.clone() {
        let (y, gradient) = (simd.partial_load_f32s(y), simd.partial_load_f32s(gradient));
        sum = simd.mul_add_e_f32s(y, gradient, sum);
    }
    let sum = simd.splat_f32s(simd.reduce_sum_f32s(sum));
    for (to, (y, gradient)) in to.chunks_mut(S::F32_LANES).zip(pairs) {
        let (y, gradient) = (simd.partial_load_f32s(y), simd.partial_load_f32s(gradient));
        let result = simd.mul_f32s(y, simd.sub_f32s(gradient, sum));
        simd.partial_store_f32s(to, result);
    }
}
