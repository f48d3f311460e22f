//! Gradient descent with momentum.

use candle_core::Tensor;

use super::optimizer::Moved;
use crate::Result;
use crate::recipe::Sgd;

impl Sgd {
    /// Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in
    /// deep learning", ICML 2013, equations 1 and 2 (3 and 4 for Nesterov's), in the form of PyTorch:
    /// v = momentum v + g, w -= lr v; with `nesterov` w -= lr (g + momentum v).
    ///
    /// The paper and Keras keep lr v instead of v, which differs where the rate changes.
    pub(super) fn update(
        &self,
        state: &[Tensor],
        gradient: &Tensor,
        value: &Tensor,
        rate: f64,
    ) -> Result<Moved> {
        let Some(velocity) = state.first() else {
            let value = (value - (gradient * rate)?)?;
            return Ok((Vec::new(), value));
        };
        let velocity = ((velocity * self.momentum)? + gradient)?;
        let value = if self.nesterov {
            let ahead = (gradient + (&velocity * self.momentum)?)?;
            (value - (ahead * rate)?)?
        } else {
            (value - (&velocity * rate)?)?
        };
        Ok((vec![velocity], value))
    }
}
