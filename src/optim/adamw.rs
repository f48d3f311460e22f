//! Adam with decoupled weight decay.

use super::adam::Moments;
use super::number::Number;
use super::rule::Rule;
#[cfg(feature = "cuda")]
use crate::engine::cuda::Move;
use crate::recipe::{Adam, AdamW};

/// Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2:
/// w *= 1 - lr weight_decay, then a step of [`Adam`], whose moments know nothing of the decay.
///
/// The decay is scaled by the rate, schedule included, as in PyTorch and Keras; in the paper by
/// the schedule alone.
pub(super) struct Decayed {
    kept: f64,
    moments: Moments,
}

impl AdamW {
    /// The rule of step number `step`, from 1.
    pub(super) fn rule(&self, rate: f64, step: u64) -> Decayed {
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
        Decayed {
            kept: 1.0 - rate * weight_decay,
            moments: adam.rule(rate, step),
        }
    }
}

impl Rule<2> for Decayed {
    #[inline(always)]
    fn step<N: Number>(&self, value: N, gradient: N, state: [N; 2]) -> (N, [N; 2]) {
        self.moments.step(value * self.kept, gradient, state)
    }

    #[cfg(feature = "cuda")]
    fn on_card(&self) -> Move {
        Move {
            kept: self.kept as f32,
            ..self.moments.on_card()
        }
    }
}
