//! Adam.

use candle_core::Tensor;

use super::optimizer::{Moved, misfit};
use crate::Result;
use crate::recipe::Adam;

impl Adam {
    /// Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1: with m
    /// the first moment, v the second and t the number of the step, from 1,
    /// m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
    /// w -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).
    ///
    /// With `epsilon_hat` it is the form at the end of the paper's section 2,
    /// w -= lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon).
    pub(super) fn update(
        &self,
        state: &[Tensor],
        gradient: &Tensor,
        value: &Tensor,
        rate: f64,
        step: u64,
    ) -> Result<Moved> {
        let [first, second] = state else {
            return Err(misfit(state));
        };
        let exponent = i32::try_from(step).unwrap_or(i32::MAX);
        let correction1 = 1.0 - self.beta1.powi(exponent);
        let correction2 = 1.0 - self.beta2.powi(exponent);
        let epsilon = if self.epsilon_hat {
            self.epsilon / correction2.sqrt()
        } else {
            self.epsilon
        };
        let first = ((first * self.beta1)? + (gradient * (1.0 - self.beta1))?)?;
        let second = ((second * self.beta2)? + (gradient.sqr()? * (1.0 - self.beta2))?)?;
        let root = (&second / correction2)?.sqrt()?;
        let direction = (&first / correction1)?.div(&(root + epsilon)?)?;
        let value = (value - (direction * rate)?)?;
        Ok((vec![first, second], value))
    }
}
