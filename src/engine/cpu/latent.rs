//! The code of a variational network: from its encoder's values to a sample.

use pulp::Simd;

use super::step::{Backward, Forward, Step, StepSizes};

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
    fn forward<S: Simd>(&self, _: S, io: Forward) {
        let size = self.dimensions;
        let samples = io.x.chunks_exact(2 * size);
        for (number, (x, out)) in samples.zip(io.out.chunks_exact_mut(size)).enumerate() {
            let (means, raw) = x.split_at(size);
            let Some(noise) = io.noise else {
                out.copy_from_slice(means);
                continue;
            };
            let noise = &noise[number * size..][..size];
            let values = means.iter().zip(raw).zip(noise);
            for (out, ((&mean, &raw), &noise)) in out.iter_mut().zip(values) {
                let (mean, noise) = (f64::from(mean), f64::from(noise));
                let log_variance = self.bend(raw).0;
                *out = (mean + (0.5 * log_variance).exp() * noise) as f32;
                *io.kl += 0.5 * (mean * mean + log_variance.exp() - 1.0 - log_variance);
            }
        }
    }

    /// The gradient of the encoder's values, including that of `kl_scale` times the KL divergence.
    fn backward<S: Simd>(&self, _: S, io: Backward) {
        let Some(x_gradient) = io.x_gradient else {
            return;
        };
        let (size, kl_scale) = (self.dimensions, io.kl_scale);
        let samples = io.x.chunks_exact(2 * size);
        let samples = samples.zip(x_gradient.chunks_exact_mut(2 * size));
        let noise = io.noise.unwrap_or_default().chunks_exact(size);
        let given = noise.zip(io.gradient.chunks_exact(size));
        for ((x, to), (noise, gradient)) in samples.zip(given) {
            for place in 0..size {
                let (mean, noise) = (f64::from(x[place]), f64::from(noise[place]));
                let gradient = f64::from(gradient[place]);
                let (log_variance, slope) = self.bend(x[size + place]);
                to[place] = (gradient + kl_scale * mean) as f32;
                let of_sample = gradient * noise * 0.5 * (0.5 * log_variance).exp();
                let of_kl = kl_scale * 0.5 * (log_variance.exp() - 1.0);
                to[size + place] = ((of_sample + of_kl) * slope) as f32;
            }
        }
    }
}

impl Latent {
    /// The log-variance of an encoder's value, and its derivative.
    fn bend(&self, raw: f32) -> (f64, f64) {
        let bent = (f64::from(raw) / self.bound).tanh();
        (bent * self.bound, 1.0 - bent * bent)
    }
}
