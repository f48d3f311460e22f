//! Synchronous steps: on the CPU, and wherever automatic differentiation trains.

use std::time::{Duration, Instant};

use candle_core::backprop::GradStore;

use super::seam::{Gradients, LOSS, NORM, StepStatus, Stepper};
use crate::Result;
use crate::data::Batch;
use crate::objective::Losses;
use crate::optim::Optimizer;

/// Steps that follow an engine's gradients.
pub(super) struct Synchronous {
    gradients: Box<dyn Gradients>,
    status: StepStatus,
}

impl Synchronous {
    pub fn new(gradients: Box<dyn Gradients>) -> Self {
        Self {
            gradients,
            status: StepStatus::default(),
        }
    }
}

impl Gradients for Synchronous {
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)> {
        self.gradients.gradients(batch)
    }

    fn name(&self) -> &'static str {
        self.gradients.name()
    }
}

impl Stepper for Synchronous {
    fn begin(&mut self, losses: Losses) -> Result<()> {
        self.status = StepStatus {
            losses,
            ..StepStatus::default()
        };
        Ok(())
    }

    fn step(&mut self, batch: &Batch, optimizer: &mut Optimizer, rate: f64) -> Result<Duration> {
        if self.status.failure.is_some() {
            return Ok(Duration::ZERO);
        }
        let (losses, gradients) = self.gradients.gradients(batch)?;
        let norm = optimizer.norm(&gradients)?;
        let quantities = [(LOSS, losses.mean()), (NORM, norm)];
        self.status.failure = quantities.into_iter().find(|(_, value)| !value.is_finite());
        if self.status.failure.is_some() {
            return Ok(Duration::ZERO);
        }
        let derived = Instant::now();
        optimizer.update_of_norm(&gradients, norm, rate)?;
        self.status.losses += losses;
        self.status.steps += 1;
        Ok(derived.elapsed())
    }

    fn status(&mut self) -> Result<StepStatus> {
        Ok(self.status)
    }
}
