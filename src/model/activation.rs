//! The activations of the recipes on tensors.

use candle_core::Tensor;

use crate::ops::{self, Pointwise};
use crate::recipe::Activation;
use crate::{Error, Result};

impl Activation {
    /// Applies the function to a batch.
    ///
    /// # Shapes
    /// `(N, ...)`, which the result has too; softmax is taken along the axis behind the batch.
    ///
    /// # Errors
    /// If a parameter is out of its range, or there is no axis for a softmax.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let pointwise = match *self {
            Self::Linear => return Ok(x.clone()),
            Self::Relu => return ops::relu(x),
            Self::LeakyRelu { slope } => return ops::leaky_relu(x, slope),
            Self::Sigmoid => return ops::sigmoid(x),
            Self::Tanh => return Ok(x.tanh()?),
            Self::Sin => return Ok(x.sin()?),
            Self::Softmax => return ops::softmax(x, 1),
            Self::Scaled { ref of, a, b } => return Ok((of.apply(&(x * b)?)? * a)?),
            Self::Elu { alpha } => Pointwise::Elu { alpha },
            Self::Swish { beta } => Pointwise::Swish { beta },
            Self::Gelu => Pointwise::Gelu,
            Self::GeluTanh => Pointwise::GeluTanh,
            Self::Softplus => Pointwise::Softplus,
            Self::CappedLinear { cap } => Pointwise::CappedLinear { cap },
            Self::CappedRelu { cap } => Pointwise::CappedRelu { cap },
            Self::SaturatedLinear => Pointwise::CappedRelu { cap: 1.0 },
            Self::Isru { alpha } => Pointwise::Isru { alpha },
            Self::Arctan => Pointwise::Arctan,
            Self::Arcsinh => Pointwise::Arcsinh,
            Self::Elliot => Pointwise::Elliot,
            Self::Logarithmic => Pointwise::Logarithmic,
        };
        pointwise.apply(x)
    }

    /// Whether a value's result depends on others of its sample.
    pub(super) fn couples(&self) -> bool {
        match self {
            Self::Softmax => true,
            Self::Scaled { of, .. } => of.couples(),
            _ => false,
        }
    }

    /// Checks that samples of shape `input` can be given to it.
    pub(super) fn check(&self, layer: &str, input: &[usize]) -> Result<()> {
        if !self.couples() || input.first().is_some_and(|&units| units > 1) {
            return Ok(());
        }
        Err(Error::layer(
            layer,
            "at least two units or channels, as the softmax of one is always 1",
            format!("an input of shape {input:?}"),
        ))
    }
}
