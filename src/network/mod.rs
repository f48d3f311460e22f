//! Autoencoders as candle modules: an encoder list of layers, a code, and a decoder list.

mod code;
mod curves;
mod families;
mod filters;
mod graph;
mod init;
mod parameters;
mod shapes;
mod stack;
mod summary;

use candle_core::{Device, Module, Tensor};
use candle_nn::VarBuilder;

pub(crate) use code::LOG_VARIANCE_BOUND;
pub use code::{Code, Posterior};
pub use curves::{ActivationCurve, curves, draw_curves};
pub use families::lists;
pub use filters::{Filters, filters};
pub use parameters::Parameters;
pub use stack::Stack;
pub use summary::{Row, Summary};

use crate::activation::Activation;
use crate::layer::LayerSpec;
use crate::recipe::NetworkConfig;
use crate::{Error, Result};

/// An autoencoder of any family: `input -> encoder -> code -> decoder -> reconstruction`.
///
/// What it computes is composed of the operations of [`crate::ops`], on every device, and can be differentiated: the
/// reference for the engines. `engine::Inference` is the faster one without gradients.
///
/// Parameters are named `encoder.N.weight`, `decoder.N.bias` with N the layer's place in its list,
/// activations included, as PyTorch's `nn.Sequential` numbers them; those of a layer within another one
/// `encoder.N.M.weight`.
#[derive(Debug, Clone)]
pub struct Autoencoder {
    encoder: Stack,
    code: Code,
    decoder: Stack,
}

impl Autoencoder {
    /// Builds the network that a recipe describes.
    ///
    /// # Errors
    /// If the input shape is not stated, if a layer does not fit the one before it, if the output
    /// is not shaped like the input, or if `vb` has a parameter missing or misshapen.
    pub fn new(config: &NetworkConfig, vb: VarBuilder) -> Result<Self> {
        let lists = lists(config)?;
        let input = lists.input.unwrap_or_default();
        let code = match lists.latent {
            Some(latent) => Code::Gaussian { latent },
            None => Code::Plain,
        };
        let encoder = Stack::new("encoder", &lists.encoder, &input, lists.init, vb.clone())?;
        let shape = code.shape(encoder.output_shape())?;
        let decoder = Stack::new("decoder", &lists.decoder, &shape, lists.init, vb)?;
        Self::from_stacks(encoder, code, decoder)
    }

    /// Joins an encoder and a decoder.
    ///
    /// # Errors
    /// If the decoder does not begin at the encoder's code or does not end in the encoder's input.
    pub fn from_stacks(encoder: Stack, code: Code, decoder: Stack) -> Result<Self> {
        let shape = code.shape(encoder.output_shape())?;
        if decoder.input_shape() != shape {
            return Err(Error::layer(
                "decoder",
                format!("an input shaped like the code, {shape:?}"),
                format!("{:?}", decoder.input_shape()),
            ));
        }
        if decoder.output_shape() != encoder.input_shape() {
            return Err(Error::layer(
                "decoder",
                format!(
                    "an output shaped like the input, {:?}",
                    encoder.input_shape()
                ),
                format!("{:?}", decoder.output_shape()),
            ));
        }
        Ok(Self {
            encoder,
            code,
            decoder,
        })
    }

    /// The layers from the input to the code.
    pub fn encoder(&self) -> &Stack {
        &self.encoder
    }

    /// The layers from the code to the reconstruction.
    pub fn decoder(&self) -> &Stack {
        &self.decoder
    }

    /// Where its parameters are, and samples should be.
    pub fn device(&self) -> &Device {
        self.encoder.device()
    }

    /// Shape of one sample, without the batch.
    pub fn input_shape(&self) -> &[usize] {
        self.encoder.input_shape()
    }

    /// Shape of one sample's code.
    pub fn code_shape(&self) -> &[usize] {
        self.decoder.input_shape()
    }

    /// What lies between encoder and decoder.
    pub fn code(&self) -> Code {
        self.code
    }

    /// `(N, C, H, W)` to codes `(N, ...)`; of a variational network the means of their distributions.
    ///
    /// # Errors
    /// If the samples are not shaped as the network was built for.
    pub fn encode(&self, samples: &Tensor) -> Result<Tensor> {
        match self.code {
            Code::Plain => self.encoder.run(samples),
            Code::Gaussian { .. } => Ok(self.posterior(samples)?.mean),
        }
    }

    /// `(N, C, H, W)` to the distributions of their codes.
    ///
    /// # Errors
    /// If the network is not variational, or the samples are not shaped as it was built for.
    pub fn posterior(&self, samples: &Tensor) -> Result<Posterior> {
        self.code.posterior(|| self.encoder.run(samples))
    }

    /// Codes `(N, ...)` to reconstructions `(N, C, H, W)`.
    ///
    /// # Errors
    /// If the codes are not shaped as the network was built for.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.decoder.run(codes)
    }

    /// `(N, C, H, W)` to reconstructions of the same shape.
    ///
    /// # Errors
    /// If the samples are not shaped as the network was built for.
    pub fn reconstruct(&self, samples: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(samples)?)
    }

    /// Whether the last layer is this activation.
    pub fn ends_in(&self, activation: Activation) -> bool {
        self.decoder
            .layers()
            .last()
            .is_some_and(|layer| *layer.spec() == LayerSpec::Activation(activation))
    }

    /// The values under the final sigmoid, which the binary cross-entropy reads: it stays exact
    /// there where the sigmoid itself has rounded to 0 or 1.
    ///
    /// # Errors
    /// If the network does not end in a sigmoid, or as [`Autoencoder::reconstruct`].
    pub fn logits(&self, samples: &Tensor) -> Result<Tensor> {
        self.decode_logits(&self.encode(samples)?)
    }

    /// [`Autoencoder::logits`] from codes `(N, ...)`.
    ///
    /// # Errors
    /// As [`Autoencoder::logits`].
    pub fn decode_logits(&self, codes: &Tensor) -> Result<Tensor> {
        self.decoder.run_until(codes, &Activation::Sigmoid)
    }
}

impl Module for Autoencoder {
    fn forward(&self, samples: &Tensor) -> candle_core::Result<Tensor> {
        self.reconstruct(samples)
            .map_err(|error| candle_core::Error::Msg(error.to_string()))
    }
}
