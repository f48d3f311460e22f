//! Families for the restoration of pictures of any size: they learn what to add to a picture, which for noise is its
//! negative.

use serde::{Deserialize, Serialize};

use super::family::{in_range, relu, validate_convolutions, validate_init};
use super::is_default;
use super::limits::count;
use super::number;
use crate::Result;
use crate::activation::Activation;
use crate::layer::Initialization;

/// A U-Net whose levels are joined by sums (DRUNet: Zhang et al., "Plug-and-play image restoration with deep denoiser
/// prior", TPAMI 2022).
///
/// A convolution, then the levels, then a convolution to the picture's channels; the result is added to the picture. A
/// level is a residual block around its own blocks, a strided convolution of 2x2, the next level, a transposed convolution
/// of 2x2 and as many blocks again; the lowest has its blocks alone. A block adds convolution, activation, convolution to
/// its input. Height and width have to be divisible by 2 for each level but the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnetConfig {
    /// Channels, height and width of an image; taken from the data when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<[usize; 3]>,
    /// Channels of each level, from the full size down.
    pub widths: Vec<usize>,
    /// Residual blocks of a level on each way.
    #[serde(default = "number::<2>")]
    pub blocks: usize,
    /// The activation in each block.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// Whether convolutions have biases. Without, and with relu, a network scales with its input, which helps on noise
    /// that it was not trained on (Mohan et al., "Robust and interpretable blind image denoising via bias-free
    /// convolutional neural networks", ICLR 2020).
    #[serde(default, skip_serializing_if = "is_default")]
    pub bias: bool,
    /// The distribution of the initial weights.
    #[serde(default = "he")]
    pub init: Initialization,
}

/// A column of convolutions of one width, whose result is added to the picture (DnCNN without its batch normalisation:
/// Zhang et al., "Beyond a Gaussian denoiser: residual learning of deep CNN for image denoising", TIP 2017).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualConfig {
    /// Channels, height and width of an image; taken from the data when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<[usize; 3]>,
    /// Convolutions, first and last included.
    pub depth: usize,
    /// Channels of every convolution but the last.
    #[serde(default = "number::<64>")]
    pub width: usize,
    /// Height and width of every kernel; odd.
    #[serde(default = "number::<3>")]
    pub kernel: usize,
    /// The activation after every convolution but the last.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// Whether convolutions have biases; see [`UnetConfig::bias`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub bias: bool,
    /// The distribution of the initial weights.
    #[serde(default = "he")]
    pub init: Initialization,
}

fn he() -> Initialization {
    Initialization::He
}

impl UnetConfig {
    /// Levels of these widths with two blocks on each way, relu and no biases.
    pub fn new(widths: impl Into<Vec<usize>>) -> Self {
        Self {
            input: None,
            widths: widths.into(),
            blocks: number::<2>(),
            activation: relu(),
            bias: false,
            init: he(),
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        validate_init(self.init)?;
        in_range("network.widths", &self.widths)?;
        count("network.widths (their number)", self.widths.len(), 1..=8)?;
        count("network.blocks", self.blocks, 1..=16)?;
        self.activation.validate("network.activation")
    }
}

impl ResidualConfig {
    /// This number of convolutions of 3x3 with 64 channels, with relu and no biases.
    pub fn new(depth: usize) -> Self {
        Self {
            input: None,
            depth,
            width: number::<64>(),
            kernel: number::<3>(),
            activation: relu(),
            bias: false,
            init: he(),
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        validate_init(self.init)?;
        count("network.depth", self.depth, 2..=100)?;
        in_range("network.width", &[self.width])?;
        self.activation.validate("network.activation")?;
        validate_convolutions(self.kernel, 1)
    }
}
