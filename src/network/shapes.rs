//! A network's layers without memory for its weights.

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::Autoencoder;
use crate::Result;
use crate::recipe::NetworkConfig;

impl Autoencoder {
    /// The network that a recipe describes, to be looked at: its layers have their shapes and numbers of
    /// parameters, but every parameter reads as 0 and takes no memory, however many there are.
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

/// Hands out one 0 in every shape.
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
