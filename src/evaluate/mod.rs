//! Measuring the quality of a network's reconstructions.

mod codes;
mod covariance;
mod eigen;
mod elbo;
mod iwae;
mod knn;
mod pca;
mod pca_baseline;
mod quality;
mod ssim;
mod whole;

use candle_core::{DType, Device, Tensor};

pub use codes::{CodeKnn, MAX_KNN_VALUES, code_knn, codes, compression};
pub use elbo::ElboReport;
pub use iwae::{ImportanceBound, importance_bound};
pub use knn::{Labelled, knn_accuracy, knn_labels};
pub use pca::Pca;
pub use pca_baseline::{PcaBaseline, pca_baseline};
pub use quality::{Quality, absolute_error, bce_per_pixel, psnr_db, squared_error};
pub use ssim::ssim;
pub use whole::evaluate_whole;

use crate::activation::Activation;
use crate::corruption::NoiseKey;
use crate::data::{Batch, Dataset, Images, Keys, Preparation};
use crate::device::{reals, scalar};
use crate::engine::Inference;
use crate::network::Code;
use crate::ops;
use crate::random::Purpose;
use crate::recipe::{Objective, Reconstruction};
use crate::{Error, Result};
use elbo::ElboTotals;
use serde::Serialize;

/// A part of a data set; each part has its own noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The validation set.
    Validation,
    /// The test set.
    Test,
    /// The training set.
    Train,
    /// The training, the validation and the test set, in this order.
    All,
}

impl Part {
    /// As in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Test => "test",
            Self::Train => "train",
            Self::All => "all",
        }
    }

    /// The samples of this part.
    ///
    /// # Errors
    /// If the parts of the set differ in shape or kind.
    pub fn images(self, dataset: &Dataset) -> Result<Images> {
        Ok(match self {
            Self::Validation => dataset.validation.clone(),
            Self::Test => dataset.test.clone(),
            Self::Train => dataset.train.clone(),
            Self::All => {
                let learned = dataset.train.followed_by(&dataset.validation)?;
                learned.followed_by(&dataset.test)?
            }
        })
    }

    /// The keys of this part's preparation: the same for every network, so that figures are comparable.
    pub fn keys(self, seed: u64) -> Keys {
        Keys {
            binarization: self.noise_key(Purpose::EvaluationBinarization, seed),
            corruption: self.noise_key(Purpose::Evaluation, seed),
            patch: self.noise_key(Purpose::Patch, seed),
        }
    }

    /// The key of this part's noise.
    pub fn noise_key(self, purpose: Purpose, seed: u64) -> NoiseKey {
        NoiseKey {
            seed,
            purpose,
            epoch: match self {
                Self::Validation => 0,
                Self::Test => 1,
                Self::Train => 2,
                Self::All => 3,
            },
        }
    }
}

/// The conditions of a measurement.
#[derive(Debug, Clone, Copy)]
pub struct Conditions {
    /// The preparation of the samples. Inputs are corrupted only for a network that was trained to
    /// denoise.
    pub preparation: Preparation,
    /// The network's training objective: if it is an ELBO, the ELBO is measured.
    pub objective: Objective,
    /// The part that is measured, which decides its noise.
    pub part: Part,
    /// The seed of all noise.
    pub seed: u64,
}

impl Conditions {
    /// The key of the noise for a purpose.
    fn noise_key(&self, purpose: Purpose) -> NoiseKey {
        self.part.noise_key(purpose, self.seed)
    }

    /// The samples at these indices, prepared for the measurement.
    fn batch(&self, images: &Images, indices: &[u32], device: &Device) -> Result<Batch> {
        let mut preparation = self.preparation;
        preparation.corruption = preparation.corruption.evaluated();
        let keys = self.part.keys(self.seed);
        Batch::prepare(images, indices, &preparation, keys, device)
    }
}

/// The figures of a network on a set of images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The number of samples measured.
    pub images: usize,
    /// The network's reconstructions against the clean images.
    pub output: Quality,
    /// The corrupted inputs against the clean images; absent when there is no corruption.
    pub input: Option<Quality>,
    /// Mean of the objective's loss over the values, if it is none of the above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconstruction_loss: Option<f64>,
    /// Mean penalty on the codes over the samples, if the objective has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_penalty: Option<f64>,
    /// Only for a variational network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elbo: Option<ElboReport>,
}

