//! A run's state, and one step of it.

use std::time::{Duration, Instant};

use candle_core::Device;

use super::feed::Feed;
use super::samples::SamplePicture;
use crate::checkpoint::{Checkpoint, Progress};
use crate::data::{Batch, Batches, Dataset, Preparation};
use crate::device::check_precision;
use crate::engine::{Engine, Inference, fastest};
use crate::evaluate::{Conditions, Part, Report, evaluate};
use crate::network::{Autoencoder, Parameters};
use crate::objective::Losses;
use crate::optim::Optimizer;
use crate::recipe::Recipe;
use crate::{Error, Result};

/// The seed of validation and test noise: the same for every run, so that figures of different
/// seeds compare.
const EVALUATION_SEED: u64 = 0;

/// How long the parts of a step took the host. Where a device is given work ahead, its time shows in the
/// first part that needs a result: the gradients, whose loss is looked at; and in none of a step that is only started.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepTimes {
    /// Samples and their noise.
    pub batch: Duration,
    /// The loss and its gradients.
    pub gradients: Duration,
    /// The optimiser.
    pub update: Duration,
}

/// A run: a network, its data and where it has come to.
pub struct Trainer {
    pub(super) recipe: Recipe,
    pub(super) dataset: Dataset,
    content: String,
    pub(super) device: Device,
    pub(super) parameters: Parameters,
    /// Reads the same weights as the engine, without tracking.
    pub(super) model: Autoencoder,
    pub(super) engine: Box<dyn Engine>,
    pub(super) optimizer: Optimizer,
    pub(super) progress: Progress,
    /// Whether the state is as the run folder's last checkpoint holds it.
    pub(super) is_saved: bool,
    pub(super) picture: Option<SamplePicture>,
    pub(super) feed: Feed,
    pub(super) times: StepTimes,
    /// The step at which work ahead began.
    pub(super) begun_at: u64,
}

impl Trainer {
    /// A run from the start, with the recipe's input shape taken from the data.
    ///
    /// # Errors
    /// If the recipe is invalid or does not fit the data.
    pub fn new(mut recipe: Recipe, dataset: Dataset, device: Device) -> Result<Self> {
        let (channels, height, width) = dataset.train.shape();
        recipe.network.resolve_input([channels, height, width])?;
        recipe.validate()?;
        check_precision(&device, recipe.training.precision)?;
        let parameters = Parameters::drawn(recipe.seed);
        let dtype = recipe.training.precision.dtype();
        let trained = Autoencoder::new(&recipe.network, parameters.builder(dtype, &device))?;
        let frozen = parameters.frozen_builder(dtype, &device);
        let model = Autoencoder::new(&recipe.network, frozen)?;
        let optimizer = Optimizer::new(&recipe.optimizer, parameters.vars())?;
        Ok(Self {
            picture: match dataset.train.are_points() {
                true => None,
                false => Some(SamplePicture::new(
                    &dataset,
                    &recipe,
                    EVALUATION_SEED,
                    &device,
                )?),
            },
            engine: fastest(trained, recipe.objective, recipe.training.precision)?,
            content: dataset.content(),
            progress: Progress::default(),
            is_saved: false,
            feed: Feed::new(&dataset.train, &device),
            times: StepTimes::default(),
            begun_at: 0,
            recipe,
            dataset,
            device,
            parameters,
            model,
            optimizer,
        })
    }

    /// The recipe with everything filled in.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The data.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The network with the current weights, untracked.
    pub fn model(&self) -> &Autoencoder {
        &self.model
    }

    /// The network of the current weights, for use while they stay as they are.
    pub fn inference(&self) -> Inference {
        Inference::new(self.model.clone())
    }

