//! Gradient descent with momentum.

use super::rule::{Rule, RuleKind};
use crate::arithmetic::Number;
use crate::recipe::Sgd;

/// w -= lr g.
pub(super) struct Descent {
    pub rate: f64,
}

/// Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
/// learning", ICML 2013, equations 1 and 2 (3 and 4 for Nesterov's), in the form of PyTorch:
/// v = momentum v + g, w -= lr v; with `nesterov` w -= lr (g + momentum v).
///
/// The paper and Keras keep lr v instead of v, which differs when the rate changes.
pub(super) struct Momentum {
    pub config: Sgd,
    pub rate: f64,
}

impl Rule<0, 1> for Descent {
    fn kind(&self) -> RuleKind {
        RuleKind::Descent
    }

    fn settings(&self) -> [f64; 1] {
        [self.rate]
    }

    #[inline(always)]
    fn step<N: Number>(
        &self,
        [rate]: [N::Setting; 1],
        value: N,
        gradient: N,
        _: [N; 0],
    ) -> (N, [N; 0]) {
        (value - gradient * rate, [])
    }
}

impl Rule<1, 2> for Momentum {
    fn kind(&self) -> RuleKind {
        match self.config.nesterov {
            true => RuleKind::Nesterov,
            false => RuleKind::Momentum,
        }
    }

    fn settings(&self) -> [f64; 2] {
        [self.rate, self.config.momentum]
    }

    #[inline(always)]
    fn step<N: Number>(
        &self,
        [rate, momentum]: [N::Setting; 2],
        value: N,
        gradient: N,
        [velocity]: [N; 1],
    ) -> (N, [N; 1]) {
        let velocity = velocity * momentum.clone() + gradient.clone();
        let direction = if self.config.nesterov {
            gradient + velocity.clone() * momentum
        } else {
            velocity.clone()
        };
        (value - direction * rate, [velocity])
    }
}
