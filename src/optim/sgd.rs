//! Gradient descent with momentum.

use super::number::Number;
use super::rule::Rule;
#[cfg(feature = "cuda")]
use crate::engine::cuda::{self, Move};
use crate::recipe::Sgd;

/// w -= lr g.
pub(super) struct Descent {
    rate: f64,
}

/// Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
/// learning", ICML 2013, equations 1 and 2 (3 and 4 for Nesterov's), in the form of PyTorch:
/// v = momentum v + g, w -= lr v; with `nesterov` w -= lr (g + momentum v).
///
/// The paper and Keras keep lr v instead of v, which differs where the rate changes.
pub(super) struct Momentum {
    momentum: f64,
    nesterov: bool,
    rate: f64,
}

impl Sgd {
    /// Without momentum.
    pub(super) fn descent(&self, rate: f64) -> Descent {
        Descent { rate }
    }

    pub(super) fn momentum(&self, rate: f64) -> Momentum {
        Momentum {
            momentum: self.momentum,
            nesterov: self.nesterov,
            rate,
        }
    }
}

impl Rule<0> for Descent {
    #[inline(always)]
    fn step<N: Number>(&self, value: N, gradient: N, _: [N; 0]) -> (N, [N; 0]) {
        (value - gradient * self.rate, [])
    }

    #[cfg(feature = "cuda")]
    fn on_card(&self) -> Move {
        Move::by(cuda::Rule::Descent, self.rate)
    }
}

impl Rule<1> for Momentum {
    #[inline(always)]
    fn step<N: Number>(&self, value: N, gradient: N, [velocity]: [N; 1]) -> (N, [N; 1]) {
        let velocity = velocity * self.momentum + gradient.clone();
        let direction = if self.nesterov {
            gradient + velocity.clone() * self.momentum
        } else {
            velocity.clone()
        };
        (value - direction * self.rate, [velocity])
    }

    #[cfg(feature = "cuda")]
    fn on_card(&self) -> Move {
        Move {
            variant: i32::from(self.nesterov),
            ..Move::by(cuda::Rule::Momentum, self.rate).keeping([self.momentum, 0.0])
        }
    }
}
