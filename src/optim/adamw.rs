//! Adam with decoupled weight decay.

use candle_core::Tensor;

use super::optimizer::Moved;
use crate::Result;
use crate::recipe::{Adam, AdamW};

impl AdamW {
    /// Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2:
    /// w *= 1 - lr weight_decay, then a step of [`Adam`], whose moments know nothing of the decay.
    ///
    /// The decay is scaled by the rate, schedule included, as in PyTorch and Keras; in the paper by
    /// the schedule alone.
    pub(super) fn update(
        &self,
        state: &[Tensor],
        gradient: &Tensor,
        value: &Tensor,
        rate: f64,
        step: u64,
    ) -> Result<Moved> {
        let Self {
            lr,
            beta1,
            beta2,
            epsilon,
            epsilon_hat,
            weight_decay,
            clip_norm,
        } = *self;
        let adam = Adam {
            lr,
            beta1,
            beta2,
            epsilon,
            epsilon_hat,
            clip_norm,
        };
        let decayed = (value * (1.0 - rate * weight_decay))?;
        adam.update(state, gradient, &decayed, rate, step)
    }
}
