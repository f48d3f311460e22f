//! Adam, and Adam with decoupled weight decay.

use super::rule::{Rule, RuleKind};
use crate::arithmetic::Number;
use crate::recipe::{Adam, AdamW};

/// Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1: with m
/// the first moment, v the second and t the number of the step, from 1,
/// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
/// w -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).
///
/// With `epsilon_hat` it is the form at the end of the paper's section 2,
/// w -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon).
pub(super) struct Moments {
    settings: [f64; 8],
}

impl Adam {
    /// The rule for step number `step`, from 1.
    pub(super) fn rule(&self, rate: f64, step: u64) -> Moments {
        let betas = [self.beta1, self.beta2];
        Moments::new(rate, step, betas, self.epsilon, self.epsilon_hat)
    }
}

impl Moments {
    fn new(
        rate: f64,
        step: u64,
        [beta1, beta2]: [f64; 2],
        epsilon: f64,
        epsilon_hat: bool,
    ) -> Self {
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        let reached1 = 1.0 - beta1.powi(exponent);
        let reached2 = 1.0 - beta2.powi(exponent);
        let epsilon = match epsilon_hat {
            true => epsilon / reached2.sqrt(),
            false => epsilon,
        };
        let settings = [
            rate,
            beta1,
            1.0 - beta1,
            beta2,
            1.0 - beta2,
            1.0 / reached1,
            1.0 / reached2,
            epsilon,
        ];
        Self { settings }
    }
}

impl Rule<2, 8> for Moments {
    fn kind(&self) -> RuleKind {
        RuleKind::Adam
    }

    fn settings(&self) -> [f64; 8] {
        self.settings
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
        let betas = [self.beta1, self.beta2];
        Decayed {
            kept: 1.0 - rate * self.weight_decay,
            moments: Moments::new(rate, step, betas, self.epsilon, self.epsilon_hat),
        }
    }
}

impl Rule<2, 9> for Decayed {
    fn kind(&self) -> RuleKind {
        RuleKind::AdamW
    }

    fn settings(&self) -> [f64; 9] {
        let adam = self.moments.settings();
        std::array::from_fn(|place| adam.get(place).copied().unwrap_or(self.kept))
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
