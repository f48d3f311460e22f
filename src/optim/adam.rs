//! Adam.

use super::number::Number;
use super::rule::Rule;
#[cfg(feature = "cuda")]
use crate::engine::cuda::{self, Move};
use crate::recipe::Adam;

/// Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1: with m
/// the first moment, v the second and t the number of the step, from 1,
/// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
/// w -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).
///
/// With `epsilon_hat` it is the form at the end of the paper's section 2,
/// w -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon).
pub(super) struct Moments {
    beta1: f64,
    beta2: f64,
    /// 1 / (1 - beta^t) of each.
    correction1: f64,
    correction2: f64,
    epsilon: f64,
    rate: f64,
}

impl Adam {
    /// The rule of step number `step`, from 1.
    pub(super) fn rule(&self, rate: f64, step: u64) -> Moments {
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        let reached1 = 1.0 - self.beta1.powi(exponent);
        let reached2 = 1.0 - self.beta2.powi(exponent);
        let epsilon = if self.epsilon_hat {
            self.epsilon / reached2.sqrt()
        } else {
            self.epsilon
        };
        Moments {
            beta1: self.beta1,
            beta2: self.beta2,
            correction1: 1.0 / reached1,
            correction2: 1.0 / reached2,
            epsilon,
            rate,
        }
    }
}

impl Rule<2> for Moments {
    #[inline(always)]
    fn step<N: Number>(&self, value: N, gradient: N, [first, second]: [N; 2]) -> (N, [N; 2]) {
        let square = gradient.clone() * gradient.clone();
        let first = first * self.beta1 + gradient * (1.0 - self.beta1);
        let second = second * self.beta2 + square * (1.0 - self.beta2);
        let root = (second.clone() * self.correction2).sqrt();
        let direction = first.clone() * self.correction1 / (root + self.epsilon);
        (value - direction * self.rate, [first, second])
    }

    #[cfg(feature = "cuda")]
    fn on_card(&self) -> Move {
        Move {
            correction: [self.correction1 as f32, self.correction2 as f32],
            epsilon: self.epsilon as f32,
            ..Move::by(cuda::Rule::Adam, self.rate).keeping([self.beta1, self.beta2])
        }
    }
}
