//! `autoencode bench`.

use std::time::Instant;

use anyhow::Result;
use autoencode::data::{Source, load};
use autoencode::recipe::Recipe;
use autoencode::train::{Trainer, peak_memory_mb};
use clap::Args;
use serde_json::json;

use super::output::{print, print_json};
use super::shared::Shared;

/// Time training steps of a recipe on the built-in sample.
///
/// A step is all that training does for a batch: samples, noise, forward and backward pass, update.
#[derive(Debug, Args)]
pub struct Bench {
    /// A recipe by name or TOML file.
    #[arg(default_value = "conv-denoiser")]
    recipe: String,

    /// Steps that are timed, after a warm-up of a fifth as many.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    steps: u32,

    /// Samples a step (training.batch_size).
    #[arg(long, value_name = "N")]
    batch_size: Option<u32>,

    /// Set any key of the recipe; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

impl Bench {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let chosen = shared.device()?;
        let mut settings = self.settings.clone();
        if let Some(size) = self.batch_size {
            settings.push(format!("training.batch_size={size}"));
        }
        let recipe = Recipe::load(&self.recipe, &settings)?;
        let dataset = load(&Source::Sample, true)?;
        let mut trainer = Trainer::new(recipe, dataset, chosen.device.clone())?;
        let batch_size = trainer.recipe().training.batch_size;
        let warm_up = self.steps.div_ceil(5).max(2) as usize;

        let mut times = Vec::new();
        let mut parts = [const { Vec::new() }; 3];
        let mut epoch = 1;
        let mut batches = trainer.batches(epoch)?;
        let mut done = 0;
        while times.len() < self.steps as usize {
            let Some(indices) = batches.next() else {
                epoch += 1;
                batches = trainer.batches(epoch)?;
                continue;
            };
            // The partial batch at the end of an epoch would be timed as a whole one.
            if indices.len() < batch_size && trainer.steps_per_epoch() > 1 {
                continue;
            }
            let start = Instant::now();
            trainer.step(&indices)?;
            // Work on a device is waited for, so that it is timed where it belongs.
            chosen.device.synchronize()?;
            let time = start.elapsed().as_secs_f64() * 1e3;
            if done >= warm_up {
                times.push(time);
                let of_step = trainer.step_times();
                let of_parts = [of_step.batch, of_step.gradients, of_step.update];
                for (times, time) in parts.iter_mut().zip(of_parts) {
                    times.push(time.as_secs_f64() * 1e3);
                }
            }
            done += 1;
        }
        times.sort_by(f64::total_cmp);
        let median = median_of_sorted(&times);
        let [batch, gradients, update] = parts.map(|mut times| {
            times.sort_by(f64::total_cmp);
            median_of_sorted(&times)
        });
        let samples = batch_size.min(trainer.dataset().train.len());
        let rate = samples as f64 / (median / 1e3);
        let memory = peak_memory_mb();
        if shared.json {
            return print_json(&json!({
                "recipe": trainer.recipe().name,
                "device": chosen.name,
                "threads": shared.threads(),
                "batch_size": samples,
                "steps": times.len(),
                "ms_per_step_median": median,
                "ms_per_step_min": times.first(),
                "ms_per_step_max": times.last(),
                "ms_batch_median": batch,
                "ms_gradients_median": gradients,
                "ms_update_median": update,
                "images_per_second": rate,
                "peak_memory_mb": memory,
            }));
        }
        print(&format!(
            "{}, batches of {samples}, {} ({} threads): {median:.2} ms a step (median of {}, {:.2} to {:.2}; \
             batch {batch:.2}, gradients {gradients:.2}, update {update:.2}), {rate:.0} images/s, \
             peak memory {}",
            trainer.recipe().name,
            chosen.name,
            shared.threads(),
            times.len(),
            times.first().copied().unwrap_or(f64::NAN),
            times.last().copied().unwrap_or(f64::NAN),
            memory.map_or("unknown".to_string(), |mb| format!("{mb:.0} MB")),
        ))
    }
}

/// Of sorted values; between the two in the middle where their number is even.
fn median_of_sorted(sorted: &[f64]) -> f64 {
    let upper = sorted.len() / 2;
    let lower = sorted.len().saturating_sub(1) / 2;
    match (sorted.get(lower), sorted.get(upper)) {
        (Some(lower), Some(upper)) => (lower + upper) / 2.0,
        _ => f64::NAN,
    }
}
