//! The importance-weighted bound on the log-likelihood.

use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde::Serialize;

use super::{BATCH, Conditions, values};
use crate::corruption::NoiseKey;
use crate::data::Images;
use crate::engine::Inference;
use crate::network::{Autoencoder, Code};
use crate::random::Purpose;
use crate::recipe::{Elbo, Reconstruction};
use crate::{Error, Result};

/// A bound on the negative log-likelihood of images, in nats per image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportanceBound {
    /// Codes drawn for each image.
    pub samples: usize,
    /// The number of images measured.
    pub images: usize,
    /// The negative importance-weighted bound. Its expected value falls with each further sample towards
    /// the negative log-likelihood.
    pub neg_bound: f64,
    /// The negative ELBO from the same codes: the mean of the one-sample bounds.
    pub neg_elbo: f64,
}

/// The importance-weighted bound with `samples` codes z from the encoder's distribution q for each image x:
///
/// log (1/K) sum over k of p(x|z_k) p(z_k) / q(z_k|x)
///
/// (Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, equation 8). A
/// Bernoulli likelihood takes values between 0 and 1 as probabilities, as training does. Codes are keyed
/// by seed, set, image and number, so a larger count only adds codes. After each step, `done` receives the
/// number of codes that it decoded.
///
/// # Errors
/// If the network is not variational, if `samples` is not from 1 to 1,000,000, or if the shape of the
/// images is not the network's input shape.
pub fn importance_bound(
    network: &Inference,
    images: &Images,
    conditions: &Conditions,
    samples: usize,
    device: &Device,
    done: &mut dyn FnMut(usize),
) -> Result<ImportanceBound> {
    let likelihood = Likelihood::new(network.model(), conditions)?;
    if !(1..=1_000_000).contains(&samples) {
        return Err(Error::argument("samples", "1 to 1,000,000", samples));
    }
    let key = conditions.noise_key(Purpose::Importance);
    let (mut bound, mut elbo) = (0.0, 0.0);
    let indices = images.indices();
    for indices in indices.chunks(BATCH) {
        let batch = conditions.batch(images, indices, device)?;
        let target = values(&batch.target)?;
        let proposal = Proposal::new(network, &batch.input)?;
        let mut weights = vec![Vec::with_capacity(samples); indices.len()];
        for sample in 0..samples {
            // The two sets use alternate draw numbers, so that their codes differ.
            let epoch = 2 * sample as u64 + key.epoch;
            let (codes, ratios) = proposal.draw(indices, NoiseKey { epoch, ..key });
            let likelihoods = likelihood.log(network, codes, &target, device)?;
            for ((weights, ratio), likelihood) in weights.iter_mut().zip(ratios).zip(likelihoods) {
                weights.push(likelihood + ratio);
            }
            done(indices.len());
        }
        for weights in weights {
            bound += log_mean_exp(&weights);
            elbo += weights.iter().sum::<f64>() / samples as f64;
        }
    }
    let count = images.len().max(1) as f64;
    Ok(ImportanceBound {
        samples,
        images: images.len(),
        neg_bound: -bound / count,
        neg_elbo: -elbo / count,
    })
}

/// log((1/n) sum of e^value), without overflow or underflow.
fn log_mean_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = values.iter().map(|value| (value - largest).exp()).sum();
    largest + (sum / values.len() as f64).ln()
}

/// The encoder's distributions of the codes of some images.
struct Proposal {
    latent: usize,
    mean: Vec<f32>,
    log_variance: Vec<f32>,
}

impl Proposal {
    fn new(network: &Inference, input: &Tensor) -> Result<Self> {
        let posterior = network.posterior(input)?;
        Ok(Self {
            latent: posterior.mean.dim(1)?.max(1),
            mean: values(&posterior.mean)?,
            log_variance: values(&posterior.log_variance)?,
        })
    }

