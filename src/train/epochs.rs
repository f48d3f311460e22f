//! The loop over epochs: steps, validation, files.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::event::{Ending, Event};
use super::metrics::{EpochMetrics, Kl};
use super::run_folder::RunFolder;
use super::trainer::Trainer;
use crate::Result;
use crate::checkpoint::{Best, Checkpoint};
use crate::evaluate::Part;
use crate::objective::Losses;

/// The interval between waits for an asynchronous engine to report its progress: each wait leaves the device idle until
/// its next step.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Trainer {
    /// [Runs](Self::run) until `observe` says to stop, if it does before the end.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// use autoencode::data::{Dataset, Images};
    /// use autoencode::recipe::{DenseConfig, Recipe};
    /// use autoencode::train::{Ending, Event, Trainer};
    /// use candle_core::Device;
    ///
    /// let images = Images::from_floats((1, 4, 4), (0..640).map(|i| (i % 7) as f32 / 6.0).collect())?;
    /// let recipe = Recipe::new("tiny", DenseConfig::new([8, 2]));
    /// let mut trainer = Trainer::new(recipe, Dataset::split(&images)?, Device::Cpu)?;
    /// let ending = trainer.fit(None, |event| match event {
    ///     Event::Epoch(metrics) if metrics.epoch == 2 => ControlFlow::Break(()),
    ///     _ => ControlFlow::Continue(()),
    /// })?;
    /// assert_eq!(ending, Ending::Stopped);
    /// assert!(trainer.best().is_some());
    /// # Ok::<(), autoencode::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn fit(
        &mut self,
        folder: Option<&mut RunFolder>,
        mut observe: impl FnMut(Event) -> ControlFlow<()>,
    ) -> Result<Ending> {
        let stopped = Cell::new(false);
        self.run(folder, &|| stopped.get(), &mut |event| {
            if observe(event).is_break() {
                stopped.set(true);
            }
        })
    }

    /// Trains until the recipe's last epoch, until its patience runs out, or until `stop` returns true after a step.
    /// Then fits the density of the codes if the recipe asks for one. Without a folder, nothing is kept but the weights
    /// in memory and those of the [best epoch](Self::best), and no density is fitted.
    ///
    /// # Errors
    /// If the loss is no longer finite, or a file cannot be written. What was saved before stays.
    pub fn run(
        &mut self,
        mut folder: Option<&mut RunFolder>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Event),
    ) -> Result<Ending> {
        if let Some(folder) = folder.as_deref_mut().filter(|_| !self.is_saved) {
            self.begin(folder)?;
        }
        loop {
            if let Some(ending) = self.ending() {
                return match folder.as_deref() {
                    Some(folder) if !self.fit_density(folder, stop, observe)? => {
                        Ok(Ending::Stopped)
                    }
                    _ => Ok(ending),
                };
            }
            let start = Instant::now();
            let begun_at = self.progress.position;
            if self.run_steps(folder.as_deref_mut(), stop, observe)? == Ending::Stopped {
                break;
            }
            let trained = self
                .samples_per_epoch()
                .saturating_sub(begun_at * self.recipe.training.batch_size);
            if self.reports(self.progress.epoch + 1) {
                self.finish_epoch(folder.as_deref_mut(), start, trained, observe)?;
            } else {
                self.begin_epoch();
            }
            if stop() {
                break;
            }
        }
        if let Some(folder) = folder.filter(|_| !self.is_saved) {
            self.save(folder)?;
        }
        Ok(Ending::Stopped)
    }

    /// Saves the recipe and the state before the first step of a run or of its extension. A file that cannot be written
    /// is then reported at once, and a run killed in its first epoch can be resumed.
    fn begin(&mut self, folder: &mut RunFolder) -> Result<()> {
        folder.clear()?;
        if self.progress.best.is_some() {
            let mut best = Checkpoint::read(&folder.best())?;
            best.recipe = self.recipe.clone();
            best.write(&folder.best())?;
        }
        folder.write_recipe(&self.recipe)?;
        self.save(folder)
    }

    /// One epoch of steps, neither measured nor saved; returns its training losses.
    ///
    /// # Errors
    /// If the loss is no longer finite.
    pub fn epoch(&mut self) -> Result<Losses> {
        self.run_steps(None, &|| false, &mut |_| {})?;
        let losses = self.progress.losses();
        self.begin_epoch();
        Ok(losses)
    }

    /// Saves the resume state if it is valid.
    fn save(&mut self, folder: &mut RunFolder) -> Result<()> {
        self.check_state()?;
        self.write(folder)
    }

    fn write(&mut self, folder: &mut RunFolder) -> Result<()> {
        folder.save(&self.state(true)?)?;
        self.is_saved = true;
        Ok(())
    }

    /// Whether an epoch, counted from 1, is measured and saved.
    fn reports(&self, epoch: usize) -> bool {
        let training = self.recipe.training;
        epoch >= training.epochs || epoch.is_multiple_of(training.report_every)
    }

    /// Advances the progress past the last step of an epoch.
    fn begin_epoch(&mut self) {
        self.progress.epoch += 1;
        self.progress.position = 0;
        self.progress.set_losses(Losses::default());
    }

    /// How the run ended; `None` while epochs are left. It depends on the number of the best epoch alone, so that a run
    /// resumed from a checkpoint ends where an uninterrupted one does.
    pub fn ending(&self) -> Option<Ending> {
        let training = self.recipe.training;
        let done = self.progress.epoch;
        if done >= training.epochs {
            return Some(Ending::Finished);
        }
        let waited = done.saturating_sub(self.progress.best?.epoch);
        let patience = training.patience.filter(|_| self.reports(done))?;
        (waited >= patience).then_some(Ending::StoppedEarly)
    }

    /// Runs the remaining steps of the current epoch.
    fn run_steps(
        &mut self,
        mut folder: Option<&mut RunFolder>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Event),
    ) -> Result<Ending> {
        let epoch = self.progress.epoch + 1;
        let batches = self.batches(epoch as u64)?.skip(self.progress.position);
        let steps = self.steps_per_epoch();
        let begun = (self.progress.step, self.progress.position);
        self.begin_steps(self.progress.losses())?;
        let (mut done, mut samples, mut looked) = (0, 0, Instant::now());
        for indices in batches {
            self.start_step(&indices)?;
            self.progress.position += 1;
            done += 1;
            samples += indices.len();
            let is_last = self.progress.position >= steps;
            // The state is saved after the last step of an epoch anyway.
            let is_due = !is_last
                && (folder.as_deref()).is_some_and(|folder| folder.is_due(self.progress.step));
            let looks = is_last
                || is_due
                || !self.is_asynchronous()
                || looked.elapsed() >= LOOK_EVERY
                || stop();
            if !looks {
                continue;
            }
            let finished = self.finish_steps();
            // A failed step does not count.
            self.progress.position = begun.1 + (self.progress.step - begun.0) as usize;
            let losses = finished?;
            self.progress.set_losses(losses);
            observe(Event::Step {
                epoch,
                position: self.progress.position,
                steps,
                done: std::mem::take(&mut done),
                samples: std::mem::take(&mut samples),
                loss: losses.mean(),
            });
            looked = Instant::now();
            if stop() {
                return Ok(Ending::Stopped);
            }
            if let Some(folder) = folder.as_deref_mut().filter(|_| is_due) {
                self.save(folder)?;
            }
        }
        Ok(Ending::Finished)
    }

    /// Validates, saves and draws.
    fn finish_epoch(
        &mut self,
        folder: Option<&mut RunFolder>,
        start: Instant,
        trained: usize,
        observe: &mut dyn FnMut(Event),
    ) -> Result<()> {
        let epoch = self.progress.epoch + 1;
        let training_time = start.elapsed();
        observe(Event::Validating { epoch });
        let network = self.inference();
        let report = self.evaluate(&network, Part::Validation)?;
        let loss = report.loss(self.recipe.objective);
        self.finite("validation loss", loss)?;
        let is_best = self.progress.best.is_none_or(|best| loss < best.loss);
        let metrics = EpochMetrics {
            epoch,
            step: self.progress.step,
            // The rate of the epoch's last step, the latest that was used.
            learning_rate: self.rate_at(self.progress.step.saturating_sub(1)),
            metric: self.recipe.objective.metric(),
            train_loss: self.progress.losses().mean(),
            kl: report.elbo.as_ref().map(|elbo| Kl {
                train: self.progress.losses().kl(),
                validation: elbo.kl,
            }),
            validation_loss: loss,
            validation_psnr_db: report.output.psnr_db,
            is_best,
            seconds: start.elapsed().as_secs_f64(),
            images_per_second: trained as f64 / training_time.as_secs_f64().max(1e-9),
        };
        if is_best {
            self.progress.best = Some(Best { epoch, loss });
        }
        if folder.is_some() {
            self.check_state()?;
        }
        self.begin_epoch();
        if is_best && folder.is_none() {
            self.best = Some(self.checkpoint()?);
        }
        if let Some(folder) = folder {
            if is_best {
                self.state(false)?.write(&folder.best())?;
            }
            folder.record(&metrics, &self.recipe)?;
            if let Some(picture) = &self.picture {
                picture.write(&network, &self.recipe, &metrics, &folder.sample(epoch))?;
            }
            // Saved last, so that a run killed before this repeats the epoch with all its files.
            self.write(folder)?;
        }
        observe(Event::Epoch(&metrics));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
