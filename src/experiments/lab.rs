//! The environment of experiments: their data, seeds, folder and progress messages.

use std::path::PathBuf;

use candle_core::Device;

use crate::data::{Dataset, Source, load_with};
use crate::engine::Inference;
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
    pub device: Device,
}

/// Number of seeds for experiments that take seconds per seed.
const CHEAP_SEEDS: u64 = 20;
const CHEAP_SEEDS_QUICK: u64 = 5;

/// The state of a session of experiments.
pub struct Lab<'a> {
    options: Options,
    id: &'static str,
    tell: &'a mut dyn FnMut(&str),
    /// The network of conv-denoiser's first seed, for the experiment on its filters.
    pub(super) denoiser: Option<(Autoencoder, String)>,
}

/// A trained network with its history.
pub(super) struct Trained {
    pub trainer: Trainer,
    pub history: Vec<EpochMetrics>,
}

impl Trained {
    pub fn model(&self) -> &Autoencoder {
        self.trainer.model()
    }

    pub fn inference(&self) -> Inference {
        self.trainer.inference()
    }

    /// Validation losses, one per epoch.
    pub fn validation(&self) -> Vec<f64> {
        self.history.iter().map(|row| row.validation_loss).collect()
    }
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
            .map_err(|source| Error::io("create the folder", folder, source))
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
            true => 1..=CHEAP_SEEDS_QUICK,
            false => 1..=CHEAP_SEEDS,
        }
    }

    /// Seeds of an experiment that takes minutes per seed.
    pub(super) fn seeds(&self) -> std::ops::RangeInclusive<u64> {
        1..=self.options.seeds as u64
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

    /// The data that a recipe asks for.
    pub(super) fn data(&self, recipe: &Recipe) -> Result<Dataset> {
        let source = match recipe.data.points {
            Some(points) => Source::Points(points),
            None => self.options.source.clone(),
        };
        load_with(&source, &recipe.data, self.options.offline)
    }

    /// Whether to judge the figures of an experiment on this data: not with --quick, and not on a
    /// sample.
    pub(super) fn judged(&self, data: &Dataset) -> bool {
        !self.options.quick && !data.origin.is_sample()
    }

    /// A new run.
    pub(super) fn trainer(&self, recipe: Recipe, data: Dataset) -> Result<Trainer> {
        Trainer::new(recipe, data, self.options.device.clone())
    }

    /// Runs a recipe to its end.
    pub(super) fn train(&mut self, recipe: Recipe, data: Dataset) -> Result<Trained> {
        let mut trainer = self.trainer(recipe, data)?;
        let (epochs, seed) = (trainer.recipe().training.epochs, trainer.recipe().seed);
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
}
