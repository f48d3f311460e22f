//! RMSprop.

use super::rule::{Rule, RuleKind};
use crate::arithmetic::Number;
use crate::recipe::RmsProp;

/// Tieleman and Hinton, "Lecture 6.5 - rmsprop: divide the gradient by a running average of its
/// recent magnitude", Coursera 2012: s = rho s + (1 - rho) g^2, w -= lr g / sqrt(s).
///
/// The lecture has no epsilon.
pub(super) struct Quotient {
    pub config: RmsProp,
    pub rate: f64,
}

/// With momentum the quotient goes into a velocity, as in PyTorch: v = momentum v + g / sqrt(s), w -=
/// lr v. Keras keeps lr v instead, which differs when the rate changes.
pub(super) struct QuotientMomentum(pub Quotient);

impl Quotient {
    /// The next mean square, and the gradient divided by its root.
    #[inline(always)]
    fn divide<N: Number>(
        &self,
        [rho, fresh, epsilon]: [N::Setting; 3],
        gradient: N,
        square: N,
    ) -> (N, N) {
        let square = square * rho + gradient.clone() * gradient.clone() * fresh;
        let root = if self.config.epsilon_inside {
            (square.clone() + epsilon).sqrt()
        } else {
            square.clone().sqrt() + epsilon
        };
        (square, gradient / root)
    }
}

impl Rule<1, 4> for Quotient {
    fn kind(&self) -> RuleKind {
        match self.config.epsilon_inside {
            true => RuleKind::QuotientInside,
            false => RuleKind::Quotient,
        }
    }

    fn settings(&self) -> [f64; 4] {
        let RmsProp { rho, epsilon, .. } = self.config;
        [self.rate, rho, 1.0 - rho, epsilon]
    }

    #[inline(always)]
    fn step<N: Number>(
        &self,
        [rate, rho, fresh, epsilon]: [N::Setting; 4],
        value: N,
        gradient: N,
        [square]: [N; 1],
    ) -> (N, [N; 1]) {
        let (square, direction) = self.divide([rho, fresh, epsilon], gradient, square);
        (value - direction * rate, [square])
    }
}

impl Rule<2, 5> for QuotientMomentum {
    fn kind(&self) -> RuleKind {
        match self.0.config.epsilon_inside {
            true => RuleKind::QuotientMomentumInside,
            false => RuleKind::QuotientMomentum,
        }
    }

    fn settings(&self) -> [f64; 5] {
        let [rate, rho, fresh, epsilon] = self.0.settings();
        [rate, rho, fresh, epsilon, self.0.config.momentum]
    }

    #[inline(always)]
    fn step<N: Number>(
        &self,
        [rate, rho, fresh, epsilon, momentum]: [N::Setting; 5],
        value: N,
        gradient: N,
        [square, velocity]: [N; 2],
    ) -> (N, [N; 2]) {
        let (square, direction) = self.0.divide([rho, fresh, epsilon], gradient, square);
        let velocity = velocity * momentum + direction;
        (value - velocity.clone() * rate, [square, velocity])
    }
}
