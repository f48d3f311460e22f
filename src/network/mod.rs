//! Autoencoders as candle modules: an encoder list of layers, a code, and a decoder list.

mod activated;
mod code;
mod curves;
mod families;
mod filters;
mod graph;
mod init;
mod parameters;
mod restoration;
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
use crate::layer::{Fields, count};
use crate::recipe::NetworkConfig;
use crate::{Error, Result};

/// An autoencoder of any family: `input -> encoder -> code -> decoder -> reconstruction`.
///
/// It is composed of the operations of [`crate::ops`], works on every device and can be differentiated: it is the
/// reference for the engines. `engine::Inference` is faster, without gradients.
///
/// Parameters are named `encoder.N.weight`, `decoder.N.bias`, where N is the layer's index in its list, counting
/// activations, as in PyTorch's `nn.Sequential`. Parameters of nested layers are named `encoder.N.M.weight`.
///
/// ```
/// use autoencode::network::{Autoencoder, Parameters};
/// use autoencode::recipe::{ConvConfig, NetworkConfig};
/// use candle_core::{DType, Device, Module, Tensor};
///
/// let mut config = NetworkConfig::from(ConvConfig::new([8, 4], [8]));
/// config.resolve_input([3, 16, 16])?;
/// let parameters = Parameters::drawn(1);
/// let network = Autoencoder::new(&config, parameters.builder(DType::F32, &Device::Cpu))?;
/// assert_eq!(network.code_shape(), [4, 8, 8]);
///
/// // A candle module, with gradients.
/// let images = Tensor::rand(0f32, 1.0, (2, 3, 16, 16), &Device::Cpu)?;
/// let loss = (network.forward(&images)? - &images)?.sqr()?.mean_all()?;
/// let gradients = loss.backward()?;
/// assert!(parameters.vars().iter().all(|(_, var)| gradients.get(var).is_some()));
/// # Ok::<(), autoencode::Error>(())
/// ```
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
    /// If the input shape is not stated, if a layer does not fit the one before it, if the output shape differs from
    /// the input shape, or if a parameter in `vb` is missing or has the wrong shape.
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
    /// If the decoder's input is not the encoder's code or its output is not shaped like the encoder's input.
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

    /// The same network, with the same weights, for images of another height and width: `shape` is `(C, H, W)`.
    ///
    /// # Errors
    /// If a layer does not accept the shape before it, or would have other weights, as dense layers have.
    pub fn resized(&self, shape: [usize; 3]) -> Result<Self> {
        let encoder = self.encoder.resized(&shape)?;
        let decoder = self
            .decoder
            .resized(&self.code.shape(encoder.output_shape())?)?;
        Self::from_stacks(encoder, self.code, decoder)
    }

    /// How its results depend on images of any size; none if a layer has weights for every pixel, or a result depends on
    /// the whole image.
    pub fn reach(&self) -> Option<Reach> {
        if self.code != Code::Plain {
            return None;
        }
        let layers = self.encoder.layers().iter().chain(self.decoder.layers());
        let Fields {
            multiple, radius, ..
        } = Fields::of(layers)?;
        Some(Reach { multiple, radius })
    }

    /// The most values that a layer computes for a pixel of the image.
    pub fn widest(&self) -> f64 {
        let pixels = count(self.input_shape().get(1..).unwrap_or_default());
        let layers = self.encoder.walk().chain(self.decoder.walk());
        let most = layers.map(|layer| count(layer.output())).max();
        most.unwrap_or(0) as f64 / pixels.max(1) as f64
    }

    /// The layers from the input to the code.
    pub fn encoder(&self) -> &Stack {
        &self.encoder
    }

    /// The layers from the code to the reconstruction.
    pub fn decoder(&self) -> &Stack {
        &self.decoder
    }

    /// The device of its parameters, which samples must be on too.
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

    /// How the encoder's output becomes the decoder's input.
    pub fn code(&self) -> Code {
        self.code
    }

    /// `(N, C, H, W)` to codes `(N, ...)`. A variational network returns the means of its distributions.
    ///
    /// # Errors
    /// If the samples do not have the network's input shape.
    pub fn encode(&self, samples: &Tensor) -> Result<Tensor> {
        match self.code {
            Code::Plain => self.encoder.run(samples),
            Code::Gaussian { .. } => Ok(self.posterior(samples)?.mean),
        }
    }

    /// `(N, C, H, W)` to the distributions of their codes.
    ///
    /// # Errors
    /// If the network is not variational, or the samples do not have its input shape.
    pub fn posterior(&self, samples: &Tensor) -> Result<Posterior> {
        self.code.posterior(|| self.encoder.run(samples))
    }

    /// Codes `(N, ...)` to reconstructions `(N, C, H, W)`.
    ///
    /// # Errors
    /// If the codes do not have the network's code shape.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.decoder.run(codes)
    }

    /// `(N, C, H, W)` to reconstructions of the same shape.
    ///
    /// # Errors
    /// If the samples do not have the network's input shape.
    pub fn reconstruct(&self, samples: &Tensor) -> Result<Tensor> {
        self.decode(&self.encode(samples)?)
    }

    /// Whether the last layer is this activation.
    pub fn ends_in(&self, activation: Activation) -> bool {
        self.decoder.until(&activation).is_ok()
    }

    /// The inputs of the final sigmoid, for the binary cross-entropy: they stay exact where the sigmoid itself rounds
    /// to 0 or 1.
    ///
    /// # Errors
    /// If the network does not end in a sigmoid, and as [`Autoencoder::reconstruct`].
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

/// The part of an image that a pixel of the result depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Height and width of images have to be divisible by this.
    pub multiple: usize,
    /// Pixels to each side.
    pub radius: usize,
}

impl Module for Autoencoder {
    fn forward(&self, samples: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.reconstruct(samples)?)
    }
}
