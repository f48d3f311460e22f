//! `autoencode evaluate`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anyhow::Result;
use autoencode::data::{Dataset, Preparation, counted};
use autoencode::engine::AnySize;
use autoencode::evaluate::{Conditions, PcaBaseline, Quality, Report, evaluate, evaluate_whole};
use autoencode::recipe::{Corruption, Noise, fraction};
use clap::Args;
use serde::Serialize;

use super::data::Data;
use super::measures::{MeasureFlags, Measures};
use super::model::Model;
use super::output::{figure, print, print_json, table};
use super::part::PartFlag;
use super::shared::Shared;
use super::status::Counter;
use super::trained_data::{Relation, TrainedData};

/// Measure a checkpoint on the test images or another part of a data set, under its training noise or another.
///
/// BCE: binary cross-entropy in nats per pixel, from logits for the network's output; for the noisy
/// input, from values clamped to [1e-7, 1 - 1e-7].
/// MSE: mean squared error per pixel, values in [0,1].
/// PSNR: 10 log10(1 / MSE) of each image in decibels, then the mean over the images (equal images
/// count as 100 dB).
/// SSIM: structural similarity (Wang et al. 2004) with a Gaussian window of 11x11 pixels and
/// standard deviation 1.5, averaged over the windows that lie wholly inside the image, then over the
/// images.
/// All are measured against the clean images; a variational autoencoder uses the mean as its code.
/// Its negative ELBO is in nats per image, with one sample of the code each: the negative
/// log-likelihood of the clean image plus the KL divergence of the code from the prior. A latent
/// dimension is active if the variance of its mean over the images exceeds 0.01.
/// If the recipe binarizes its images, the binarized images are measured too, with one draw.
/// A network that was trained on patches of pictures and takes any size is measured on the whole pictures.
/// The compression factor is the number of values in an image divided by the number in its code.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Evaluate {
    #[command(flatten)]
    model: Model,

    #[command(flatten)]
    data: Data,

    #[command(flatten)]
    part: PartFlag,

    /// Factor of the Gaussian noise on the inputs, also as a fraction (25/255); 0 means none [default: the training
    /// noise].
    #[arg(long, value_name = "FACTOR", value_parser = noise_factor)]
    noise: Option<f64>,

    /// Seed of the noise. 0 gives the noise that training reports.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    measures: MeasureFlags,
}

/// The result as JSON.
#[derive(Serialize)]
struct Figures<'a> {
    checkpoint: Cow<'a, str>,
    recipe: &'a str,
    data: String,
    #[serde(flatten)]
    relation: Relation,
    corruption: Corruption,
    seed: u64,
    part: &'static str,
    /// Under the name of the part.
    #[serde(flatten)]
    report: BTreeMap<&'static str, Report>,
    #[serde(flatten)]
    measures: Measures,
}

/// Parses a noise factor within the useful range for values in [0,1].
pub fn noise_factor(text: &str) -> Result<f64, String> {
    match fraction(text) {
        Some(factor) if (0.0..=100.0).contains(&factor) => Ok(factor),
        _ => Err("expected a number from 0 to 100, or a fraction as 25/255".to_string()),
    }
}

/// Gaussian noise with that factor, clipped as in training; none for 0.
pub fn gaussian(factor: f64, trained: Corruption) -> Corruption {
    if factor == 0.0 {
        return Corruption::None;
    }
    Corruption::Gaussian(Noise {
        clip: trained.noise().is_none_or(|noise| noise.clip),
        ..Noise::of(factor)
    })
}

