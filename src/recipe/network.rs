//! The network section of a recipe.

use serde::{Deserialize, Serialize};

use super::family::{in_range, relu, sigmoid, validate_convolutions, validate_init};
use super::limits::check;
use super::lists::LayersConfig;
use super::number;
use super::restoration::{ResidualConfig, UnetConfig};
use super::vae::VaeConfig;
use crate::Result;
use crate::activation::Activation;
use crate::layer::{Initialization, count};

/// A recipe's network: one family and its sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "kebab-case")]
pub enum NetworkConfig {
    /// Fully connected layers on the flattened image.
    Dense(DenseConfig),
    /// Convolutions with max-pooling in the encoder and nearest-neighbour upsampling in the
    /// decoder.
    Conv(ConvConfig),
    /// A dense or convolutional network with a normal distribution of codes.
    Vae(VaeConfig),
    /// Levels of convolutions joined by sums, for pictures to restore.
    Unet(UnetConfig),
    /// A column of convolutions, for pictures to restore.
    Residual(ResidualConfig),
    /// Arbitrary lists of layers.
    Layers(LayersConfig),
}

/// A dense autoencoder: `input -> encoder -> decoder -> input`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseConfig {
    /// Channels, height and width of an image; taken from the data when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<[usize; 3]>,
    /// Units of the encoder's layers; the last is the size of the code.
    pub encoder: Vec<usize>,
    /// Units of the decoder's hidden layers; the encoder's mirrored when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoder: Option<Vec<usize>>,
    /// The activation after every layer but the last.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// One activation for each layer but the last, from encoder to decoder; they replace
    /// `activation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activations: Option<Vec<Activation>>,
    /// The activation after the last layer.
    #[serde(default = "sigmoid")]
    pub output_activation: Activation,
    /// Whether dense layers have biases.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub bias: bool,
    /// The distribution of the initial weights.
    #[serde(default)]
    pub init: Initialization,
}

/// A convolutional autoencoder.
///
/// The encoder is a convolution and an activation for each entry, with a max-pool between
/// neighbouring entries, so the last convolution's output is the code. The decoder is a
/// convolution, an activation and an upsampling for each entry, then one convolution back to the
/// image's channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvConfig {
    /// Channels, height and width of an image; taken from the data when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<[usize; 3]>,
    /// Channels of the encoder's convolutions.
    pub encoder: Vec<usize>,
    /// Channels of the decoder's convolutions except the last: one entry fewer than the encoder's.
    pub decoder: Vec<usize>,
    /// Height and width of every kernel; odd, so that padding preserves the size.
    #[serde(default = "number::<3>")]
    pub kernel: usize,
    /// Factor of every max-pool and upsampling.
    #[serde(default = "number::<2>")]
    pub scale: usize,
    /// The activation after every convolution but the last.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// The activation after the last convolution.
    #[serde(default = "sigmoid")]
    pub output_activation: Activation,
    /// The distribution of the initial weights.
    #[serde(default)]
    pub init: Initialization,
}

impl DenseConfig {
    /// An encoder of these layers and its mirror image, with relu between layers and a final sigmoid.
    pub fn new(encoder: impl Into<Vec<usize>>) -> Self {
        Self {
            input: None,
            encoder: encoder.into(),
            decoder: None,
            activation: relu(),
            activations: None,
            output_activation: sigmoid(),
            bias: yes(),
            init: Initialization::default(),
        }
    }
}

impl ConvConfig {
    /// Convolutions of 3x3 with these channels, pools and upsamplings by 2, relu and a final sigmoid.
    pub fn new(encoder: impl Into<Vec<usize>>, decoder: impl Into<Vec<usize>>) -> Self {
        Self {
            input: None,
            encoder: encoder.into(),
            decoder: decoder.into(),
            kernel: number::<3>(),
            scale: number::<2>(),
            activation: relu(),
            output_activation: sigmoid(),
            init: Initialization::default(),
        }
    }
}

/// Conversions into the network of a recipe.
macro_rules! families {
    ($($family:ident($config:ident)),+) => {$(
        impl From<$config> for NetworkConfig {
            fn from(config: $config) -> Self {
                Self::$family(config)
            }
        }
    )+};
}

families!(
    Dense(DenseConfig),
    Conv(ConvConfig),
    Vae(VaeConfig),
    Unet(UnetConfig),
    Residual(ResidualConfig),
    Layers(LayersConfig)
);

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

/// The largest number of values in an image: enough for 3x4096x4096.
const MAX_INPUT: usize = 1 << 26;

impl NetworkConfig {
    /// Channels, height and width of an image, if stated.
    pub fn input(&self) -> Option<[usize; 3]> {
        match self {
            Self::Dense(config) => config.input,
            Self::Conv(config) => config.input,
            Self::Vae(config) => config.input,
            Self::Unet(config) => config.input,
            Self::Residual(config) => config.input,
            Self::Layers(config) => config.input,
        }
    }

