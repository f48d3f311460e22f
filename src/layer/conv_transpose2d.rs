//! The transposed convolution.

use std::fmt;

use candle_core::Tensor;

use super::conv2d::MOST_KERNEL;
use super::kind::{Kind, ParameterSpec, Written, channels, image};
use super::words::Words;
use super::{Field, Layer};
use crate::{Result, ops};

/// `(C, H, W)` to `(channels, H * scale, W * scale)`: each pixel becomes a block of `scale` by `scale` pixels.
/// PyTorch's `nn.ConvTranspose2d` with a kernel as large as its stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvTranspose2d {
    /// Channels of the result.
    pub channels: usize,
    /// Height and width of the kernel, and its stride.
    pub scale: usize,
    /// Whether each channel has a bias.
    pub bias: bool,
}

impl ConvTranspose2d {
    /// With biases.
    pub fn new(channels: usize, scale: usize) -> Self {
        Self {
            channels,
            scale,
            bias: true,
        }
    }
}

impl Kind for ConvTranspose2d {
    /// The fans are PyTorch's: those of the convolution that it transposes.
    fn parameters(&self, input: &[usize]) -> Vec<ParameterSpec> {
        let biases = self.bias.then_some(self.channels);
        let channels = [channels(input), self.channels];
        ParameterSpec::weight_and_bias(channels, &[self.scale; 2], biases)
    }

    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        let [_, height, width] = image(name, self, input)?;
        let scaled = |size: usize| size.saturating_mul(self.scale);
        Ok(vec![self.channels, scaled(height), scaled(width)])
    }

    fn field(&self) -> Option<Field> {
        Some(Field {
            up: self.scale,
            ..Field::POINTWISE
        })
    }

    fn forward(&self, x: &Tensor, layer: &Layer) -> Result<Tensor> {
        let (weight, bias) = (layer.weight()?, layer.parameter("bias"));
        ops::conv_transpose2d(x, weight, bias, self.scale)
    }

    fn kernels(&self, layer: &Layer) -> Result<Option<Tensor>> {
        Ok(Some(layer.weight()?.transpose(0, 1)?.contiguous()?))
    }
}

impl Written for ConvTranspose2d {
    const FORM: &'static str = "conv-transpose SxS, CHANNELS[, no bias]";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        Words::read(text, "conv-transpose", |words| {
            Ok(Self {
                scale: words.square(MOST_KERNEL)?,
                channels: words.size()?,
                bias: !words.has("no bias"),
            })
        })
    }
}

impl fmt::Display for ConvTranspose2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without = if self.bias { "" } else { ", no bias" };
        write!(
            f,
            "conv-transpose {0}x{0}, {1}{without}",
            self.scale, self.channels
        )
    }
}
