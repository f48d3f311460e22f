//! The transposed convolution.

use std::fmt;

use candle_core::Tensor;

use super::Layer;
use super::conv2d::MOST_KERNEL;
use super::kind::{IMAGES, Kind, ParameterSpec, Written, refusal};
use super::words::Words;
use crate::{Result, ops};

/// `(C, H, W)` to `(channels, H * scale, W * scale)`: each pixel becomes a block of `scale` by `scale` pixels.
/// PyTorch's `nn.ConvTranspose2d` with a kernel as large as its stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvTranspose2d {
    pub channels: usize,
    /// Height and width of the kernel, and its stride.
    pub scale: usize,
    pub bias: bool,
}

impl Kind for ConvTranspose2d {
    /// The fans are PyTorch's: those of the convolution that it transposes.
    fn parameters(&self, input: &[usize]) -> Vec<ParameterSpec> {
        let taken = input.first().copied().unwrap_or(0);
        let area = self.scale.saturating_mul(self.scale);
        let fan_in = self.channels.saturating_mul(area);
        let fan_out = taken.saturating_mul(area);
        let shape = vec![taken, self.channels, self.scale, self.scale];
        let weight = ParameterSpec::weight(shape, fan_in, fan_out);
        let bias = self
            .bias
            .then(|| ParameterSpec::bias(self.channels, fan_in));
        std::iter::once(weight).chain(bias).collect()
    }

    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        let &[_, height, width] = input else {
            return Err(refusal(name, self, IMAGES, input));
        };
        let scaled = |size: usize| size.saturating_mul(self.scale);
        Ok(vec![self.channels, scaled(height), scaled(width)])
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
        let mut words = Words::of(text, "conv-transpose")?;
        Some((|| {
            let scale = words.square(MOST_KERNEL)?;
            let channels = words.size()?;
            let bias = !words.has("no bias");
            words.end(Self {
                channels,
                scale,
                bias,
            })
        })())
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
