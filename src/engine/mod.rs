//! Who computes gradients. The trainer asks an [`Engine`] and cannot tell which one answers.

mod autograd;
mod plan;

use candle_core::backprop::GradStore;

pub use autograd::Autograd;
pub use plan::Plan;

use crate::Result;
use crate::data::Batch;
use crate::model::Autoencoder;
use crate::objective::Losses;
use crate::recipe::Objective;

/// Computes the gradient of the mean loss of a batch with respect to every parameter.
pub trait Engine {
    /// The batch's losses, and the gradients under the network's variables.
    ///
    /// # Errors
    /// If the batch is not shaped as the network.
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)>;

    /// What `summary` calls it.
    fn name(&self) -> &'static str;
}

/// The fastest engine for a network built on trainable variables: [`Plan`] where it can do all layers, else
/// [`Autograd`].
///
/// # Errors
/// If there is no memory for the gradients.
pub fn fastest(model: Autoencoder, objective: Objective) -> Result<Box<dyn Engine>> {
    Ok(match Plan::new(&model, objective)? {
        Some(plan) => Box::new(plan),
        None => Box::new(Autograd::new(model, objective)),
    })
}
