//! The reference engine: the candle modules and their backward pass over the whole batch.

use candle_core::backprop::GradStore;

use super::seam::Gradients;
use crate::Result;
use crate::data::Batch;
use crate::network::Autoencoder;
use crate::objective::Losses;
use crate::recipe::Objective;

/// Every layer on every device, by candle's automatic differentiation.
#[derive(Debug)]
pub struct Autograd {
    model: Autoencoder,
    objective: Objective,
}

impl Autograd {
    /// For a network built on trainable variables.
    pub fn new(model: Autoencoder, objective: Objective) -> Self {
        Self { model, objective }
    }

    /// The network that it trains.
    pub fn model(&self) -> &Autoencoder {
        &self.model
    }

    /// What it minimises.
    pub fn objective(&self) -> Objective {
        self.objective
    }
}

impl Gradients for Autograd {
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)> {
        let sums = self.objective.sums(&self.model, batch)?;
        let count = self.objective.count(batch)?;
        let mean = (self.objective.total(&sums, batch)? / count.max(1) as f64)?;
        let gradients = mean.backward()?;
        // Read last: reading waits for the device, which has all of its work by now.
        Ok((self.objective.losses(&sums, batch)?, gradients))
    }

    fn name(&self) -> &'static str {
        "autograd"
    }
}
