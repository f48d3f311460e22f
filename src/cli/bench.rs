//! `autoencode bench`.

use std::time::Instant;

use anyhow::Result;
use autoencode::data::{Source, counted, load_with};
use autoencode::device::{self, Chosen};
use autoencode::objective::Losses;
use autoencode::ops::composed;
use autoencode::recipe::NamedSet;
use autoencode::train::{Trainer, peak_memory_mb};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use super::data::{choose, source};
use super::output::{print, print_json};
use super::recipe;
use super::shared::Shared;
use super::wording::{OFFLINE, PRECISION, SET};

/// Time training steps of a recipe, or reconstruction by its network.
///
/// A step is everything training does for a batch: samples, noise, forward and backward pass,
/// update.
#[derive(Debug, Args)]
pub struct Bench {
    /// A recipe: a name, a TOML file, a run folder, or `-` for standard input.
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

    #[arg(long, value_name = "TYPE", help = PRECISION, conflicts_with = "inference")]
    precision: Option<String>,

    /// The engine to time.
    #[arg(long, value_name = "NAME", value_enum, default_value_t)]
    engine: Engine,

    /// Images by name or path, as in `train --data` [default: sample].
    #[arg(long, value_name = "SET|PATH", value_parser = source())]
    data: Option<Source>,

    #[arg(long, help = OFFLINE)]
    offline: bool,

    #[arg(long = "set", value_name = "KEY=VALUE", help = SET)]
    settings: Vec<String>,
}

/// Engines to compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Engine {
    /// The one that training, or with --inference `infer`, uses.
    #[default]
    Fastest,
    /// Automatic differentiation, the reference; with --inference, the layers one after the other.
    Autograd,
}

impl Engine {
    /// Calls `make`, which makes the engine. Engines with steps of their own decline without kernels, and the
    /// reference, which is left, uses kernels outside of `make`.
    fn choose<R>(self, make: impl FnOnce() -> R) -> R {
        match self {
            Self::Fastest => make(),
            Self::Autograd => composed::only(make),
        }
    }
}

