//! Who computes gradients. The trainer asks an [`Engine`] and cannot tell which one answers.

mod autograd;

use candle_core::Tensor;
use candle_core::backprop::GradStore;

pub use autograd::Autograd;

use crate::Result;
use crate::objective::Losses;

/// Samples of one step: what the network sees and what it should give, both `(N, C, H, W)` in [0,1].
#[derive(Debug, Clone)]
pub struct Batch {
    pub input: Tensor,
    pub target: Tensor,
}

/// Computes the gradient of the mean loss of a batch with respect to every parameter.
pub trait Engine {
    /// The batch's losses, and the gradients under the network's variables.
    ///
    /// # Errors
    /// If the batch is not shaped as the network.
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)>;
}
