//! A run's state, and one step of it.

use std::time::{Duration, Instant};

use candle_core::Device;

use super::samples::SamplePicture;
use crate::checkpoint::{Checkpoint, Progress};
use crate::corruption::NoiseKey;
use crate::data::{Batches, Dataset, Keys, Preparation};
use crate::device::check_precision;
use crate::engine::{Inference, StepSpec, StepTimes, TrainingEngine};
use crate::evaluate::{Conditions, Part, Report, evaluate};
use crate::network::{Autoencoder, Parameters};
use crate::objective::Losses;
use crate::optim::Optimizer;
use crate::random::Purpose;
use crate::recipe::Recipe;
use crate::{Error, Result};

/// The seed of validation and test noise: the same for every run, so that figures of different
/// seeds compare.
const EVALUATION_SEED: u64 = 0;

/// A run: a network, its data and where it has come to.
pub struct Trainer {
    pub(super) recipe: Recipe,
    pub(super) dataset: Dataset,
    content: String,
    pub(super) device: Device,
    pub(super) parameters: Parameters,
    /// Reads the same weights as the engine, without tracking.
    pub(super) model: Autoencoder,
    pub(super) engine: TrainingEngine,
    pub(super) progress: Progress,
    /// Whether the state is as the run folder's last checkpoint holds it.
    pub(super) is_saved: bool,
    pub(super) picture: Option<SamplePicture>,
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
        let engine = TrainingEngine::new(
            trained,
            recipe.objective,
            &dataset.train,
            Preparation::of(&recipe),
            Optimizer::new(&recipe.optimizer, parameters.vars())?,
            recipe.training.batch_size,
        )?;
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
            content: dataset.content(),
            progress: Progress::default(),
            is_saved: false,
            recipe,
            dataset,
            device,
            parameters,
            model,
            engine,
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
        let spec = self.spec(&first);
        self.engine.gradients(&spec)?;
        let start = Instant::now();
        self.engine.gradients(&spec)?;
        Ok(start.elapsed())
    }

    /// Does one full step on the samples of these indices, as training does, and returns its losses.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the loss or a gradient is not a finite number; the weights are not changed
    /// then.
    pub fn step(&mut self, indices: &[u32]) -> Result<Losses> {
        self.begin_steps(Losses::default())?;
        self.start_step(indices)?;
        self.finish_steps()
    }

    /// Begins a series of steps, each of which is [started](Self::start_step), and which are
    /// [waited for](Self::finish_steps) together. `losses` are those of steps before.
    ///
    /// # Errors
    /// If the device fails.
    pub fn begin_steps(&mut self, losses: Losses) -> Result<()> {
        self.engine.begin(losses)
    }

    /// Starts the next step, on the samples of these indices; a [synchronous](Self::is_asynchronous) engine has done it
    /// then.
    ///
    /// # Errors
    /// If an index is outside of the training set, or the device fails.
    pub fn start_step(&mut self, indices: &[u32]) -> Result<()> {
        let spec = self.spec(indices);
        self.engine.step(&spec)?;
        self.progress.step += 1;
        self.is_saved = false;
        Ok(())
    }

    /// Waits for the steps that were started; returns the losses of the series and of those before it.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a step's loss or gradient was not a finite number; the weights are then as they were
    /// before that step.
    pub fn finish_steps(&mut self) -> Result<Losses> {
        let status = self.engine.status()?;
        if let Some((what, value)) = status.failure {
            self.progress.step = self.engine.optimizer().step_count();
            self.finite(what, value)?;
        }
        Ok(status.losses)
    }

    /// Whether steps go on in the background once they are started: waiting for each would leave the device idle.
    pub fn is_asynchronous(&self) -> bool {
        self.engine.is_asynchronous()
    }

    /// What the user of the engine may not expect, such as why a faster one was not taken.
    pub fn notes(&self) -> &[String] {
        self.engine.notes()
    }

    /// How long the parts of the last step took.
    pub fn step_times(&self) -> StepTimes {
        self.engine.times()
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
                self.engine.optimizer().state()?
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

    /// The next step, on the samples of these indices.
    fn spec<'a>(&self, indices: &'a [u32]) -> StepSpec<'a> {
        let (seed, epoch) = (self.recipe.seed, self.progress.epoch as u64 + 1);
        StepSpec {
            indices,
            keys: Keys::training(&Preparation::of(&self.recipe), seed, epoch),
            latent_key: NoiseKey {
                seed,
                purpose: Purpose::Latent,
                epoch,
            },
            kl_weight: self.recipe.objective.kl_weight(self.progress.step),
            learning_rate: self.rate(),
        }
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
