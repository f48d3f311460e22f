//! Who computes gradients. The trainer asks an [`Engine`] and cannot tell which one answers.

mod autograd;

use candle_core::backprop::GradStore;

pub use autograd::Autograd;

use crate::Result;
use crate::data::Batch;
use crate::objective::Losses;

/// Computes the gradient of the mean loss of a batch with respect to every parameter.
pub trait Engine {
    /// The batch's losses, and the gradients under the network's variables.
    ///
    /// # Errors
    /// If the batch is not shaped as the network.
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)>;
}
