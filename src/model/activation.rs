//! The element-wise functions of the recipes, as candle operations.

use candle_core::Tensor;

use crate::recipe::Activation;
use crate::{Result, ops};

const LEAKY_SLOPE: f64 = 0.01;

impl Activation {
    /// Applies the function to every value.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Linear => Ok(x.clone()),
            Self::Relu => ops::relu(x),
            Self::LeakyRelu => ops::leaky_relu(x, LEAKY_SLOPE),
            Self::Sigmoid => ops::sigmoid(x),
            Self::Tanh => Ok(x.tanh()?),
        }
    }

    /// Its name in recipes and summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::LeakyRelu => "leaky-relu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
        }
    }
}
