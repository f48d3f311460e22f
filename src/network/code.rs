//! The code between encoder and decoder.

use candle_core::Tensor;

use crate::{Error, Result};

/// How the encoder's output becomes the decoder's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Unchanged.
    Plain,
    /// The encoder gives mean and log-variance of a normal distribution with `latent` independent
    /// dimensions; the decoder reads a sample of it.
    Gaussian {
        /// Its dimensions.
        latent: usize,
    },
}

/// The normal distributions of the codes, one per sample; both tensors are `(N, latent)`.
#[derive(Debug, Clone)]
pub struct Posterior {
    /// The means.
    pub mean: Tensor,
    /// The logarithms of the variances.
    pub log_variance: Tensor,
}

/// Log-variances are bounded by plus and minus this value: standard deviations from 0.02 to 55, far
/// beyond both the prior's 1 and the precision that images need.
pub(crate) const LOG_VARIANCE_BOUND: f64 = 8.0;

impl Code {
    /// Shape of the decoder's input for the encoder's output.
    ///
    /// # Errors
    /// If the encoder does not give two values for each latent dimension.
    pub(super) fn shape(self, encoded: &[usize]) -> Result<Vec<usize>> {
        match self {
            Self::Plain => Ok(encoded.to_vec()),
            Self::Gaussian { latent } if encoded == [2 * latent] => Ok(vec![latent]),
            Self::Gaussian { latent } => Err(Error::layer(
                "encoder (last layer)",
                format!(
                    "{} values, mean and log-variance of each dimension",
                    2 * latent
                ),
                format!("{encoded:?}"),
            )),
        }
    }

    /// The distributions of codes from the encoder's output `(N, 2 latent)`: the means first, then the
    /// log-variances, which a smooth function maps into their range, so that their gradient never vanishes.
    ///
    /// # Errors
    /// If the code is plain; the encoder's own.
    pub(crate) fn posterior(self, encode: impl FnOnce() -> Result<Tensor>) -> Result<Posterior> {
        let Self::Gaussian { latent } = self else {
            let (expected, found) = ("a normal distribution", "plain values");
            return Err(Error::layer("code", expected, found));
        };
        let encoded = encode()?;
        let raw = encoded.narrow(1, latent, latent)?.contiguous()?;
        Ok(Posterior {
            mean: encoded.narrow(1, 0, latent)?.contiguous()?,
            log_variance: ((raw / LOG_VARIANCE_BOUND)?.tanh()? * LOG_VARIANCE_BOUND)?,
        })
    }
}

impl Posterior {
    /// `mean + noise * standard deviation`, the reparameterisation of Kingma and Welling (2014, section
    /// 2.4). `noise` is `(N, latent)`, standard normal; the caller passes it in, so that it can be
    /// repeated.
    ///
    /// # Errors
    /// If the noise does not have the shape of the means.
    pub fn sample(&self, noise: &Tensor) -> Result<Tensor> {
        let deviation = (&self.log_variance * 0.5)?.exp()?;
        Ok((&self.mean + deviation.mul(noise)?)?)
    }

    /// The KL divergence to the standard normal prior in nats, for each sample and dimension, `(N,
    /// latent)`: `(mean^2 + variance - 1 - log variance) / 2` (Kingma and Welling 2014, appendix B).
    ///
    /// # Errors
    /// Only candle's own.
    pub fn kl(&self) -> Result<Tensor> {
        let variance = self.log_variance.exp()?;
        let sum = ((self.mean.sqr()? + variance)? - &self.log_variance)?;
        Ok(((sum - 1.0)? * 0.5)?)
    }
}