impl Report {
    /// The figure that an objective minimises. A network without a final sigmoid has no binary
    /// cross-entropy; recipes that ask for it are refused, so the NaN is never seen.
    pub fn loss(&self, objective: Objective) -> f64 {
        if let Some(elbo) = &self.elbo {
            return elbo.loss;
        }
        let reconstruction = match objective.reconstruction {
            Reconstruction::Bce => self.output.bce_per_pixel.unwrap_or(f64::NAN),
            Reconstruction::Mse => self.output.mse_per_pixel,
            Reconstruction::Mae => self.output.mae_per_pixel,
            _ => self.reconstruction_loss.unwrap_or(f64::NAN),
        };
        reconstruction + self.code_penalty.unwrap_or(0.0)
    }
}

/// Number of images that go through the network at once: enough to keep every core busy, few enough to
/// use little memory.
const BATCH: usize = 250;
/// The same for points, which are smaller.
const POINTS: usize = 10_000;

/// Measures a network on every sample of a set, in order.
///
/// # Errors
/// If there are no samples, or their shape is not the network's input shape.
pub fn evaluate(
    network: &Inference,
    images: &Images,
    conditions: &Conditions,
    device: &Device,
) -> Result<Report> {
    if images.is_empty() {
        let expected = "one or more samples";
        return Err(Error::argument("set to measure on", expected, "none"));
    }
    let is_corrupted = !conditions.preparation.corruption.evaluated().is_none();
    let mut output = quality::Totals::default();
    let mut input = quality::Totals::default();
    let loss = conditions.objective.reconstruction;
    let mut loss_sum = match loss {
        Reconstruction::Bce | Reconstruction::Mse | Reconstruction::Mae => None,
        _ => Some(0.0),
    };
    let mut penalty = conditions.objective.code_penalty.map(|_| 0.0);
    let mut elbo = ElboTotals::new(network.model(), conditions);
    let count = conditions.preparation.clean_samples(images.len());
    let indices: Vec<u32> = (0u32..).take(count).collect();
    let at_once = if images.are_points() { POINTS } else { BATCH };
    for indices in indices.chunks(at_once) {
        let batch = conditions.batch(images, indices, device)?;
        let (codes, posterior) = match network.model().code() {
            Code::Plain => (network.encode(&batch.input)?, None),
            Code::Gaussian { .. } => {
                let posterior = network.posterior(&batch.input)?;
                (posterior.mean.clone(), Some(posterior))
            }
        };
        let (reconstruction, bce) = decode(network, &codes, &batch.target)?;
        add(&mut output, images, &reconstruction, &batch.target)?;
        if let Some(bce) = bce {
            output.add_bce(bce);
        }
        if is_corrupted {
            add(&mut input, images, &batch.input, &batch.target)?;
            if !images.are_points() {
                let (noisy, target) = (values(&batch.input)?, values(&batch.target)?);
                input.add_bce(bce_per_pixel(&noisy, &target) * target.len() as f64);
            }
        }
        if let Some(sum) = &mut loss_sum {
            *sum += scalar(&ops::loss_sum(loss, &reconstruction, &batch.target)?)?;
        }
        if let (Some(sum), Some(kind)) = (&mut penalty, conditions.objective.code_penalty) {
            *sum += scalar(&kind.sum(&codes)?)?;
        }
        if let (Some(elbo), Some(posterior)) = (&mut elbo, &posterior) {
            elbo.add(network, posterior, batch, indices)?;
        }
    }
    let values = count * images.image_len();
    let mean = |totals: &quality::Totals| totals.mean(count, values);
    Ok(Report {
        images: count,
        output: mean(&output),
        input: is_corrupted.then(|| mean(&input)),
        reconstruction_loss: loss_sum.map(|sum| sum / values.max(1) as f64),
        code_penalty: penalty.map(|sum| sum / count.max(1) as f64),
        elbo: elbo.map(ElboTotals::report),
    })
}

fn add(
    totals: &mut quality::Totals,
    images: &Images,
    output: &Tensor,
    target: &Tensor,
) -> Result<()> {
    if images.are_points() {
        totals.add_points(&reals(output)?, &reals(target)?);
    } else {
        totals.add_images(images.shape(), &values(output)?, &values(target)?);
    }
    Ok(())
}

/// The reconstructions, and, if the network ends in a sigmoid, the sum of the binary cross-entropy,
/// computed from the logits.
fn decode(network: &Inference, codes: &Tensor, target: &Tensor) -> Result<(Tensor, Option<f64>)> {
    if !network.model().ends_in(Activation::Sigmoid) {
        return Ok((network.decode(codes)?, None));
    }
    let logits = network.decode_logits(codes)?;
    let bce = scalar(&ops::bce_with_logits_sum(&logits, target)?)?;
    Ok((ops::sigmoid(&logits)?, Some(bce)))
}

fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}
