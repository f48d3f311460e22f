//! The measures that flags of `autoencode evaluate` add to the reconstruction figures.

use anyhow::Result;
use autoencode::Error;
use autoencode::data::{Dataset, grouped};
use autoencode::engine::Inference;
use autoencode::evaluate::{
    CodeKnn, Conditions, ImportanceBound, PcaBaseline, code_knn, compression, importance_bound,
    pca_baseline,
};
use autoencode::network::{Autoencoder, Code};
use candle_core::Device;
use clap::Args;
use serde::Serialize;

use super::counter::Counter;
use super::model::Loaded;
use super::shared::Shared;

#[derive(Debug, Args)]
pub struct MeasureFlags {
    /// Also measure principal components, as many as the code has values: fitted to the clean
    /// training images, they reconstruct the same test images as the network. Their reconstructions
    /// are not clipped to [0,1].
    #[arg(long)]
    pca: bool,

    /// Also predict the label of each clean test image from the K nearest codes of the clean
    /// training images (Euclidean distance; a tie goes to the label with the nearest code) and
    /// report the accuracy. For codes of up to 1,024 values [default K: 5].
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    knn: Option<u16>,

    /// Also bound the log-likelihood by importance weighting with K codes per image (Burda et al.
    /// 2016, equation 8): tighter than the ELBO, and tighter for larger K. Each code costs one
    /// decoder pass over all test images. For variational autoencoders.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    iwae: Option<u32>,
}

/// The measured values.
#[derive(Serialize)]
pub struct Measures {
    compression_factor: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pca: Option<PcaBaseline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    knn: Option<CodeKnn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iwae: Option<ImportanceBound>,
}

impl MeasureFlags {
    /// Refuses --iwae for a network without a likelihood.
    pub fn check(&self, loaded: &Loaded) -> Result<()> {
        if self.iwae.is_none() || matches!(loaded.model().code(), Code::Gaussian { .. }) {
            return Ok(());
        }
        let expected = "a checkpoint of a variational autoencoder, whose likelihood --iwae bounds";
        let found = format!("`{}`, which has none", loaded.checkpoint.recipe.name);
        Err(Error::file(&loaded.origin, expected, found).into())
    }

    /// Measures the values that the flags request.
    pub fn measure(
        &self,
        network: &Inference,
        dataset: &Dataset,
        conditions: &Conditions,
        device: &Device,
        shared: &Shared,
    ) -> Result<Measures> {
        let model = network.model();
        let size = code_values(model);
        let pca = match self.pca {
            true => Some(pca_baseline(size, dataset, conditions)?),
            false => None,
        };
        let knn = match self.knn {
            Some(k) => {
                let total = dataset.train.len() + dataset.test.len();
                let mut counter = Counter::new(shared, "images encoded", total);
                let mut done = |count| counter.add(count);
                let k = usize::from(k);
                Some(code_knn(network, dataset, k, device, &mut done)?)
            }
            None => None,
        };
        let iwae = match self.iwae {
            Some(samples) => {
                let samples = samples as usize;
                let total = samples.saturating_mul(dataset.test.len());
                let mut counter = Counter::new(shared, "codes decoded", total);
                let mut done = |count| counter.add(count);
                let test = &dataset.test;
                Some(importance_bound(
                    network, test, conditions, samples, device, &mut done,
                )?)
            }
            None => None,
        };
        Ok(Measures {
            compression_factor: compression(model),
            pca,
            knn,
            iwae,
        })
    }
}

fn code_values(model: &Autoencoder) -> usize {
    model.code_shape().iter().product()
}

impl Measures {
    /// The measures as text, one line each; the table holds the figures of principal components.
    pub fn text(&self, model: &Autoencoder) -> String {
        let image: usize = model.input_shape().iter().product();
        let mut lines = vec![format!(
            "compression factor {}: {} values in an image, {} in its code",
            factor(self.compression_factor),
            grouped(image),
            grouped(code_values(model)),
        )];
        if let Some(pca) = &self.pca {
            lines.push(match (pca.explained_variance, &pca.reason) {
                (Some(part), _) => format!(
                    "PCA: {} components explain {:.1}% of the variance of the {} training images",
                    grouped(pca.components),
                    100.0 * part,
                    grouped(pca.fitted),
                ),
                (None, reason) => format!("PCA: - ({})", reason.as_deref().unwrap_or_default()),
            });
        }
        if let Some(knn) = &self.knn {
            lines.push(match (knn.accuracy, &knn.reason) {
                (Some(accuracy), _) => format!(
                    "kNN accuracy of the codes: {:.2}% (k = {}, the codes of {} training images)",
                    100.0 * accuracy,
                    knn.k,
                    grouped(knn.references),
                ),
                (None, reason) => format!(
                    "kNN accuracy of the codes: - ({})",
                    reason.as_deref().unwrap_or_default()
                ),
            });
        }
        if let Some(iwae) = &self.iwae {
            lines.push(format!(
                "negative importance-weighted bound {:.2} nats an image ({} codes each; negative ELBO from the same codes {:.2})",
                iwae.neg_bound,
                grouped(iwae.samples),
                iwae.neg_elbo,
            ));
        }
        lines.join("\n")
    }
}

/// A short number, with three decimals if it is small.
fn factor(value: f64) -> String {
    let text = if value < 10.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.1}")
    };
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}
