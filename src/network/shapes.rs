//! A network's layers without memory for its weights.

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::Autoencoder;
use crate::Result;
use crate::recipe::NetworkConfig;

impl Autoencoder {
    /// Builds a recipe's network for inspection: its layers have their shapes and parameter counts, but every parameter
    /// reads as 0 and takes no memory.
    ///
    /// # Errors
    /// As [`Autoencoder::new`].
    pub fn outline(config: &NetworkConfig, dtype: DType) -> Result<Self> {
        Self::new(
            config,
            VarBuilder::from_backend(Box::new(ZeroParameters), dtype, Device::Cpu),
        )
    }
}

/// Returns a single 0, broadcast to every shape.
struct ZeroParameters;

impl SimpleBackend for ZeroParameters {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        self.get_unchecked(name, dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, _: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        Tensor::zeros((), dtype, device)
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
