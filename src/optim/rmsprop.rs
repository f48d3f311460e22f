//! RMSprop.

use candle_core::Tensor;

use super::optimizer::Moved;
use crate::Result;
use crate::recipe::RmsProp;

impl RmsProp {
    /// Tieleman and Hinton, "Lecture 6.5 - rmsprop: divide the gradient by a running average of its
    /// recent magnitude", Coursera 2012: s = rho s + (1 - rho) g^2, w -= lr g / sqrt(s).
    ///
    /// The lecture has no epsilon. With momentum the quotient goes into a velocity, as in PyTorch:
    /// v = momentum v + g / sqrt(s), w -= lr v. Keras keeps lr v instead, which differs where the
    /// rate changes.
    pub(super) fn update(
        &self,
        state: &[Tensor],
        gradient: &Tensor,
        value: &Tensor,
        rate: f64,
    ) -> Result<Moved> {
        let (square, velocity) = match state {
            [square] => (square, None),
            [square, velocity] => (square, Some(velocity)),
            _ => return Err(super::optimizer::misfit(state)),
        };
        let square = ((square * self.rho)? + (gradient.sqr()? * (1.0 - self.rho))?)?;
        let root = if self.epsilon_inside {
            (&square + self.epsilon)?.sqrt()?
        } else {
            (square.sqrt()? + self.epsilon)?
        };
        let direction = gradient.div(&root)?;
        let Some(velocity) = velocity else {
            let value = (value - (direction * rate)?)?;
            return Ok((vec![square], value));
        };
        let velocity = ((velocity * self.momentum)? + direction)?;
        let value = (value - (&velocity * rate)?)?;
        Ok((vec![square, velocity], value))
    }
}
