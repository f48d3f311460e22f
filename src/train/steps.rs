//! Single steps of a run.

use std::time::{Duration, Instant};

use super::trainer::Trainer;
use crate::corruption::NoiseKey;
use crate::data::{Batches, Keys, Preparation};
use crate::engine::{StepSpec, StepTimes};
use crate::objective::Losses;
use crate::random::Purpose;
use crate::recipe::Recipe;
use crate::{Error, Result};

impl Trainer {
    /// Steps per epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.samples_per_epoch()
            .div_ceil(self.recipe.training.batch_size)
    }

    /// Samples per epoch.
    pub fn samples_per_epoch(&self) -> usize {
        Preparation::of(&self.recipe).samples(self.dataset.train.len())
    }

    /// Times one step after a warm-up, without changing anything.
    ///
    /// # Errors
    /// The same as for a step.
    pub fn time_step(&mut self) -> Result<Duration> {
        let first = self.batches(1)?.next().unwrap_or_default();
        let spec = self.spec(&first);
        self.engine.gradients(&spec)?;
        let start = Instant::now();
        self.engine.gradients(&spec)?;
        Ok(start.elapsed())
    }

    /// Does one full training step on the samples with these indices, and returns its losses.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the loss or a gradient is not finite; the weights are then unchanged.
    pub fn step(&mut self, indices: &[u32]) -> Result<Losses> {
        self.begin_steps(Losses::default())?;
        self.start_step(indices)?;
        self.finish_steps()
    }

    /// Begins a series of steps: each is [started](Self::start_step), and all are [waited for](Self::finish_steps)
    /// together. `losses` are those of earlier steps.
    ///
    /// # Errors
    /// If the device fails.
    pub fn begin_steps(&mut self, losses: Losses) -> Result<()> {
        self.engine.begin(losses)
    }

    /// Starts the next step, on the samples with these indices; a [synchronous](Self::is_asynchronous) engine finishes
    /// it before returning.
    ///
    /// # Errors
    /// If an index is outside the training set, or the device fails.
    pub fn start_step(&mut self, indices: &[u32]) -> Result<()> {
        let spec = self.spec(indices);
        self.engine.step(&spec)?;
        self.progress.step += 1;
        self.is_saved = false;
        Ok(())
    }

    /// Waits for the started steps; returns the losses of the series and of the steps before it.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a step's loss or gradient was not finite; the weights are then as they were before that
    /// step.
    pub fn finish_steps(&mut self) -> Result<Losses> {
        let status = self.engine.status()?;
        if let Some((what, value)) = status.failure {
            self.progress.step = self.engine.optimizer().step_count();
            self.finite(what, value)?;
        }
        Ok(status.losses)
    }

    /// Whether started steps run in the background: waiting for each would leave the device idle.
    pub fn is_asynchronous(&self) -> bool {
        self.engine.is_asynchronous()
    }

    /// The times of the parts of the last step.
    pub fn step_times(&self) -> StepTimes {
        self.engine.times()
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

    /// The next step, on the samples with these indices.
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
        let (steps, epochs) = (self.steps_per_epoch(), self.recipe.training.epochs);
        let schedule = self.recipe.schedule;
        self.recipe.optimizer.lr() * schedule.factor(step, steps as u64, epochs as u64)
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
