//! Reconstruction losses: their sum, and the gradient at the network's last values.

use pulp::Simd;

use super::isa::vectorize;
use super::math::{exp_of_negative, ln_1p_of_fraction, logistic_from, minus_abs};
use crate::recipe::Reconstruction;

/// The sum of a loss over values and targets; `gradient` becomes `scale` times its derivative. For the
/// binary cross-entropy the values are logits.
///
/// The sum is taken in f32 over runs of values short enough to keep it exact to some units in the last
/// place, and in f64 over the runs.
pub(crate) fn loss<S: Simd>(
    simd: S,
    kind: Reconstruction,
    (x, target): (&[f32], &[f32]),
    gradient: &mut [f32],
    scale: f32,
) -> f64 {
    match kind {
        Reconstruction::Bce => terms(
            simd,
            (x, target),
            gradient,
            scale,
            #[inline(always)]
            |x, t| {
                let power = exp_of_negative(simd, minus_abs(simd, x));
                let positive = simd.max_f32s(x, simd.splat_f32s(0.0));
                let term = simd.sub_f32s(positive, simd.mul_f32s(x, t));
                let term = simd.add_f32s(term, ln_1p_of_fraction(simd, power));
                (term, simd.sub_f32s(logistic_from(simd, x, power), t))
            },
        ),
        Reconstruction::Mse => terms(
            simd,
            (x, target),
            gradient,
            scale,
            #[inline(always)]
            |x, t| {
                let difference = simd.sub_f32s(x, t);
                (
                    simd.mul_f32s(difference, difference),
                    simd.add_f32s(difference, difference),
                )
            },
        ),
        Reconstruction::Mae => terms(
            simd,
            (x, target),
            gradient,
            scale,
            #[inline(always)]
            |x, t| {
                let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
                let difference = simd.sub_f32s(x, t);
                let above = simd.select_f32s(simd.greater_than_f32s(difference, zero), one, zero);
                let below = simd.select_f32s(simd.less_than_f32s(difference, zero), one, zero);
                (simd.abs_f32s(difference), simd.sub_f32s(above, below))
            },
        ),
    }
}

/// Values whose terms are summed in f32.
const RUN: usize = 1024;

fn terms<S: Simd>(
    simd: S,
    (x, target): (&[f32], &[f32]),
    gradient: &mut [f32],
    scale: f32,
    f: impl Fn(S::f32s, S::f32s) -> (S::f32s, S::f32s) + Copy,
) -> f64 {
    let mut total = 0.0;
    vectorize(
        simd,
        #[inline(always)]
        || {
            let scale = simd.splat_f32s(scale);
            let runs = x.chunks(RUN).zip(target.chunks(RUN));
            for ((x, target), gradient) in runs.zip(gradient.chunks_mut(RUN)) {
                let mut sum = simd.splat_f32s(0.0);
                let (x, x_rest) = S::as_simd_f32s(x);
                let (target, target_rest) = S::as_simd_f32s(target);
                let (gradient, gradient_rest) = S::as_mut_simd_f32s(gradient);
                for ((&x, &target), gradient) in x.iter().zip(target).zip(gradient) {
                    let (term, derivative) = f(x, target);
                    sum = simd.add_f32s(sum, term);
                    *gradient = simd.mul_f32s(scale, derivative);
                }
                total += f64::from(simd.reduce_sum_f32s(sum));
                for ((x, target), gradient) in x_rest.iter().zip(target_rest).zip(gradient_rest) {
                    let (term, derivative) = f(simd.splat_f32s(*x), simd.splat_f32s(*target));
                    let lanes = S::F32_LANES as f64;
                    total += f64::from(simd.reduce_sum_f32s(term)) / lanes;
                    let derivative = simd.mul_f32s(scale, derivative);
                    *gradient = simd.reduce_max_f32s(derivative);
                }
            }
        },
    );
    total
}