impl Evaluate {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let loaded = self.model.load(shared)?;
        self.measures.check(&loaded, self.part.part)?;
        let recipe = &loaded.checkpoint.recipe;
        let data = TrainedData::find(&self.data, &loaded.checkpoint, &loaded.origin, shared)?;
        let found = data.load(shared)?;
        let part = self.part.part;
        // The figures are computed on the test images of a data set, so the part becomes these.
        let dataset = &Dataset {
            test: part.images(&found.dataset)?,
            ..found.dataset
        };
        let corruption = match self.noise {
            Some(factor) => gaussian(factor, recipe.corruption),
            None => recipe.corruption.evaluated(),
        };
        let conditions = Conditions {
            preparation: Preparation {
                corruption,
                ..Preparation::of(recipe)
            },
            objective: recipe.objective,
            part: part.measured(),
            seed: self.seed,
        };
        let any_size = match dataset.test.are_wholes() {
            true => AnySize::new(loaded.model().clone()),
            false => None,
        };
        let noun = match any_size {
            Some(_) => "pictures",
            None => recipe.data.noun(),
        };
        let report = match &any_size {
            Some(network) => {
                let mut counter = Counter::new(shared, noun, dataset.test.len());
                evaluate_whole(network, &dataset.test, &conditions, |_| counter.add(1))?
            }
            None => evaluate(&loaded.network, &dataset.test, &conditions, &loaded.device)?,
        };
        let measures = self
            .measures
            .measure(&loaded, dataset, &conditions, shared)?;
        shared.note_network(&loaded.network);
        if shared.json {
            return print_json(&Figures {
                checkpoint: loaded.origin.to_string_lossy(),
                recipe: &recipe.name,
                data: dataset.origin.to_string(),
                relation: found.relation,
                corruption,
                seed: self.seed,
                part: part.measured().name(),
                report: BTreeMap::from([(part.measured().name(), report)]),
                measures,
            });
        }
        if shared.talks() {
            print(&format!(
                "{} ({}) on {} of {}, {corruption}:",
                recipe.name,
                loaded.origin.display(),
                part.the(report.images, noun),
                dataset.origin,
            ))?;
        }
        print(&quality_table(&report, measures.pca.as_ref()))?;
        let text = measures.text(&loaded);
        if !text.is_empty() {
            print(&text)?;
        }
        match found.relation.other() {
            Some(other) => print(&format!("measured on {}: {other}", dataset.origin)),
            None => Ok(()),
        }
    }
}

/// The figures as a table: the noisy input above the output, principal components below.
pub fn quality_table(report: &Report, pca: Option<&PcaBaseline>) -> String {
    let or_dash = |value: Option<f64>, decimals: usize| {
        value.map_or("-".to_string(), |value| format!("{value:.decimals$}"))
    };
    let of_points = report.output.psnr_db.is_none();
    // Without a sigmoid the network has none to compare with.
    let has_bce = report.output.bce_per_pixel.is_some();
    let row = |name: &str, quality: &Quality| {
        let mut row = vec![name.to_string()];
        if has_bce {
            row.push(or_dash(quality.bce_per_pixel, 4));
        }
        if of_points {
            row.extend([quality.mse_per_pixel, quality.mae_per_pixel].map(figure));
        } else {
            row.push(format!("{:.5}", quality.mse_per_pixel));
            row.extend([or_dash(quality.psnr_db, 2), or_dash(quality.ssim, 4)]);
        }
        row
    };
    let heading: &[&str] = match of_points {
        true => &["", "BCE a value", "MSE a value", "MAE a value"],
        false => &["", "BCE a pixel", "MSE a pixel", "PSNR (dB)", "SSIM"],
    };
    let heading = heading.iter().enumerate();
    let heading = heading.filter(|(column, _)| has_bce || *column != 1);
    let mut rows = vec![heading.map(|(_, name)| name.to_string()).collect()];
    if let Some(input) = &report.input {
        rows.push(row("noisy input", input));
    }
    rows.push(row("output", &report.output));
    if let Some((pca, quality)) = pca.and_then(|pca| Some((pca, pca.quality.as_ref()?))) {
        let components = counted(pca.components, "components");
        rows.push(row(&format!("PCA, {components}"), quality));
    }
    let mut text = table(&rows);
    if let Some(penalty) = report.code_penalty {
        text += &format!("\npenalty on the code: {} a sample", figure(penalty));
    }
    if let Some(elbo) = &report.elbo {
        let latent = elbo.kl_by_dimension.len();
        let active = match elbo.active_units {
            Some(count) => format!("{count} of {latent} latent dimensions active"),
            None => "active latent dimensions need two or more images".to_string(),
        };
        text += &format!(
            "\nnegative ELBO {:.2} nats an image: reconstruction {:.2}, KL divergence {:.2}; {active}",
            elbo.neg_elbo, elbo.reconstruction, elbo.kl,
        );
    }
    text
}