/// Steps queued on an asynchronous engine before synchronising.
const QUEUED: usize = 20;
/// Images of --inference, and their usual number per pass through the network.
const IMAGES: usize = 10_000;
const BATCH: u32 = 1000;
/// Timed passes over all images, after one warm-up pass.
const PASSES: usize = 5;

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
        let recipe = recipe::load(&self.recipe, &settings, shared)?;
        let default = match recipe.data.points {
            Some(points) => Source::Points(points),
            None => Source::Set(NamedSet::Sample),
        };
        let data = self.data.as_ref();
        let source = choose(data, default, &recipe.data, self.offline, shared)?;
        let dataset = load_with(&source, &recipe.data, self.offline)?;
        shared.note_origin(&dataset);
        let trainer = || Trainer::new(recipe, dataset, chosen.device.clone());
        let trainer = self.engine.choose(trainer)?;
        for note in trainer.notes() {
            shared.note(note);
        }
        match self.inference {
            true => self.time_inference(&trainer, &chosen, shared),
            false => self.time_training(trainer, &chosen, shared),
        }
    }

    fn time_training(&self, mut trainer: Trainer, chosen: &Chosen, shared: &Shared) -> Result<()> {
        let batch_size = trainer.recipe().training.batch_size;
        let steps = self.steps as usize;
        // Synchronous steps are timed one by one; asynchronous steps in groups, as training runs them.
        let at_once = match trainer.is_asynchronous() {
            true => QUEUED.min(steps),
            false => 1,
        };
        let timings = steps.div_ceil(at_once);
        let warm_up = timings.div_ceil(5).max(2);

        trainer.begin_steps(Losses::default())?;
        let [mut times, mut batch, mut gradients, mut update] = [const { Vec::new() }; 4];
        let mut batches = Vec::new();
        let mut epoch = 0;
        for timing in 0..warm_up + timings {
            while batches.len() < at_once {
                epoch += 1;
                // Skip the partial batch at the end of an epoch: it would count as a whole one.
                let of_epoch = trainer.batches(epoch)?;
                let is_whole = trainer.steps_per_epoch() == 1;
                batches.extend(of_epoch.filter(|batch| is_whole || batch.len() == batch_size));
            }
            let start = Instant::now();
            for indices in batches.drain(..at_once) {
                trainer.start_step(&indices)?;
            }
            trainer.finish_steps()?;
            // Synchronise, so that the time covers all of the device's work.
            chosen.device.synchronize()?;
            let time = start.elapsed().as_secs_f64() * 1e3 / at_once as f64;
            if timing >= warm_up {
                times.push(time);
                let of_step = trainer.step_times();
                batch.push(of_step.batch.as_secs_f64() * 1e3);
                gradients.push(of_step.gradients.as_secs_f64() * 1e3);
                update.push(of_step.update.as_secs_f64() * 1e3);
            }
        }
        let steps = times.len() * at_once;
        let [median, min, max] = median_and_range(times);
        let [batch, gradients, update] = [batch, gradients, update].map(|times| {
            let [median, ..] = median_and_range(times);
            median
        });
        let (name, threads) = (&trainer.recipe().name, rayon::current_num_threads());
        let samples = batch_size.min(trainer.dataset().train.len());
        let rate = samples as f64 / (median / 1e3);
        let memory = peak_memory_mb();
        let device_memory = device::peak_memory_mb(&chosen.device);
        if shared.json {
            return print_json(&json!({
                "recipe": name,
                "engine": self.engine,
                "device": chosen.name,
                "threads": threads,
                "batch_size": samples,
                "steps": steps,
                "ms_per_step_median": median,
                "ms_per_step_min": min,
                "ms_per_step_max": max,
                "ms_batch_median": batch,
                "ms_gradients_median": gradients,
                "ms_update_median": update,
                "images_per_second": rate,
                "peak_memory_mb": memory,
                "device_peak_memory_mb": device_memory,
            }));
        }
        print(&format!(
            "{name}, batches of {samples}, {} ({}): {median:.2} ms a step (median of {steps}, \
             {min:.2} to {max:.2}; batch {batch:.2}, gradients {gradients:.2}, update {update:.2}), \
             {rate:.0} images/s, peak memory {}",
            chosen.name,
            counted(threads, "threads"),
            peak_memory(memory, device_memory),
        ))
    }

    fn time_inference(&self, trainer: &Trainer, chosen: &Chosen, shared: &Shared) -> Result<()> {
        let batch_size = self.batch_size.unwrap_or(BATCH).max(1) as usize;
        let images = &trainer.dataset().train;
        // Cycles through the images if there are fewer than needed.
        let mut indices = (0..images.len() as u32).cycle();
        let mut batches = Vec::new();
        for first in (0..IMAGES).step_by(batch_size) {
            let count = batch_size.min(IMAGES - first);
            let some: Vec<u32> = indices.by_ref().take(count).collect();
            batches.push(images.batch(&some, &chosen.device)?);
        }
        let network = self.engine.choose(|| trainer.inference());
        let pass = || -> Result<f64> {
            let start = Instant::now();
            for batch in &batches {
                network.reconstruct(batch)?;
            }
            chosen.device.synchronize()?;
            Ok(start.elapsed().as_secs_f64())
        };
        pass()?;
        let seconds = (0..PASSES).map(|_| pass()).collect::<Result<_>>()?;
        shared.note_network(&network);
        let [median, min, max] = median_and_range(seconds);
        let (name, threads) = (&trainer.recipe().name, rayon::current_num_threads());
        let memory = peak_memory_mb();
        let device_memory = device::peak_memory_mb(&chosen.device);
        if shared.json {
            return print_json(&json!({
                "recipe": name,
                "engine": self.engine,
                "device": chosen.name,
                "threads": threads,
                "images": IMAGES,
                "batch_size": batch_size,
                "seconds": median,
                "seconds_min": min,
                "seconds_max": max,
                "peak_memory_mb": memory,
                "device_peak_memory_mb": device_memory,
            }));
        }
        print(&format!(
            "{name}, {} ({}): {IMAGES} images in batches of {batch_size} reconstructed in \
             {median:.2} s (median of {PASSES}, {min:.2} to {max:.2}), {:.0} images/s, peak memory {}",
            chosen.name,
            counted(threads, "threads"),
            IMAGES as f64 / median,
            peak_memory(memory, device_memory),
        ))
    }
}

/// The median (the mean of the middle two of an even count), the smallest and the largest value.
fn median_and_range(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
    let last = values.len().saturating_sub(1);
    let median = (at(last / 2) + at(values.len() / 2)) / 2.0;
    [median, at(0), at(last)]
}

/// Peak memory as text.
fn peak_memory(host: Option<f64>, device: Option<f64>) -> String {
    let host = host.map_or("unknown".to_string(), |mb| format!("{mb:.0} MB"));
    match device {
        Some(device) => format!("{host}, on the device {device:.0} MB"),
        None => host,
    }
}
