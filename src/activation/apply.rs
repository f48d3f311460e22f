//! The activations of the recipes on tensors.

use candle_core::Tensor;

use super::Activation;
use crate::ops::{self, Pointwise, Scalar};
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
        match self {
            Self::Softmax => return ops::softmax(x, 1),
            Self::Scaled { of, a, b } => return Ok((of.apply(&(x * *b)?)? * *a)?),
            _ => {}
        }
        match self.scalar() {
            None | Some(Scalar::Linear | Scalar::Scaled { .. }) => Ok(x.clone()),
            Some(Scalar::Relu) => ops::relu(x),
            Some(Scalar::LeakyRelu(slope)) => ops::leaky_relu(x, slope),
            Some(Scalar::Sigmoid) => ops::sigmoid(x),
            Some(Scalar::Tanh) => Ok(x.tanh()?),
            Some(Scalar::Sin) => Ok(x.sin()?),
            Some(Scalar::Pointwise(function)) => function.apply(x),
        }
    }

    /// The function of one value; none for those that couple the values of a sample.
    pub(crate) fn scalar(&self) -> Option<Scalar> {
        Some(match *self {
            Self::Linear => Scalar::Linear,
            Self::Relu => Scalar::Relu,
            Self::LeakyRelu { slope } => Scalar::LeakyRelu(slope),
            Self::Sigmoid => Scalar::Sigmoid,
            Self::Tanh => Scalar::Tanh,
            Self::Sin => Scalar::Sin,
            Self::Softmax => return None,
            Self::Scaled { ref of, a, b } => {
                let of = Box::new(of.scalar()?);
                Scalar::Scaled { of, a, b }
            }
            Self::Elu { alpha } => Scalar::Pointwise(Pointwise::Elu { alpha }),
            Self::Swish { beta } => Scalar::Pointwise(Pointwise::Swish { beta }),
            Self::Gelu => Scalar::Pointwise(Pointwise::Gelu),
            Self::GeluTanh => Scalar::Pointwise(Pointwise::GeluTanh),
            Self::Softplus => Scalar::Pointwise(Pointwise::Softplus),
            Self::CappedLinear { cap } => Scalar::Pointwise(Pointwise::CappedLinear { cap }),
            Self::CappedRelu { cap } => Scalar::Pointwise(Pointwise::CappedRelu { cap }),
            Self::SaturatedLinear => Scalar::Pointwise(Pointwise::CappedRelu { cap: 1.0 }),
            Self::Isru { alpha } => Scalar::Pointwise(Pointwise::Isru { alpha }),
            Self::Arctan => Scalar::Pointwise(Pointwise::Arctan),
            Self::Arcsinh => Scalar::Pointwise(Pointwise::Arcsinh),
            Self::Elliot => Scalar::Pointwise(Pointwise::Elliot),
            Self::Logarithmic => Scalar::Pointwise(Pointwise::Logarithmic),
        })
    }

    /// Whether a value's result depends on others of its sample.
    pub(crate) fn couples(&self) -> bool {
        match self {
            Self::Softmax => true,
            Self::Scaled { of, .. } => of.couples(),
            _ => false,
        }
    }

    /// Checks that samples of shape `input` can be given to it.
    pub(crate) fn check(&self, layer: &str, input: &[usize]) -> Result<()> {
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
