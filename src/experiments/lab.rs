//! The environment of experiments: their data, seeds, folder and progress messages.

use std::path::PathBuf;

use candle_core::Device;

use super::statistics::seeds;
use crate::data::{Dataset, Source, load_with};
use crate::file::sweep;
use crate::network::Autoencoder;
use crate::recipe::Recipe;
use crate::train::{EpochMetrics, Event, Trainer};
use crate::{Error, Result};

/// The options of a session of experiments.
#[derive(Debug, Clone)]
pub struct Options {
    /// The source of MNIST.
    pub source: Source,
    /// Whether to skip the download.
    pub offline: bool,
    /// Fewer seeds, the built-in sample, fewer epochs: minutes instead of hours; the figures are not
    /// judged.
    pub quick: bool,
    /// Number of seeds for experiments that take minutes per seed.
    pub seeds: usize,
    /// The folder in which each experiment gets a subfolder.
    pub folder: PathBuf,
    /// The device that trains.
    pub device: Device,
}

/// The state of a session of experiments.
pub struct Lab<'a> {
    options: Options,
    id: &'static str,
    tell: &'a mut dyn FnMut(&str),
    /// The network of conv-denoiser's first seed, for the experiment on its filters.
    pub(super) denoiser: Option<(Autoencoder, String)>,
}

/// A finished run.
pub(super) struct Trained {
    pub trainer: Trainer,
    pub history: Vec<EpochMetrics>,
}

impl Trained {
    /// Validation losses, one per epoch.
    pub fn validation(&self) -> Vec<f64> {
        self.history.iter().map(|row| row.validation_loss).collect()
    }

    /// Whether this is the first seed, which the pictures show.
    pub fn is_first(&self) -> bool {
        self.trainer.recipe().seed == 1
    }
}

/// What the runs of a recipe have in common.
#[derive(Default)]
pub(super) struct Runs {
    /// The description of the data.
    pub origin: String,
    pub epochs: usize,
    pub batch_size: usize,
    pub judged: bool,
    /// Such as "3 seeds".
    pub seeds: String,
}

/// Trains until this many epochs are done.
pub(super) fn train_until(trainer: &mut Trainer, epochs: usize) -> Result<()> {
    while trainer.progress().epoch < epochs {
        trainer.epoch()?;
    }
    Ok(())
}

impl<'a> Lab<'a> {
    /// `tell` receives progress messages, one short line at a time.
    pub fn new(options: Options, tell: &'a mut dyn FnMut(&str)) -> Self {
        Self {
            options,
            id: "",
            tell,
            denoiser: None,
        }
    }

    /// Begins an experiment.
    pub(super) fn enter(&mut self, id: &'static str) -> Result<()> {
        self.id = id;
        let folder = self.folder();
        std::fs::create_dir_all(&folder)
            .map_err(|source| Error::io("create the folder", &folder, source))?;
        sweep(&folder);
        Ok(())
    }

    /// The running experiment's folder.
    pub fn folder(&self) -> PathBuf {
        self.options.folder.join(self.id)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(super) fn device(&self) -> &Device {
        &self.options.device
    }

    pub(super) fn quick(&self) -> bool {
        self.options.quick
    }

    /// Seeds of an experiment that takes seconds per seed.
    pub(super) fn cheap_seeds(&self) -> std::ops::RangeInclusive<u64> {
        match self.options.quick {
            true => 1..=5,
            false => 1..=20,
        }
    }

    pub(super) fn tell(&mut self, text: &str) {
        (self.tell)(&format!("{}: {text}", self.id));
    }

    /// A shipped recipe with another seed and `key=value` settings.
    pub(super) fn recipe(&self, name: &str, seed: u64, settings: &[&str]) -> Result<Recipe> {
        let mut settings: Vec<String> = settings.iter().map(|text| text.to_string()).collect();
        settings.push(format!("seed={seed}"));
        Recipe::load(name, &settings)
    }

    /// Whether to judge the figures of an experiment on this data: not with --quick, and not on a
    /// sample.
    pub(super) fn judged(&self, data: &Dataset) -> bool {
        !self.options.quick && !data.origin.is_sample()
    }

    /// A new run of a recipe, on the data that it asks for.
    pub(super) fn trainer(&self, name: &str, seed: u64, settings: &[&str]) -> Result<Trainer> {
        let recipe = self.recipe(name, seed, settings)?;
        let source = match recipe.data.points {
            Some(points) => Source::Points(points),
            None => self.options.source.clone(),
        };
        let data = load_with(&source, &recipe.data, self.options.offline)?;
        Trainer::new(recipe, data, self.options.device.clone())
    }

    /// Runs a recipe to its end.
    pub(super) fn train(&mut self, name: &str, seed: u64, settings: &[&str]) -> Result<Trained> {
        let mut trainer = self.trainer(name, seed, settings)?;
        let epochs = trainer.recipe().training.epochs;
        let label = trainer.recipe().objective.label();
        let mut history = Vec::new();
        trainer.run(None, &|| false, &mut |event| match event {
            Event::Epoch(metrics) => history.push(metrics.clone()),
            Event::Step {
                epoch,
                position,
                steps,
                done,
                loss,
                ..
            } if done > 1 || position.is_multiple_of(10) => self.tell(&format!(
                "seed {seed}, epoch {epoch}/{epochs}, step {position}/{steps}, {label} {loss:.4}"
            )),
            _ => {}
        })?;
        Ok(Trained { trainer, history })
    }

    /// Runs a recipe that takes minutes to its end with every seed; `measure` receives each run.
    pub(super) fn train_seeds(
        &mut self,
        name: &str,
        settings: &[&str],
        mut measure: impl FnMut(&mut Self, &Trained) -> Result<()>,
    ) -> Result<Runs> {
        let mut runs = Runs::default();
        for seed in 1..=self.options.seeds as u64 {
            let trained = self.train(name, seed, settings)?;
            measure(self, &trained)?;
            let (recipe, data) = (trained.trainer.recipe(), trained.trainer.dataset());
            runs.origin = data.origin.to_string();
            runs.epochs = recipe.training.epochs;
            runs.batch_size = recipe.training.batch_size;
            runs.judged = self.judged(data);
        }
        runs.seeds = seeds(self.options.seeds);
        Ok(runs)
    }
}
