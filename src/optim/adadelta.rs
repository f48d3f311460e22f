//! Adadelta.

use super::number::Number;
use super::rule::Rule;
#[cfg(feature = "cuda")]
use crate::engine::cuda::{self, Move};
use crate::recipe::Adadelta;

/// Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701 (2012), algorithm 1:
/// s = rho s + (1 - rho) g^2, d = g sqrt(u + epsilon) / sqrt(s + epsilon),
/// u = rho u + (1 - rho) d^2, w -= lr d, where s is `square` and u is `delta`.
///
/// The paper has no rate: lr = 1.
pub(super) struct Units {
    rho: f64,
    epsilon: f64,
    rate: f64,
}

impl Adadelta {
    pub(super) fn rule(&self, rate: f64) -> Units {
        Units {
            rho: self.rho,
            epsilon: self.epsilon,
            rate,
        }
    }
}

impl Rule<2> for Units {
    #[inline(always)]
    fn step<N: Number>(&self, value: N, gradient: N, [square, delta]: [N; 2]) -> (N, [N; 2]) {
        let fresh = 1.0 - self.rho;
        let square = square * self.rho + gradient.clone() * gradient.clone() * fresh;
        let unit = (delta.clone() + self.epsilon).sqrt();
        let change = gradient * (unit / (square.clone() + self.epsilon).sqrt());
        let delta = delta * self.rho + change.clone() * change.clone() * fresh;
        (value - change * self.rate, [square, delta])
    }

    #[cfg(feature = "cuda")]
    fn on_card(&self) -> Move {
        Move {
            epsilon: self.epsilon as f32,
            ..Move::by(cuda::Rule::Adadelta, self.rate).keeping([self.rho, 0.0])
        }
    }
}
