//! Steps that are started one after the other and waited for once in a while.

use std::time::{Duration, Instant};

use super::trainer::{StepTimes, Trainer};
use crate::objective::Losses;
use crate::{Error, Result};

impl Trainer {
    /// Begins to work ahead, with the losses of steps before, where the engine does that: then steps are
    /// [started](Self::start_step), and [waited for](Self::catch_up) once in a while.
    ///
    /// # Errors
    /// If the device fails.
    pub fn goes_ahead(&mut self, losses: Losses) -> Result<bool> {
        let Some(ahead) = self.engine.ahead() else {
            return Ok(false);
        };
        ahead.begin(losses)?;
        self.begun_at = self.progress.step;
        Ok(true)
    }

    /// Starts a step on the batch of these samples, as [`step`](Self::step) does it.
    ///
    /// # Errors
    /// If the engine does not work ahead, or the device fails.
    pub fn start_step(&mut self, indices: &[u32]) -> Result<()> {
        let start = Instant::now();
        let batch = self.batch(indices)?;
        let prepared = Instant::now();
        let rate = self.rate();
        let Some(ahead) = self.engine.ahead() else {
            let name = self.engine.name();
            return Err(Error::argument("engine", "one that works ahead", name));
        };
        ahead.start(&batch, &mut self.optimizer, rate)?;
        self.feed.recycle(batch);
        self.progress.step += 1;
        self.is_saved = false;
        self.times = StepTimes {
            batch: prepared - start,
            gradients: prepared.elapsed(),
            update: Duration::ZERO,
        };
        Ok(())
    }

    /// Waits for all steps that were started; returns the losses since work ahead began, with those before.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a step's loss or gradient was not a finite number; the weights are then as they were before
    /// that step.
    pub fn catch_up(&mut self) -> Result<Losses> {
        let Some(ahead) = self.engine.ahead() else {
            return Ok(Losses::default());
        };
        let standing = ahead.wait()?;
        if let Some((what, value)) = standing.failure {
            self.progress.step = self.begun_at + standing.steps;
            self.optimizer.rewind(self.progress.step);
            self.finite(what, value)?;
        }
        Ok(standing.losses)
    }
}