    /// One code per image, and its log p(z) - log q(z|x). The constants of the two densities cancel.
    fn draw(&self, indices: &[u32], key: NoiseKey) -> (Vec<f32>, Vec<f64>) {
        let mut codes = vec![0f32; self.mean.len()];
        let ratios = codes
            .chunks_mut(self.latent)
            .zip(self.mean.chunks(self.latent))
            .zip(self.log_variance.chunks(self.latent))
            .zip(indices)
            .map(|(((code, mean), log_variance), &index)| {
                key.stream(u64::from(index)).fill_normal(code);
                let mut ratio = 0.0;
                for ((z, &mean), &log_variance) in code.iter_mut().zip(mean).zip(log_variance) {
                    let noise = f64::from(*z);
                    *z = mean + (log_variance / 2.0).exp() * *z;
                    ratio +=
                        0.5 * (noise * noise + f64::from(log_variance) - f64::from(*z).powi(2));
                }
                ratio
            })
            .collect();
        (codes, ratios)
    }
}

/// The distribution of images that a decoder defines.
enum Likelihood {
    /// Independent Bernoulli distributions with the decoder's outputs as logits.
    Bernoulli,
    /// Independent normal distributions with this standard deviation around the decoder's output.
    Gaussian { sigma: f64 },
}

impl Likelihood {
    fn new(model: &Autoencoder, conditions: &Conditions) -> Result<Self> {
        let objective = conditions.objective;
        match (model.code(), objective.elbo, objective.reconstruction) {
            (Code::Gaussian { .. }, Some(_), Reconstruction::Bce) => Ok(Self::Bernoulli),
            (Code::Gaussian { .. }, Some(Elbo { sigma, .. }), Reconstruction::Mse) => {
                Ok(Self::Gaussian { sigma })
            }
            _ => Err(Error::argument(
                "an importance-weighted bound",
                "a variational autoencoder trained for an ELBO",
                "a network that is not",
            )),
        }
    }

    /// log p(x|z) of each image; `target` holds the concatenated values.
    fn log(
        &self,
        network: &Inference,
        codes: Vec<f32>,
        target: &[f32],
        device: &Device,
    ) -> Result<Vec<f64>> {
        let model = network.model();
        let latent: usize = model.code_shape().iter().product();
        let shape = (codes.len() / latent.max(1), latent);
        let codes = Tensor::from_vec(codes, shape, device)?;
        let size = model.input_shape().iter().product::<usize>().max(1);
        let decoded = match self {
            Self::Bernoulli => network.decode_logits(&codes)?,
            Self::Gaussian { .. } => network.decode(&codes)?,
        };
        let decoded = values(&decoded)?;
        let images = decoded.par_chunks(size).zip(target.par_chunks(size));
        let logs = images.map(|(decoded, target)| match *self {
            Self::Bernoulli => log_bernoulli(decoded, target),
            Self::Gaussian { sigma } => log_gaussian(decoded, target, sigma),
        });
        Ok(logs.collect())
    }
}

/// The most factors from 1 to 2 multiplied at once; their product stays in the range of f64.
const FACTORS: usize = 512;

/// The sum of x t - max(x, 0) - ln(1 + e^-|x|) over logits x and targets t. One logarithm is taken of
/// the product of many factors 1 + e^-|x|.
fn log_bernoulli(logits: &[f32], target: &[f32]) -> f64 {
    let mut sum = 0.0;
    for (logits, target) in logits.chunks(FACTORS).zip(target.chunks(FACTORS)) {
        let mut factors = 1.0;
        for (&logit, &target) in logits.iter().zip(target) {
            let logit = f64::from(logit);
            sum += logit * f64::from(target) - logit.max(0.0);
            factors *= 1.0 + (-logit.abs()).exp();
        }
        sum -= factors.ln();
    }
    sum
}

/// The logarithm of the density of independent normal distributions.
fn log_gaussian(mean: &[f32], target: &[f32], sigma: f64) -> f64 {
    let variance = sigma * sigma;
    let squares = super::squared_error(mean, target);
    -0.5 * (squares / variance + target.len() as f64 * (std::f64::consts::TAU * variance).ln())
}
