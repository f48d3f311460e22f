//! Adam.

use super::rule::{Rule, RuleKind};
use crate::arithmetic::Number;
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
    /// 1 / (1 - beta^t) for each moment.
    correction1: f64,
    correction2: f64,
    epsilon: f64,
    rate: f64,
}

impl Adam {
    /// The rule for step number `step`, from 1.
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

impl Rule<2, 8> for Moments {
    fn kind(&self) -> RuleKind {
        RuleKind::Adam
    }

    fn settings(&self) -> [f64; 8] {
        [
            self.rate,
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            self.correction1,
            self.correction2,
            self.epsilon,
        ]
    }

    #[inline(always)]
    fn step<N: Number>(
        &self,
        [
            rate,
            beta1,
            fresh1,
            beta2,
            fresh2,
            correction1,
            correction2,
            epsilon,
        ]: [N::Setting; 8],
        value: N,
        gradient: N,
        [first, second]: [N; 2],
    ) -> (N, [N; 2]) {
        let square = gradient.clone() * gradient.clone();
        let first = first * beta1 + gradient * fresh1;
        let second = second * beta2 + square * fresh2;
        let root = (second.clone() * correction2).sqrt();
        let direction = first.clone() * correction1 / (root + epsilon);
        (value - direction * rate, [first, second])
    }
}
