//! Reconstruction losses: their sum, and the gradient at the network's last values.

use pulp::Simd;

use super::isa::vectorize;
use crate::arithmetic::Vector;
use crate::loss::{CustomLoss, Loss, Reconstruction, with_loss};

/// The sum of a loss over values and targets; `gradient` becomes `scale` times its derivative. For the
/// binary cross-entropy the values are logits.
///
/// The sum is taken in f32 over runs short enough to be exact to a few units in the last place, and in
/// f64 over the runs.
pub(crate) fn loss<S: Simd>(
    simd: S,
    loss: Reconstruction,
    pair: (&[f32], &[f32]),
    gradient: &mut [f32],
    scale: f32,
) -> f64 {
    let kind = match loss.formula() {
        Ok(kind) => kind,
        Err(custom) => return one_by_one(custom, pair, gradient, scale),
    };
    with_loss!(kind, F => terms(
        simd,
        pair,
        gradient,
        scale,
        #[inline(always)]
        |x, t| {
            let (x, t) = (Vector::new(simd, x), Vector::new(simd, t));
            (F::term(x, t).numbers, F::derivative(x, t).numbers)
        },
    ))
}

/// A user-defined loss, in f64.
fn one_by_one(
    loss: CustomLoss,
    (x, target): (&[f32], &[f32]),
    gradient: &mut [f32],
    scale: f32,
) -> f64 {
    let mut sum = 0.0;
    for ((&x, &t), gradient) in x.iter().zip(target).zip(gradient) {
        let (x, t) = (f64::from(x), f64::from(t));
        sum += loss.term(x, t);
        *gradient = (f64::from(scale) * loss.derivative(x, t)) as f32;
    }
    sum
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
