//! A network given as lists of layers.

use serde::{Deserialize, Serialize};

use super::family::{MAX_LAYERS, in_range, validate_init};
use super::limits::check;
use crate::Result;
use crate::activation::Activation;
use crate::layer::{Initialization, LayerSpec, count, output_shape};

/// An autoencoder of any layers, each written as `autoencode summary` prints it; a residual block is a table with its
/// own list.
///
/// ```
/// use autoencode::recipe::LayersConfig;
///
/// let config: LayersConfig = toml::from_str(r#"
///     encoder = ["conv 3x3, 16", "relu", { residual = ["conv 3x3, 16", "relu"] }, "max-pool 2"]
///     decoder = ["conv-transpose 2x2, 16", "relu", "conv 3x3, 1", "sigmoid"]
/// "#).unwrap();
/// assert_eq!(config.encoder.len(), 4);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayersConfig {
    /// Channels, height and width of an image; taken from the data when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<[usize; 3]>,
    /// Dimensions of a variational code: the encoder's last layer gives twice as many values, means and then
    /// log-variances, and the decoder reads a sample. Without it, the code is the encoder's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latent: Option<usize>,
    /// The distribution of the initial weights.
    #[serde(default)]
    pub init: Initialization,
    /// From the image to the code.
    pub encoder: Vec<LayerSpec>,
    /// From the code to the image.
    pub decoder: Vec<LayerSpec>,
}

impl LayersConfig {
    /// A network of these layers, built by code.
    ///
    /// ```
    /// use autoencode::activation::Activation;
    /// use autoencode::layer::{Conv2d, ConvTranspose2d, MaxPool2d};
    /// use autoencode::recipe::{LayersConfig, Recipe};
    ///
    /// let encoder = vec![Conv2d::new(8, 3).into(), Activation::Relu.into(), MaxPool2d { size: 2 }.into()];
    /// let decoder = vec![ConvTranspose2d::new(1, 2).into(), Activation::Sigmoid.into()];
    /// let recipe = Recipe::new("small", LayersConfig::new(encoder, decoder));
    /// assert!(recipe.validate().is_ok());
    /// ```
    pub fn new(encoder: Vec<LayerSpec>, decoder: Vec<LayerSpec>) -> Self {
        Self {
            input: None,
            latent: None,
            init: Initialization::default(),
            encoder,
            decoder,
        }
    }

    pub(super) fn output_activation(&self) -> &Activation {
        match self.decoder.last() {
            Some(LayerSpec::Activation(activation)) => activation,
            _ => &Activation::Linear,
        }
    }

    /// Values of a code, if stated or independent of the input.
    pub(super) fn code_len(&self) -> Option<usize> {
        let of_encoder = || {
            let shape = output_shape(&self.encoder, "encoder", &self.input?).ok()?;
            Some(count(&shape))
        };
        self.latent.or_else(of_encoder)
    }

    pub(super) fn validate(&self) -> Result<()> {
        validate_init(self.init)?;
        if let Some(latent) = self.latent {
            in_range("network.latent", &[latent])?;
        }
        for (key, layers) in [
            ("network.encoder", &self.encoder),
            ("network.decoder", &self.decoder),
        ] {
            let layers = validate(key, layers)?;
            let expected = format!("at most {MAX_LAYERS} layers");
            check(layers <= MAX_LAYERS, key, expected, layers)?;
        }
        // Without an encoder, the network restores pictures and has no code.
        let expected = "1 or more layers";
        check(!self.decoder.is_empty(), "network.decoder", expected, 0)?;
        check(
            self.latent.is_none() || !self.encoder.is_empty(),
            "network.encoder",
            "1 or more layers, as network.latent is set",
            0,
        )
    }
}

/// Checks the parameters of activations; returns the number of layers, including nested ones.
fn validate(key: &str, layers: &[LayerSpec]) -> Result<usize> {
    let mut count = 0;
    for (place, layer) in layers.iter().enumerate() {
        let key = format!("{key}[{place}]");
        match layer {
            LayerSpec::Activation(activation) => activation.validate(&key)?,
            LayerSpec::Residual(residual) => {
                count += validate(&format!("{key}.residual"), &residual.body)?;
            }
            _ => {}
        }
        count += 1;
    }
    Ok(count)
}
