//! How good a network's reconstructions are.

mod covariance;
mod elbo;
mod pca;
mod projection;
mod quality;
mod ssim;

use candle_core::{Device, Tensor};

pub use elbo::ElboReport;
pub use pca::Pca;
pub use projection::{Projection, project};
pub use quality::{Quality, bce_per_pixel, psnr_db, squared_error};
pub use ssim::ssim;

use crate::Result;
use crate::corruption::NoiseKey;
use crate::data::{Batch, Images};
use crate::model::Autoencoder;
use crate::objective::scalar;
use crate::ops;
use crate::random::Purpose;
use crate::recipe::{Activation, Corruption, Objective, Reconstruction};
use elbo::ElboTotals;
use serde::Serialize;

/// Which part of a data set; its noise differs from the others'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Validation,
    Test,
}

impl Part {
    /// The draw of this part's noise: the same for every network, so that figures compare.
    pub fn noise_key(self, purpose: Purpose, seed: u64) -> NoiseKey {
        NoiseKey {
            seed,
            purpose,
            epoch: match self {
                Self::Validation => 0,
                Self::Test => 1,
            },
        }
    }
}

/// Under what a network is measured.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// What is done to the inputs.
    pub corruption: Corruption,
    /// What the network was trained for: an ELBO is measured where it says so.
    pub objective: Objective,
    pub part: Part,
    /// Key of all noise.
    pub seed: u64,
}

/// The figures of a network on a set of images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub images: usize,
    /// The network's reconstructions against the clean images.
    pub output: Quality,
    /// The corrupted inputs against the clean images; absent when there is no corruption.
    pub input: Option<Quality>,
    /// Of a variational network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elbo: Option<ElboReport>,
}

impl Report {
    /// The figure that an objective minimises. A network without a final sigmoid has no binary
    /// cross-entropy; recipes that ask for it are refused, so NaN is never seen then.
    pub fn loss(&self, objective: Objective) -> f64 {
        match (&self.elbo, objective.reconstruction) {
            (Some(elbo), _) => elbo.loss,
            (None, Reconstruction::Bce) => self.output.bce_per_pixel.unwrap_or(f64::NAN),
            (None, Reconstruction::Mse) => self.output.mse_per_pixel,
        }
    }
}

/// How many images go through the network at once: enough to keep every core busy, few enough to
/// stay small in memory.
const BATCH: usize = 250;

/// Measures a network on every image of a set, in order.
///
/// # Errors
/// If the images are not shaped as the network's input.
pub fn evaluate(
    model: &Autoencoder,
    images: &Images,
    conditions: &Conditions,
    device: &Device,
) -> Result<Report> {
    let shape = images.shape();
    let corruption = &conditions.corruption;
    let key = conditions
        .part
        .noise_key(Purpose::Evaluation, conditions.seed);
    let mut output = quality::Totals::default();
    let mut input = quality::Totals::default();
    let mut elbo = ElboTotals::new(model, conditions);
    let indices: Vec<u32> = (0..images.len())
        .map_while(|index| u32::try_from(index).ok())
        .collect();
    for indices in indices.chunks(BATCH) {
        let batch = Batch::prepare(images, indices, corruption, key, device)?;
        let (reconstruction, bce) = reconstruct(model, &batch)?;
        let target = values(&batch.target)?;
        output.add(shape, &values(&reconstruction)?, &target, bce);
        if !corruption.is_none() {
            let noisy = values(&batch.input)?;
            let bce = bce_per_pixel(&noisy, &target) * target.len() as f64;
            input.add(shape, &noisy, &target, Some(bce));
        }
        if let Some(elbo) = &mut elbo {
            elbo.add(model, batch, indices)?;
        }
    }
    Ok(Report {
        images: images.len(),
        output: output.mean(images.len(), images.image_len()),
        input: (!corruption.is_none()).then(|| input.mean(images.len(), images.image_len())),
        elbo: elbo.map(ElboTotals::report),
    })
}

/// The reconstructions, and the sum of the binary cross-entropy from the logits where the network
/// ends in a sigmoid.
fn reconstruct(model: &Autoencoder, batch: &Batch) -> Result<(Tensor, Option<f64>)> {
    if !model.ends_in(Activation::Sigmoid) {
        return Ok((model.reconstruct(&batch.input)?, None));
    }
    let logits = model.logits(&batch.input)?;
    let bce = scalar(&ops::bce_with_logits_sum(&logits, &batch.target)?)?;
    Ok((ops::sigmoid(&logits)?, Some(bce)))
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}
