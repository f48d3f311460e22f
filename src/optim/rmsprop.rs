//! RMSprop.

use super::rule::{Rule, RuleKind};
use crate::arithmetic::Number;
use crate::recipe::RmsProp;

/// Tieleman and Hinton, "Lecture 6.5 - rmsprop: divide the gradient by a running average of its
/// recent magnitude", Coursera 2012: s = rho s + (1 - rho) g^2, w -= lr g / sqrt(s).
///
/// The lecture has no epsilon.
pub(super) struct Quotient {
    rho: f64,
    epsilon: f64,
    epsilon_inside: bool,
    rate: f64,
}

/// With momentum the quotient goes into a velocity, as in PyTorch: v = momentum v + g / sqrt(s), w -=
/// lr v. Keras keeps lr v instead, which differs when the rate changes.
pub(super) struct Momentum {
    momentum: f64,
    quotient: Quotient,
}

impl RmsProp {
    /// Without momentum.
    pub(super) fn quotient(&self, rate: f64) -> Quotient {
        Quotient {
            rho: self.rho,
            epsilon: self.epsilon,
            epsilon_inside: self.epsilon_inside,
            rate,
        }
    }

    pub(super) fn momentum(&self, rate: f64) -> Momentum {
        Momentum {
            momentum: self.momentum,
            quotient: self.quotient(rate),
        }
    }
}

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
        let root = if self.epsilon_inside {
            (square.clone() + epsilon).sqrt()
        } else {
            square.clone().sqrt() + epsilon
        };
        (square, gradient / root)
    }
}

impl Rule<1, 4> for Quotient {
    fn kind(&self) -> RuleKind {
        match self.epsilon_inside {
            true => RuleKind::QuotientInside,
            false => RuleKind::Quotient,
        }
    }

    fn settings(&self) -> [f64; 4] {
        [self.rate, self.rho, 1.0 - self.rho, self.epsilon]
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

impl Rule<2, 5> for Momentum {
    fn kind(&self) -> RuleKind {
        match self.quotient.epsilon_inside {
            true => RuleKind::QuotientMomentumInside,
            false => RuleKind::QuotientMomentum,
        }
    }

    fn settings(&self) -> [f64; 5] {
        let [rate, rho, fresh, epsilon] = self.quotient.settings();
        [rate, rho, fresh, epsilon, self.momentum]
    }

    #[inline(always)]
    fn step<N: Number>(
        &self,
        [rate, rho, fresh, epsilon, momentum]: [N::Setting; 5],
        value: N,
        gradient: N,
        [square, velocity]: [N; 2],
    ) -> (N, [N; 2]) {
        let settings = [rho, fresh, epsilon];
        let (square, direction) = self.quotient.divide(settings, gradient, square);
        let velocity = velocity * momentum + direction;
        (value - velocity.clone() * rate, [square, velocity])
    }
}
