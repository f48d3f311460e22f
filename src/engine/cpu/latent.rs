//! The code of a variational network: from its encoder's values to a sample.

use pulp::Simd;

use super::isa::vectorize;
use super::step::{Backward, Forward, Step, StepSizes};
use crate::arithmetic::{Elementary, Number, Vector};

/// Mean and log-variance of each dimension, `(2 latent)`, to a sample `(latent)`, with its KL
/// divergence: see [`crate::network::Posterior`] for formulas and sources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latent {
    pub dimensions: usize,
    /// Log-variances are bounded smoothly to plus and minus this.
    pub bound: f64,
}

impl Step for Latent {
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: 2 * self.dimensions,
            out: self.dimensions,
            ..StepSizes::default()
        }
    }

    /// The samples, `mean + noise * standard deviation`, and the sum of the KL divergences in nats. Without noise, the
    /// means.
    ///
    /// The sum is taken in f32 over the dimensions of a vector, and in f64 over the vectors.
    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let size = self.dimensions;
        let samples =
            io.x.chunks_exact(2 * size)
                .zip(io.out.chunks_exact_mut(size));
        let Some(noise) = io.noise else {
            for (x, out) in samples {
                out.copy_from_slice(&x[..size]);
            }
            return;
        };
        let mut samples = samples.zip(noise.chunks_exact(size));
        let kl = io.kl;
        vectorize(
            simd,
            #[inline(always)]
            || {
                for ((x, out), noise) in samples.by_ref() {
                    let (means, raw) = x.split_at(size);
                    let values = means.chunks(S::F32_LANES).zip(raw.chunks(S::F32_LANES));
                    let values = values.zip(noise.chunks(S::F32_LANES));
                    let results = out.chunks_mut(S::F32_LANES);
                    for (((mean, raw), noise), out) in values.zip(results) {
                        let [mean, raw, noise] = [mean, raw, noise].map(
                            #[inline(always)]
                            |values| read(simd, values),
                        );
                        let log_variance = self.bend(raw).0;
                        let sample = mean + (log_variance * 0.5).exp() * noise;
                        simd.partial_store_f32s(out, sample.numbers);
                        // 0 for the zeros that fill a vector.
                        let terms = mean * mean + log_variance.exp_m1_minus_self();
                        *kl += 0.5 * f64::from(simd.reduce_sum_f32s(terms.numbers));
                    }
                }
            },
        );
    }

    /// The gradient of the encoder's values, including that of `kl_scale` times the KL divergence.
    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        let Some(x_gradient) = io.x_gradient else {
            return;
        };
        let (size, kl_scale) = (self.dimensions, io.kl_scale);
        let samples = io.x.chunks_exact(2 * size);
        let samples = samples.zip(x_gradient.chunks_exact_mut(2 * size));
        let noise = io.noise.unwrap_or_default().chunks_exact(size);
        let mut samples = samples.zip(noise.zip(io.gradient.chunks_exact(size)));
        vectorize(
            simd,
            #[inline(always)]
            || {
                for ((x, to), (noise, gradient)) in samples.by_ref() {
                    let (means, raw) = x.split_at(size);
                    let (of_means, of_raw) = to.split_at_mut(size);
                    let values = means.chunks(S::F32_LANES).zip(raw.chunks(S::F32_LANES));
                    let given = noise
                        .chunks(S::F32_LANES)
                        .zip(gradient.chunks(S::F32_LANES));
                    let of_means = of_means.chunks_mut(S::F32_LANES);
                    let results = of_means.zip(of_raw.chunks_mut(S::F32_LANES));
                    for (((mean, raw), (noise, gradient)), (of_mean, of_raw)) in
                        values.zip(given).zip(results)
                    {
                        let [mean, raw, noise, gradient] = [mean, raw, noise, gradient].map(
                            #[inline(always)]
                            |values| read(simd, values),
                        );
                        let (log_variance, slope) = self.bend(raw);
                        let result = gradient + mean * kl_scale;
                        simd.partial_store_f32s(of_mean, result.numbers);
                        let deviation = (log_variance * 0.5).exp();
                        let of_sample = gradient * noise * 0.5 * deviation;
                        let of_kl = log_variance.exp_m1() * (0.5 * kl_scale);
                        let result = (of_sample + of_kl) * slope;
                        simd.partial_store_f32s(of_raw, result.numbers);
                    }
                }
            },
        );
    }
}

impl Latent {
    /// The log-variance of an encoder's value, and its derivative.
    #[inline(always)]
    fn bend<S: Simd>(&self, raw: Vector<S>) -> (Vector<S>, Vector<S>) {
        let bent = (raw * self.bound.recip()).tanh();
        (bent * self.bound, (bent * bent).one_minus())
    }
}

/// At most a vector's values, and zeros to fill it.
#[inline(always)]
fn read<S: Simd>(simd: S, values: &[f32]) -> Vector<S> {
    Vector::new(simd, simd.partial_load_f32s(values))
}
