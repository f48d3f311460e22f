//! Adadelta.

use candle_core::Tensor;

use super::optimizer::{Moved, misfit};
use crate::Result;
use crate::recipe::Adadelta;

impl Adadelta {
    /// Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701 (2012), algorithm 1:
    /// s = rho s + (1 - rho) g^2, d = g sqrt(u + epsilon) / sqrt(s + epsilon),
    /// u = rho u + (1 - rho) d^2, w -= lr d, where s is `square` and u is `delta`.
    ///
    /// The paper has no rate: lr = 1.
    pub(super) fn update(
        &self,
        state: &[Tensor],
        gradient: &Tensor,
        value: &Tensor,
        rate: f64,
    ) -> Result<Moved> {
        let [square, delta] = state else {
            return Err(misfit(state));
        };
        let square = ((square * self.rho)? + (gradient.sqr()? * (1.0 - self.rho))?)?;
        let unit = (delta + self.epsilon)?.sqrt()?;
        let change = gradient.mul(&unit.div(&(&square + self.epsilon)?.sqrt()?)?)?;
        let delta = ((delta * self.rho)? + (change.sqr()? * (1.0 - self.rho))?)?;
        let value = (value - (change * rate)?)?;
        Ok((vec![square, delta], value))
    }
}
