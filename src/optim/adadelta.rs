//! Adadelta.

use super::rule::{Rule, RuleKind};
use crate::arithmetic::Number;
use crate::recipe::Adadelta;

/// Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701 (2012), algorithm 1:
/// s = rho s + (1 - rho) g^2, d = g sqrt(u + epsilon) / sqrt(s + epsilon),
/// u = rho u + (1 - rho) d^2, w -= lr d, where s is `square` and u is `delta`.
///
/// The paper has no rate: lr = 1.
pub(super) struct Units {
    pub config: Adadelta,
    pub rate: f64,
}

impl Rule<2, 4> for Units {
    fn kind(&self) -> RuleKind {
        RuleKind::Adadelta
    }

    fn settings(&self) -> [f64; 4] {
        let Adadelta { rho, epsilon, .. } = self.config;
        [self.rate, rho, 1.0 - rho, epsilon]
    }

    #[inline(always)]
    fn step<N: Number>(
        &self,
        [rate, rho, fresh, epsilon]: [N::Setting; 4],
        value: N,
        gradient: N,
        [square, delta]: [N; 2],
    ) -> (N, [N; 2]) {
        let square = square * rho.clone() + gradient.clone() * gradient.clone() * fresh.clone();
        let unit = (delta.clone() + epsilon.clone()).sqrt();
        let change = gradient * (unit / (square.clone() + epsilon).sqrt());
        let delta = delta * rho + change.clone() * change.clone() * fresh;
        (value - change * rate, [square, delta])
    }
}