    /// Where the run has come to.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Steps of one epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.samples_per_epoch()
            .div_ceil(self.recipe.training.batch_size)
    }

    /// Samples that an epoch visits.
    pub fn samples_per_epoch(&self) -> usize {
        Preparation::of(&self.recipe).samples(self.dataset.train.len())
    }

    /// Times one step after a warm-up, without changing anything.
    ///
    /// # Errors
    /// As a step's.
    pub fn time_step(&mut self) -> Result<Duration> {
        let first = self.batches(1)?.next().unwrap_or_default();
        let batch = self.batch(&first)?;
        self.engine.gradients(&batch)?;
        let start = Instant::now();
        let batch = self.batch(&first)?;
        self.engine.gradients(&batch)?;
        Ok(start.elapsed())
    }

    /// Does one full step on the batch at `position` of the running epoch, as training does, and
    /// returns its losses.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the loss or a gradient is not a finite number; the weights are not changed
    /// then.
    pub fn step(&mut self, indices: &[u32]) -> Result<Losses> {
        if self.goes_ahead(Losses::default())? {
            self.start_step(indices)?;
            return self.catch_up();
        }
        let start = Instant::now();
        let batch = self.batch(indices)?;
        let prepared = Instant::now();
        let (losses, gradients) = self.engine.gradients(&batch)?;
        let rate = self.rate();
        self.finite("training loss", losses.mean())?;
        let norm = self.optimizer.norm(&gradients)?;
        self.finite("norm of the gradient", norm)?;
        let derived = Instant::now();
        self.optimizer.update_of_norm(&gradients, norm, rate)?;
        self.feed.recycle(batch);
        self.progress.step += 1;
        self.is_saved = false;
        self.times = StepTimes {
            batch: prepared - start,
            gradients: derived - prepared,
            update: derived.elapsed(),
        };
        Ok(losses)
    }

    /// Why the engine is not a faster one, where that would be expected.
    pub fn engine_note(&self) -> Option<&str> {
        let is_short = self.recipe.training.precision.has_short_products();
        let unmet = (is_short && !self.engine.has_short_products()).then_some(
            "all is computed in f32; the recipe's precision is one of the kernels for CUDA cards",
        );
        self.engine.note().or(unmet)
    }

    /// How long the parts of the last step took.
    pub fn step_times(&self) -> StepTimes {
        self.times
    }

    /// Measures a network on a part of the data under the recipe's noise.
    ///
    /// # Errors
    /// If the network takes another shape.
    pub fn evaluate(&self, network: &Inference, part: Part) -> Result<Report> {
        let images = match part {
            Part::Validation => &self.dataset.validation,
            Part::Test => &self.dataset.test,
        };
        let conditions = Conditions {
            preparation: Preparation::of(&self.recipe),
            objective: self.recipe.objective,
            part,
            seed: EVALUATION_SEED,
        };
        evaluate(network, images, &conditions, &self.device)
    }

    /// The state as a checkpoint, with or without what resuming needs.
    pub(super) fn checkpoint(&self, resumable: bool) -> Result<Checkpoint> {
        let weights = self
            .parameters
            .vars()
            .into_iter()
            .map(|(name, var)| (name, var.as_detached_tensor()))
            .collect();
        Ok(Checkpoint {
            recipe: self.recipe.clone(),
            data: self.content.clone(),
            progress: self.progress.clone(),
            weights,
            optimizer: if resumable {
                self.optimizer.state()?
            } else {
                Default::default()
            },
            // Fitted when the run is over.
            sampling: Default::default(),
        })
    }

    /// Refuses a state that is not worth saving.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a weight or a value of the optimiser's is not a finite number.
    pub(super) fn check_state(&self) -> Result<()> {
        match self.checkpoint(true)?.not_finite()? {
            Some((name, value)) => self.finite(&format!("sum of `{name}`"), value),
            None => Ok(()),
        }
    }

    /// The batches of an epoch, in order.
    pub fn batches(&self, epoch: u64) -> Result<Batches> {
        let Recipe { training, seed, .. } = &self.recipe;
        let count = self.samples_per_epoch();
        if training.batch_size >= count {
            return Batches::whole(count);
        }
        Batches::new(count, training.batch_size, *seed, epoch)
    }

    /// The samples of these indices as the running epoch sees them.
    pub(super) fn batch(&mut self, indices: &[u32]) -> Result<Batch> {
        let at = (self.progress.epoch as u64 + 1, self.progress.step);
        let (images, code) = (&self.dataset.train, self.model.code());
        self.feed.batch(images, &self.recipe, code, indices, at)
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate_at(self.progress.step)
    }

    pub(super) fn rate_at(&self, step: u64) -> f64 {
        let steps_per_epoch = self.steps_per_epoch() as u64;
        let epochs = self.recipe.training.epochs as u64;
        let factor = self.recipe.schedule.factor(step, steps_per_epoch, epochs);
        self.recipe.optimizer.lr() * factor
    }

    pub(super) fn finite(&self, what: &str, value: f64) -> Result<()> {
        if value.is_finite() {
            return Ok(());
        }
        Err(Error::NotFinite {
            what: what.to_string(),
            value,
            epoch: self.progress.epoch + 1,
            step: self.progress.step + 1,
            learning_rate: self.rate(),
        })
    }
}
