//! Adam with decoupled weight decay.

use super::adam::Moments;
use super::rule::{Rule, RuleKind};
use crate::arithmetic::Number;
use crate::recipe::{Adam, AdamW};

/// Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2: w *= 1 - lr
/// weight_decay, then a step of [`Adam`], whose moments do not include the decay.
///
/// The decay is scaled by the rate, schedule included, as in PyTorch and Keras; the paper scales it by
/// the schedule alone.
pub(super) struct Decayed {
    kept: f64,
    moments: Moments,
}

impl AdamW {
    /// The rule for step number `step`, from 1.
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

impl Rule<2, 9> for Decayed {
    fn kind(&self) -> RuleKind {
        RuleKind::AdamW
    }

    fn settings(&self) -> [f64; 9] {
        let [
            rate,
            beta1,
            fresh1,
            beta2,
            fresh2,
            correction1,
            correction2,
            epsilon,
        ] = self.moments.settings();
        [
            rate,
            beta1,
            fresh1,
            beta2,
            fresh2,
            correction1,
            correction2,
            epsilon,
            self.kept,
        ]
    }

    #[inline(always)]
    fn step<N: Number>(
        &self,
        settings: [N::Setting; 9],
        value: N,
        gradient: N,
        state: [N; 2],
    ) -> (N, [N; 2]) {
        let [adam @ .., kept] = settings;
        self.moments.step(adam, value * kept, gradient, state)
    }
}
