//! The evidence lower bound and its parts.

use candle_core::Tensor;
use serde::Serialize;

use super::Conditions;
use crate::Result;
use crate::corruption::NoiseKey;
use crate::data::Batch;
use crate::device::reals;
use crate::engine::Inference;
use crate::network::{Autoencoder, Code, Posterior};
use crate::objective::Losses;
use crate::random::Purpose;
use crate::recipe::{Elbo, Objective, Reconstruction};

/// A latent dimension is active if the variance of its mean over the images is above this (Burda, Grosse
/// and Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, section 5.1).
const ACTIVE_VARIANCE: f64 = 0.01;

/// The negative ELBO of a variational network and its parts, in nats per image, with one code sampled
/// per image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ElboReport {
    /// The training loss: reconstruction plus the weighted KL divergence.
    pub loss: f64,
    /// The negative evidence lower bound: reconstruction plus KL divergence.
    pub neg_elbo: f64,
    /// The negative log-likelihood of the images.
    pub reconstruction: f64,
    /// The KL divergence of the codes' distributions from the prior.
    pub kl: f64,
    /// The KL divergence of each dimension.
    pub kl_by_dimension: Vec<f64>,
    /// Number of dimensions whose mean differs between images; not known from one image.
    pub active_units: Option<usize>,
}

/// Sums over images, in order.
pub(super) struct ElboTotals {
    objective: Objective,
    elbo: Elbo,
    latent: usize,
    key: NoiseKey,
    losses: Losses,
    /// For each dimension: KL divergence, mean, and its square.
    kl: Vec<f64>,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl ElboTotals {
    /// The totals for a variational network trained on an ELBO, else `None`.
    pub fn new(model: &Autoencoder, conditions: &Conditions) -> Option<Self> {
        let Code::Gaussian { latent } = model.code() else {
            return None;
        };
        Some(Self {
            elbo: conditions.objective.elbo?,
            objective: conditions.objective,
            latent,
            key: conditions.noise_key(Purpose::EvaluationLatent),
            losses: Losses::default(),
            kl: vec![0.0; latent],
            means: vec![0.0; latent],
            squares: vec![0.0; latent],
        })
    }

    /// Adds a batch with the distributions of its codes.
    pub fn add(
        &mut self,
        network: &Inference,
        posterior: &Posterior,
        batch: Batch,
        indices: &[u32],
    ) -> Result<()> {
        let weight = self.objective.kl_weight(u64::MAX);
        let batch = batch.with_latent_noise(indices, self.latent, self.key, weight)?;
        let objective = self.objective;
        let decode = |codes: &Tensor| match objective.reconstruction {
            Reconstruction::Bce => network.decode_logits(codes),
            _ => network.decode(codes),
        };
        let sums = objective.elbo_sums(self.elbo, posterior, decode, &batch)?;
        self.losses += objective.losses(&sums, &batch)?;

        let (kl, means) = (reals(&posterior.kl()?)?, reals(&posterior.mean)?);
        let latent = self.latent.max(1);
        for (kl, means) in kl.chunks(latent).zip(means.chunks(latent)) {
            for (sum, &value) in self.kl.iter_mut().zip(kl) {
                *sum += value;
            }
            let sums = self.means.iter_mut().zip(&mut self.squares);
            for ((sum, square), &mean) in sums.zip(means) {
                *sum += mean;
                *square += mean * mean;
            }
        }
        Ok(())
    }

    pub fn report(self) -> ElboReport {
        let images = self.losses.count.max(1) as f64;
        let loss = self.losses.mean();
        let kl = self.losses.kl();
        let reconstruction = loss - self.objective.kl_weight(u64::MAX) * kl;
        let variances = self.means.iter().zip(&self.squares).map(|(sum, square)| {
            let mean = sum / images;
            square / images - mean * mean
        });
        ElboReport {
            loss,
            neg_elbo: reconstruction + kl,
            reconstruction,
            kl,
            active_units: (self.losses.count > 1)
                .then(|| variances.filter(|&v| v > ACTIVE_VARIANCE).count()),
            kl_by_dimension: self.kl.iter().map(|sum| sum / images).collect(),
        }
    }
}
