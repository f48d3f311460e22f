//! `autoencode bench`.

mod inference;
mod training;

use anyhow::Result;
use autoencode::data::Source;
use autoencode::recipe::{NamedSet, Recipe};
use autoencode::train::Trainer;
use clap::Args;

use super::data::{Request, source};
use super::shared::Shared;

/// Time training steps of a recipe, or reconstruction by its network.
///
/// A step is everything training does for a batch: samples, noise, forward and backward pass,
/// update.
#[derive(Debug, Args)]
pub struct Bench {
    /// A recipe by name or TOML file.
    #[arg(default_value = "conv-denoiser")]
    recipe: String,

    /// Number of timed steps; a fifth as many warm-up steps run first.
    #[arg(long, value_name = "N", default_value_t = 30, conflicts_with = "inference", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    steps: u32,

    /// Time the reconstruction of 10,000 images instead of training steps.
    #[arg(long)]
    inference: bool,

    /// Samples per step (training.batch_size); with --inference, samples per pass [default: 1000].
    #[arg(long, value_name = "N")]
    batch_size: Option<u32>,

    /// Number type, as in `train --precision` (training.precision).
    #[arg(long, value_name = "TYPE", conflicts_with = "inference")]
    precision: Option<String>,

    /// Images by name or path, as in `train --data` [default: sample].
    #[arg(long, value_name = "SET|PATH", value_parser = source())]
    data: Option<Source>,

    /// Download nothing, as in `train`.
    #[arg(long)]
    offline: bool,

    /// Set any key of the recipe; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

impl Bench {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let chosen = shared.device()?;
        let mut settings = self.settings.clone();
        if let (Some(size), false) = (self.batch_size, self.inference) {
            settings.push(format!("training.batch_size={size}"));
        }
        if let Some(precision) = &self.precision {
            settings.push(format!("training.precision={precision}"));
        }
        let recipe = Recipe::load(&self.recipe, &settings)?;
        let default = match recipe.data.points {
            Some(points) => Source::Points(points),
            None => Source::Set(NamedSet::Sample),
        };
        let data = self.data.as_ref();
        let request = Request::new(data, default, &recipe.data, self.offline, shared)?;
        let dataset = request.load()?;
        shared.note_origin(&dataset);
        let trainer = Trainer::new(recipe, dataset, chosen.device.clone())?;
        for note in trainer.notes() {
            shared.remark(&format!("note: {note}"));
        }
        match self.inference {
            true => inference::time(&trainer, self.batch_size, &chosen, shared),
            false => training::time(trainer, self.steps, &chosen, shared),
        }
    }
}

/// The median of sorted values; the mean of the middle two for an even count.
fn median_of_sorted(sorted: &[f64]) -> f64 {
    let upper = sorted.len() / 2;
    let lower = sorted.len().saturating_sub(1) / 2;
    match (sorted.get(lower), sorted.get(upper)) {
        (Some(lower), Some(upper)) => (lower + upper) / 2.0,
        _ => f64::NAN,
    }
}

/// Peak memory as text.
fn peak_memory(host: Option<f64>, device: Option<f64>) -> String {
    let host = host.map_or("unknown".to_string(), |mb| format!("{mb:.0} MB"));
    match device {
        Some(device) => format!("{host}, on the device {device:.0} MB"),
        None => host,
    }
}
