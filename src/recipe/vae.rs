//! The variational autoencoder of a recipe.

use serde::{Deserialize, Serialize};

use super::family::{in_range, relu, sigmoid, validate_convolutions, validate_init};
use super::limits::check;
use super::number;
use crate::Result;
use crate::activation::Activation;
use crate::layer::{Initialization, MAX_UNITS};

/// A variational autoencoder (Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014): the
/// encoder gives mean and log-variance of a normal distribution of codes, the decoder reads a sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeConfig {
    /// Channels, height and width of an image; taken from the data when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<[usize; 3]>,
    /// The layer type of encoder and decoder.
    pub body: Body,
    /// Units (dense) or channels (conv) of the encoder's hidden layers.
    pub encoder: Vec<usize>,
    /// Units or channels of the decoder's hidden layers; the encoder's, mirrored, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Vec<usize>>,
    /// Dimensions of the code.
    pub latent: usize,
    /// Height and width of every kernel in a conv body; odd.
    #[serde(default = "number::<3>")]
    pub kernel: usize,
    /// Factor of every max-pool and upsampling of a conv body.
    #[serde(default = "number::<2>")]
    pub scale: usize,
    /// The activation after every hidden layer.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// The activation after the last layer, which gives the parameter of the likelihood: a sigmoid
    /// for Bernoulli's.
    #[serde(default = "sigmoid")]
    pub output_activation: Activation,
    /// The distribution of the initial weights.
    #[serde(default)]
    pub init: Initialization,
}

/// The layers of a variational autoencoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// Fully connected layers.
    Dense,
    /// A convolution, an activation and a max-pool for each entry, then one dense layer to the code;
    /// and back with upsampling.
    Conv,
}

impl VaeConfig {
    /// An encoder with these hidden layers, its mirror image as the decoder, relu and a final sigmoid.
    pub fn new(body: Body, encoder: impl Into<Vec<usize>>, latent: usize) -> Self {
        Self {
            input: None,
            body,
            encoder: encoder.into(),
            decoder: None,
            latent,
            kernel: number::<3>(),
            scale: number::<2>(),
            activation: relu(),
            output_activation: sigmoid(),
            init: Initialization::default(),
        }
    }

    /// The decoder's hidden layers, starting from the code.
    pub fn decoder(&self) -> Vec<usize> {
        let mirrored = || self.encoder.iter().rev().copied().collect();
        self.decoder.clone().unwrap_or_else(mirrored)
    }

    pub(super) fn validate(&self) -> Result<()> {
        validate_init(self.init)?;
        in_range("network.encoder", &self.encoder)?;
        in_range("network.decoder", &self.decoder())?;
        in_range("network.latent", &[self.latent])?;
        self.activation.validate("network.activation")?;
        let most = MAX_UNITS / 2;
        let expected = format!("at most {most}");
        check(self.latent <= most, "network.latent", expected, self.latent)?;
        let (encoder, decoder) = (self.encoder.len(), self.decoder().len());
        check(
            self.body == Body::Dense || decoder == encoder,
            "network.decoder",
            format!("{encoder} entries as in network.encoder (an upsampling for each max-pool)"),
            format!("{decoder} entries"),
        )?;
        validate_convolutions(self.kernel, self.scale)
    }
}
