//! The convolution.

use std::fmt;

use candle_core::Tensor;

use super::kind::{Kind, ParameterSpec, Written, channels, divides, image, refusal};
use super::words::Words;
use super::{Field, Layer};
use crate::{Result, ops};

/// `(C, H, W)` to `(channels, H / stride, W / stride)`. PyTorch's `nn.Conv2d`; an odd kernel is padded with zeros by
/// half its size on all sides, so that pixels keep their places. An even kernel has no padding, and its stride is its
/// size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Channels of the result.
    pub channels: usize,
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Rows and columns from one output to the next.
    pub stride: usize,
    /// Whether each channel has a bias.
    pub bias: bool,
}

/// The largest kernel: a larger one is a typing mistake.
pub(super) const MOST_KERNEL: usize = 31;
/// The largest factor between two image sizes.
pub(super) const MOST_SCALE: usize = 64;

impl Conv2d {
    /// With stride 1 and biases.
    pub fn new(channels: usize, kernel: usize) -> Self {
        Self {
            channels,
            kernel,
            stride: 1,
            bias: true,
        }
    }

    /// Rows and columns of zeros on each side.
    pub fn padding(&self) -> usize {
        match self.kernel % 2 {
            0 => 0,
            _ => self.kernel / 2,
        }
    }
}

impl Kind for Conv2d {
    fn parameters(&self, input: &[usize]) -> Vec<ParameterSpec> {
        let biases = self.bias.then_some(self.channels);
        let channels = [self.channels, channels(input)];
        ParameterSpec::weight_and_bias(channels, &[self.kernel; 2], biases)
    }

    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        let stride = self.stride;
        let [_, height, width] = image(name, self, input)?;
        if self.kernel.is_multiple_of(2) && (stride != self.kernel || stride == 0) {
            let expected = "an odd kernel, or one as large as its stride";
            return Err(refusal(name, self, expected, input));
        }
        if !divides(stride, [height, width]) {
            let expected = format!("height and width divisible by the stride, {stride}");
            return Err(refusal(name, self, expected, input));
        }
        Ok(vec![self.channels, height / stride, width / stride])
    }

    fn field(&self) -> Option<Field> {
        let reach = match self.padding() {
            0 => self.kernel.saturating_sub(1),
            padding => padding.saturating_add(self.stride).saturating_sub(1),
        };
        Some(Field {
            down: self.stride,
            up: 1,
            reach,
        })
    }

    fn forward(&self, x: &Tensor, layer: &Layer) -> Result<Tensor> {
        let (weight, bias) = (layer.weight()?, layer.parameter("bias"));
        ops::conv2d(x, weight, bias, self.stride, self.padding())
    }

    fn kernels(&self, layer: &Layer) -> Result<Option<Tensor>> {
        Ok(Some(layer.weight()?.clone()))
    }
}

impl Written for Conv2d {
    const FORM: &'static str = "conv KxK, CHANNELS[, stride N][, no bias]";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        Words::read(text, "conv", |words| {
            let kernel = words.square(MOST_KERNEL)?;
            let channels = words.size()?;
            let stride = words.named("stride", MOST_SCALE)?.unwrap_or(1);
            let bias = !words.has("no bias");
            if kernel % 2 == 0 && stride != kernel {
                return Err(format!(
                    "an odd kernel, or stride {kernel} as the kernel is even"
                ));
            }
            Ok(Self {
                channels,
                kernel,
                stride,
                bias,
            })
        })
    }
}

impl fmt::Display for Conv2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "conv {0}x{0}, {1}", self.kernel, self.channels)?;
        if self.stride != 1 {
            write!(f, ", stride {}", self.stride)?;
        }
        f.write_str(if self.bias { "" } else { ", no bias" })
    }
}
