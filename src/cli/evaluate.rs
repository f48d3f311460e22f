//! `autoencode evaluate`.

use anyhow::Result;
use autoencode::Error;
use autoencode::data::{Dataset, grouped};
use autoencode::device::Chosen;
use autoencode::evaluate::{
    CodeKnn, Conditions, ImportanceBound, Part, PcaBaseline, Quality, Report, code_knn,
    compression, evaluate, importance_bound, pca_baseline,
};
use autoencode::model::{Autoencoder, Code};
use autoencode::recipe::{Corruption, Draw};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::counter::Counter;
use super::model::{Loaded, Model};
use super::output::{print, print_json, table};
use super::shared::{Data, Shared};

/// Measure a checkpoint on the test images, under the noise it was trained with or another.
///
/// BCE: binary cross-entropy in nats a pixel, from the logits for the network's output; for the
/// noisy input from values kept 1e-7 away from 0 and 1.
/// MSE: mean squared error a pixel, values in [0,1].
/// PSNR: 10 log10(1 / MSE) of each image in decibels, then the mean over the images (equal images
/// count as 100 dB).
/// SSIM: structural similarity (Wang et al. 2004) with a Gaussian window of 11x11 pixels and
/// standard deviation 1.5, the mean over the windows that lie wholly inside, then over the images.
/// All are measured against the clean images, a variational autoencoder's with the mean as its code.
/// Its negative ELBO is in nats an image, with one sample of the code each: the negative
/// log-likelihood of the clean image plus the KL divergence of the code from the prior. A latent
/// dimension is active if its mean varies by more than 0.01 (variance over the images).
/// The compression factor is the number of values in an image over that in its code.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Evaluate {
    #[command(flatten)]
    model: Model,

    #[command(flatten)]
    data: Data,

    /// Factor of the Gaussian noise on the inputs; 0 is none [default: as the network was trained].
    #[arg(long, value_name = "FACTOR", value_parser = noise_factor)]
    noise: Option<f64>,

    /// Key of the noise; 0 is the draw that training reports.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Also measure principal components, as many as the code has values: fitted to the clean
    /// training images, they reconstruct the same test images as the network. Their
    /// reconstructions are not clipped to [0,1].
    #[arg(long)]
    pca: bool,

    /// Also tell the label of each clean test image from the K nearest codes of the clean training
    /// images (Euclidean distance; of labels with equally many, the one whose nearest code is
    /// nearer) and report how often that is right. For codes of up to 1,024 values [default K: 5].
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "5", value_parser = clap::value_parser!(u16).range(1..))]
    knn: Option<u16>,

    /// Also bound the log-likelihood by importance weighting with K codes of each image (Burda et
    /// al. 2016, equation 8): tighter than the ELBO, and the tighter the more. Each code costs a
    /// pass of the decoder over all test images. For variational autoencoders.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    iwae: Option<u32>,
}

/// What is measured beside the reconstructions.
#[derive(Serialize)]
struct Measures {
    #[serde(skip_serializing_if = "Option::is_none")]
    pca: Option<PcaBaseline>,
    #[serde(skip_serializing_if = "Option::is_none")]
    knn: Option<CodeKnn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iwae: Option<ImportanceBound>,
}

/// A noise factor that makes sense for values in [0,1].
pub fn noise_factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if (0.0..=100.0).contains(&factor) => Ok(factor),
        _ => Err("expected a number from 0 to 100".to_string()),
    }
}

/// Gaussian noise of that factor, none for 0.
pub fn gaussian(factor: f64) -> Corruption {
    if factor == 0.0 {
        Corruption::None
    } else {
        Corruption::Gaussian {
            factor,
            draw: Draw::default(),
        }
    }
}

