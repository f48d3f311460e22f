//! The code of a variational network: from its encoder's values to a sample.

use pulp::Simd;

use super::step::{Backward, Forward, Step};

/// Mean and log-variance of each dimension, `(2 latent)`, to a sample `(latent)`, with its KL
/// divergence: see [`crate::network::Posterior`] for formulas and sources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latent {
    pub dimensions: usize,
    /// Log-variances are bounded smoothly to plus and minus this.
    pub bound: f64,
}

impl Step for Latent {
    type Packed = ();

    fn x_len(&self) -> usize {
        2 * self.dimensions
    }

    fn out_len(&self) -> usize {
        self.dimensions
    }

    fn forward<S: Simd>(&self, _: S, _: (&(), &[&[f32]]), io: Forward) -> f64 {
        self.sample(io.x, io.noise, io.out)
    }

    fn backward<S: Simd>(&self, _: S, _: (&(), &[&[f32]]), io: Backward) {
        if let Some(x_gradient) = io.x_gradient {
            let given = (io.x, io.noise.unwrap_or_default());
            self.gradient(given, io.gradient, x_gradient, io.kl_scale);
        }
    }
}

impl Latent {
    /// The samples, `mean + noise * standard deviation`; returns the sum of the KL divergences in nats.
    /// Without noise, the means.
    fn sample(&self, x: &[f32], noise: Option<&[f32]>, out: &mut [f32]) -> f64 {
        let mut kl = 0.0;
        let samples = x.chunks_exact(2 * self.dimensions);
        for (number, (x, out)) in samples
            .zip(out.chunks_exact_mut(self.dimensions))
            .enumerate()
        {
            let (means, raw) = x.split_at(self.dimensions);
            for (place, ((&mean, &raw), out)) in means.iter().zip(raw).zip(out).enumerate() {
                let Some(noise) = noise else {
                    *out = mean;
                    continue;
                };
                let (mean, noise) = (
                    f64::from(mean),
                    f64::from(noise[number * self.dimensions + place]),
                );
                let log_variance = self.bend(raw).0;
                *out = (mean + (0.5 * log_variance).exp() * noise) as f32;
                kl += 0.5 * (mean * mean + log_variance.exp() - 1.0 - log_variance);
            }
        }
        kl
    }

    /// The gradient of the encoder's values, including that of `kl_scale` times the KL divergence.
    fn gradient(
        &self,
        (x, noise): (&[f32], &[f32]),
        gradient: &[f32],
        x_gradient: &mut [f32],
        kl_scale: f64,
    ) {
        let (size, both) = (self.dimensions, 2 * self.dimensions);
        let samples = x.chunks_exact(both).zip(x_gradient.chunks_exact_mut(both));
        let given = noise.chunks_exact(size).zip(gradient.chunks_exact(size));
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

    /// The log-variance of an encoder's value, and its derivative.
    fn bend(&self, raw: f32) -> (f64, f64) {
        let bent = (f64::from(raw) / self.bound).tanh();
        (bent * self.bound, 1.0 - bent * bent)
    }
}
