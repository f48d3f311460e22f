//! The losses of a batch: their sums, and their gradients at the network's last values and its codes.

use std::ops::Range;

use pulp::Simd;

use super::isa::vectorize;
use crate::arithmetic::{Number, Vector};
use crate::loss::{Loss, with_loss};
use crate::recipe::{CodePenalty, Reconstruction};

/// A batch, flat, and the factors of the minimised loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlatBatch<'a> {
    pub input: &'a [f32],
    pub target: &'a [f32],
    /// Noise for the codes of a variational network.
    pub noise: Option<&'a [f32]>,
    pub factors: Factors,
}

/// The minimised loss, as factors of sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    pub reconstruction: Reconstruction,
    /// Factor of the reconstruction loss in the minimised loss.
    pub scale: f64,
    /// Penalties on the codes, and their factor.
    pub penalty: Option<(CodePenalty, f64)>,
    /// Factor of the KL divergence.
    pub kl_scale: f64,
}

/// Sums over samples.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct LossSums {
    pub distance: f64,
    pub penalty: f64,
    pub kl: f64,
}

impl<'a> FlatBatch<'a> {
    /// The samples of a range, by the values of a sample and of a target, and the dimensions of the noise.
    pub fn part(
        self,
        range: Range<usize>,
        (input_len, out_len): (usize, usize),
        latent: Option<usize>,
    ) -> Self {
        let cut = |values: &'a [f32], len: usize| &values[range.start * len..range.end * len];
        Self {
            input: cut(self.input, input_len),
            target: cut(self.target, out_len),
            noise: self.noise.map(|noise| cut(noise, latent.unwrap_or(0))),
            ..self
        }
    }
}

/// The sum of the reconstruction loss over values and targets; `gradient` becomes the derivative of the minimised loss.
/// For the binary cross-entropy the values are logits.
///
/// The sum is taken in f32 over runs short enough to be exact to a few units in the last place, and in f64 over the
/// runs. A user-defined loss is computed in f64.
pub(crate) fn loss<S: Simd>(
    simd: S,
    factors: &Factors,
    (x, target): (&[f32], &[f32]),
    gradient: &mut [f32],
) -> f64 {
    let scale = factors.scale as f32;
    match factors.reconstruction.formula() {
        Ok(kind) => with_loss!(kind, F => terms(
            simd,
            (x, target),
            gradient,
            scale,
            #[inline(always)]
            |x, t| {
                let (x, t) = (Vector::new(simd, x), Vector::new(simd, t));
                (F::term(x, t).numbers, F::derivative(x, t).numbers)
            },
        )),
        Err(custom) => {
            let mut sum = 0.0;
            for ((&x, &t), gradient) in x.iter().zip(target).zip(gradient) {
                let (x, t) = (f64::from(x), f64::from(t));
                sum += custom.term(x, t);
                *gradient = (f64::from(scale) * custom.derivative(x, t)) as f32;
            }
            sum
        }
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

/// Returns the sum of the penalties on codes; adds `scale` times their derivative. Sums are taken as in [`loss`].
pub(crate) fn penalize<S: Simd>(
    simd: S,
    kind: CodePenalty,
    scale: f64,
    codes: &[f32],
    gradient: &mut [f32],
) -> f64 {
    let mut total = 0.0;
    vectorize(
        simd,
        #[inline(always)]
        || {
            for (codes, gradient) in codes.chunks(RUN).zip(gradient.chunks_mut(RUN)) {
                let mut sum = simd.splat_f32s(0.0);
                let gradients = gradient.chunks_mut(S::F32_LANES);
                for (codes, gradient) in codes.chunks(S::F32_LANES).zip(gradients) {
                    let code = Vector::new(simd, simd.partial_load_f32s(codes));
                    let term = code.abs() * kind.l1 + code * code * kind.l2;
                    sum = simd.add_f32s(sum, term.numbers);
                    let before = Vector::new(simd, simd.partial_load_f32s(gradient));
                    let slope = code.sign() * kind.l1 + code * (2.0 * kind.l2);
                    let after = before + slope * scale;
                    simd.partial_store_f32s(gradient, after.numbers);
                }
                total += f64::from(simd.reduce_sum_f32s(sum));
            }
        },
    );
    total
}