    /// Whether the code is a normal distribution.
    pub fn is_variational(&self) -> bool {
        match self {
            Self::Dense(_) | Self::Conv(_) | Self::Unet(_) | Self::Residual(_) => false,
            Self::Vae(_) => true,
            Self::Layers(config) => config.latent.is_some(),
        }
    }

    /// The final activation.
    pub fn output_activation(&self) -> &Activation {
        match self {
            Self::Dense(config) => &config.output_activation,
            Self::Conv(config) => &config.output_activation,
            Self::Vae(config) => &config.output_activation,
            Self::Unet(_) | Self::Residual(_) => &Activation::Linear,
            Self::Layers(config) => config.output_activation(),
        }
    }

    /// Values of a code; `None` for a convolutional code while the input shape is unknown.
    pub fn code_len(&self) -> Option<usize> {
        match self {
            Self::Dense(config) => config.encoder.last().copied(),
            Self::Vae(config) => Some(config.latent),
            Self::Layers(config) => config.code_len(),
            // Their code is the picture.
            Self::Unet(_) | Self::Residual(_) => Some(count(&self.input()?)),
            Self::Conv(config) => {
                let [_, height, width] = config.input?;
                let pools = 1..config.encoder.len();
                let shrunk = |side| pools.clone().fold(side, |side, _| side / config.scale);
                let channels = *config.encoder.last()?;
                Some(count(&[channels, shrunk(height), shrunk(width)]))
            }
        }
    }

    /// Sets the shape of the images, or checks the stated one against it.
    ///
    /// # Errors
    /// If the recipe states another shape.
    pub fn resolve_input(&mut self, shape: [usize; 3]) -> Result<()> {
        let input = match self {
            Self::Dense(config) => &mut config.input,
            Self::Conv(config) => &mut config.input,
            Self::Vae(config) => &mut config.input,
            Self::Unet(config) => &mut config.input,
            Self::Residual(config) => &mut config.input,
            Self::Layers(config) => &mut config.input,
        };
        let stated = *input.get_or_insert(shape);
        check(
            stated == shape,
            "network.input",
            format!("the shape of the data's images, {shape:?}"),
            format!("{stated:?}"),
        )
    }

    pub(super) fn validate(&self) -> Result<()> {
        if let Some(input) = self.input() {
            in_range("network.input", &input)?;
            check(
                count(&input) <= MAX_INPUT,
                "network.input",
                format!("at most {MAX_INPUT} values"),
                format!("{input:?}"),
            )?;
        }
        self.output_activation()
            .validate("network.output_activation")?;
        match self {
            Self::Dense(config) => config.validate(),
            Self::Conv(config) => {
                validate_init(config.init)?;
                in_range("network.encoder", &config.encoder)?;
                config.activation.validate("network.activation")?;
                let pools = config.encoder.len() - 1;
                check(
                    config.decoder.len() == pools,
                    "network.decoder",
                    format!(
                        "{pools} entries, one fewer than network.encoder (an upsampling for each max-pool)"
                    ),
                    format!("{} entries", config.decoder.len()),
                )?;
                if !config.decoder.is_empty() {
                    in_range("network.decoder", &config.decoder)?;
                }
                validate_convolutions(config.kernel, config.scale)
            }
            Self::Vae(config) => config.validate(),
            Self::Unet(config) => config.validate(),
            Self::Residual(config) => config.validate(),
            Self::Layers(config) => config.validate(),
        }
    }
}

impl DenseConfig {
    /// Units of the decoder's hidden layers.
    pub fn decoder(&self) -> Vec<usize> {
        let mirrored = || self.encoder.iter().rev().skip(1).copied().collect();
        self.decoder.clone().unwrap_or_else(mirrored)
    }

    fn validate(&self) -> Result<()> {
        validate_init(self.init)?;
        in_range("network.encoder", &self.encoder)?;
        if let Some(decoder) = &self.decoder
            && !decoder.is_empty()
        {
            in_range("network.decoder", decoder)?;
        }
        self.activation.validate("network.activation")?;
        let Some(activations) = &self.activations else {
            return Ok(());
        };
        let (encoder, decoder) = (self.encoder.len(), self.decoder().len());
        check(
            activations.len() == encoder + decoder,
            "network.activations",
            format!(
                "{} entries, for {encoder} layers of the encoder and {decoder} hidden ones of the decoder",
                encoder + decoder
            ),
            format!("{} entries", activations.len()),
        )?;
        for (place, activation) in activations.iter().enumerate() {
            activation.validate(&format!("network.activations[{place}]"))?;
        }
        Ok(())
    }
}
