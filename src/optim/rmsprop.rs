//! RMSprop.

use super::number::Number;
use super::rule::Rule;
#[cfg(feature = "cuda")]
use crate::engine::cuda::{self, Move};
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

/// With momentum the quotient goes into a velocity, as in PyTorch: v = momentum v + g / sqrt(s),
/// w -= lr v. Keras keeps lr v instead, which differs where the rate changes.
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
    /// The next mean square, and the gradient by its root.
    #[inline(always)]
    fn divide<N: Number>(&self, gradient: N, square: N) -> (N, N) {
        let square = square * self.rho + gradient.clone() * gradient.clone() * (1.0 - self.rho);
        let root = if self.epsilon_inside {
            (square.clone() + self.epsilon).sqrt()
        } else {
            square.clone().sqrt() + self.epsilon
        };
        (square, gradient / root)
    }
}

impl Rule<1> for Quotient {
    #[inline(always)]
    fn step<N: Number>(&self, value: N, gradient: N, [square]: [N; 1]) -> (N, [N; 1]) {
        let (square, direction) = self.divide(gradient, square);
        (value - direction * self.rate, [square])
    }

    #[cfg(feature = "cuda")]
    fn on_card(&self) -> Move {
        Move {
            variant: i32::from(self.epsilon_inside),
            epsilon: self.epsilon as f32,
            ..Move::by(cuda::Rule::Quotient, self.rate).keeping([self.rho, 0.0])
        }
    }
}

impl Rule<2> for Momentum {
    #[inline(always)]
    fn step<N: Number>(&self, value: N, gradient: N, [square, velocity]: [N; 2]) -> (N, [N; 2]) {
        let (square, direction) = self.quotient.divide(gradient, square);
        let velocity = velocity * self.momentum + direction;
        let value = value - velocity.clone() * self.quotient.rate;
        (value, [square, velocity])
    }

    #[cfg(feature = "cuda")]
    fn on_card(&self) -> Move {
        Move {
            rule: cuda::Rule::QuotientMomentum,
            ..(self.quotient.on_card()).keeping([self.quotient.rho, self.momentum])
        }
    }
}