impl Evaluate {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let chosen = shared.device()?;
        let loaded = self.model.load(&chosen)?;
        if self.iwae.is_some() {
            refuse_without_likelihood(&loaded)?;
        }
        let dataset = self.data.load(&loaded.checkpoint.recipe.data, shared)?;
        shared.note_origin(&dataset);
        let corruption = match self.noise {
            Some(factor) => gaussian(factor),
            None => loaded.checkpoint.recipe.corruption,
        };
        let conditions = Conditions {
            corruption,
            objective: loaded.checkpoint.recipe.objective,
            part: Part::Test,
            seed: self.seed,
        };
        let report = evaluate(&loaded.model, &dataset.test, &conditions, &chosen.device)?;
        let measures = self.measure(&loaded.model, &dataset, &conditions, &chosen, shared)?;
        if shared.json {
            let mut json = json!({
                "checkpoint": loaded.origin,
                "recipe": loaded.checkpoint.recipe.name,
                "data": dataset.origin.to_string(),
                "corruption": corruption,
                "seed": self.seed,
                "compression": compression(&loaded.model),
                "test": report,
            });
            if let (Some(json), serde_json::Value::Object(measures)) =
                (json.as_object_mut(), serde_json::to_value(measures)?)
            {
                json.extend(measures);
            }
            return print_json(&json);
        }
        if shared.talks() {
            print(&format!(
                "{} ({}) on the {} test images of {}, {corruption}:",
                loaded.checkpoint.recipe.name,
                loaded.origin.display(),
                grouped(report.images),
                dataset.origin,
            ))?;
        }
        print(&quality_table(&report, measures.pca.as_ref()))?;
        print(&measures.text(&loaded.model))
    }

    /// What the flags ask for.
    fn measure(
        &self,
        model: &Autoencoder,
        dataset: &Dataset,
        conditions: &Conditions,
        chosen: &Chosen,
        shared: &Shared,
    ) -> Result<Measures> {
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
                Some(code_knn(model, dataset, k, &chosen.device, &mut done)?)
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
                let device = &chosen.device;
                Some(importance_bound(
                    model, test, conditions, samples, device, &mut done,
                )?)
            }
            None => None,
        };
        Ok(Measures { pca, knn, iwae })
    }
}

/// A bound on the likelihood needs a network that has one.
fn refuse_without_likelihood(loaded: &Loaded) -> Result<()> {
    if matches!(loaded.model.code(), Code::Gaussian { .. }) {
        return Ok(());
    }
    let expected = "a checkpoint of a variational autoencoder, whose likelihood --iwae bounds";
    let found = format!("`{}`, which has none", loaded.checkpoint.recipe.name);
    Err(Error::file(&loaded.origin, expected, found).into())
}

fn code_values(model: &Autoencoder) -> usize {
    model.code_shape().iter().product()
}

impl Measures {
    /// One line for each.
    fn text(&self, model: &Autoencoder) -> String {
        let image: usize = model.input_shape().iter().product();
        let mut lines = vec![format!(
            "compression factor {}: {} values in an image, {} in its code",
            factor(compression(model)),
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
                "importance-weighted negative log-likelihood at most {:.2} nats an image ({} codes each; negative ELBO from the same codes {:.2})",
                iwae.neg_bound,
                grouped(iwae.samples),
                iwae.neg_elbo,
            ));
        }
        lines.join("\n")
    }
}

/// Short, with three digits behind the point where it is small.
fn factor(value: f64) -> String {
    let text = if value < 10.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.1}")
    };
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// The figures as a table: the noisy input above the output, principal components below.
pub fn quality_table(report: &Report, pca: Option<&PcaBaseline>) -> String {
    let row = |name: &str, quality: &Quality| {
        vec![
            name.to_string(),
            quality
                .bce_per_pixel
                .map_or("-".to_string(), |bce| format!("{bce:.4}")),
            format!("{:.5}", quality.mse_per_pixel),
            format!("{:.2}", quality.psnr_db),
            format!("{:.4}", quality.ssim),
        ]
    };
    let heading = ["", "BCE a pixel", "MSE a pixel", "PSNR (dB)", "SSIM"];
    let mut rows = vec![heading.map(str::to_string).to_vec()];
    if let Some(input) = &report.input {
        rows.push(row("noisy input", input));
    }
    rows.push(row("output", &report.output));
    if let Some((pca, quality)) = pca.and_then(|pca| Some((pca, pca.quality.as_ref()?))) {
        let components = grouped(pca.components);
        rows.push(row(&format!("PCA, {components} components"), quality));
    }
    let mut text = table(&rows);
    if let Some(elbo) = &report.elbo {
        text += &format!(
            "\nnegative ELBO {:.2} nats an image: reconstruction {:.2}, KL divergence {:.2}; {} of {} latent dimensions active",
            elbo.neg_elbo,
            elbo.reconstruction,
            elbo.kl,
            elbo.active_units,
            elbo.kl_by_dimension.len(),
        );
    }
    text
}
