//! The variational autoencoder of a recipe.

use serde::{Deserialize, Serialize};

use super::family::{
    check_kernel, check_scale, in_range, relu, sigmoid, three, two, validate_init,
};
use crate::activation::Activation;
use crate::layer::{Initialization, MAX_UNITS};
use crate::{Error, Result};

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
    #[serde(default = "three")]
    pub kernel: usize,
    /// Factor of every max-pool and upsampling of a conv body.
    #[serde(default = "two")]
    pub scale: usize,
    /// The activation after every hidden layer.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// The activation after the last layer, which gives the parameter of the likelihood: a sigmoid
    /// for Bernoulli's.
    #[serde(default = "sigmoid")]
    pub output_activation: Activation,
    #[serde(default)]
    pub init: Initialization,
}

/// The layers of a variational autoencoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// Dense layers.
    Dense,
    /// A convolution, an activation and a max-pool for each entry, then one dense layer to the code;
    /// and back with upsampling.
    Conv,
}

impl VaeConfig {
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
        if self.latent > MAX_UNITS / 2 {
            return Err(Error::recipe(
                "network.latent",
                format!("at most {}", MAX_UNITS / 2),
                self.latent,
            ));
        }
        if self.body == Body::Conv && self.decoder().len() != self.encoder.len() {
            return Err(Error::recipe(
                "network.decoder",
                format!(
                    "{} entries as in network.encoder (an upsampling for each max-pool)",
                    self.encoder.len()
                ),
                format!("{} entries", self.decoder().len()),
            ));
        }
        check_kernel(self.kernel)?;
        check_scale(self.scale)
    }
}
