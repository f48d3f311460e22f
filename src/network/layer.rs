//! The closed set of layers.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use super::function::Function;
use crate::activation::Activation;
use crate::recipe::Initialization;
use crate::{Error, Result, ops};

/// What a layer is, before it has weights.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerSpec {
    /// `(in)` to `(units)`.
    Dense { units: usize, bias: bool },
    /// `(C, H, W)` to `(channels, H, W)`: stride 1, zero padding that keeps the size.
    Conv2d { channels: usize, kernel: usize },
    /// `(C, H, W)` to `(C, H / size, W / size)`.
    MaxPool2d { size: usize },
    /// `(C, H, W)` to `(C, H * scale, W * scale)`, each value repeated.
    Upsample { scale: usize },
    /// Any shape to one dimension.
    Flatten,
    /// Any shape to this one, of as many values.
    Reshape { shape: Vec<usize> },
    /// A function of the recipes; any shape, kept.
    Activation(Activation),
    /// A function of the library's user; any shape, kept.
    Function(Function),
}

/// A layer with its weights, laid out as PyTorch's: dense `(out, in)`, convolution `(out, in, kh, kw)`.
#[derive(Debug, Clone)]
pub enum Layer {
    Dense {
        weight: Tensor,
        bias: Option<Tensor>,
    },
    Conv2d {
        weight: Tensor,
        bias: Tensor,
        padding: usize,
    },
    MaxPool2d {
        size: usize,
    },
    Upsample {
        scale: usize,
    },
    Flatten,
    Reshape {
        shape: Vec<usize>,
    },
    Activation(Activation),
    Function(Function),
}

impl LayerSpec {
    /// The layer and the shape of its result, for samples of shape `input`.
    ///
    /// # Errors
    /// If the layer cannot take that shape, or `vb` lacks its parameters.
    pub fn build(
        &self,
        input: &[usize],
        init: Initialization,
        vb: VarBuilder,
    ) -> Result<(Layer, Vec<usize>)> {
        let output = self.output_shape(input, &vb)?;
        let layer = match self {
            Self::Dense { units, bias } => {
                let fan_in = count(input);
                let init = init.layer(fan_in, *units);
                Layer::Dense {
                    weight: vb.get_with_hints((*units, fan_in), "weight", init.weight)?,
                    bias: bias
                        .then(|| vb.get_with_hints(*units, "bias", init.bias))
                        .transpose()?,
                }
            }
            Self::Conv2d { channels, kernel } => {
                let in_channels = input.first().copied().unwrap_or(0);
                let area = kernel * kernel;
                let init = init.layer(in_channels * area, channels * area);
                let shape = (*channels, in_channels, *kernel, *kernel);
                Layer::Conv2d {
                    weight: vb.get_with_hints(shape, "weight", init.weight)?,
                    bias: vb.get_with_hints(*channels, "bias", init.bias)?,
                    padding: kernel / 2,
                }
            }
            Self::MaxPool2d { size } => Layer::MaxPool2d { size: *size },
            Self::Upsample { scale } => Layer::Upsample { scale: *scale },
            Self::Flatten => Layer::Flatten,
            Self::Reshape { shape } => Layer::Reshape {
                shape: shape.clone(),
            },
            Self::Activation(activation) => Layer::Activation(activation.clone()),
            Self::Function(function) => Layer::Function(function.clone()),
        };
        Ok((layer, output))
    }

    /// The shape of the result for samples of shape `input`; `vb` names the layer in errors.
    pub(super) fn output_shape(&self, input: &[usize], vb: &VarBuilder) -> Result<Vec<usize>> {
        let refuse = |expected: &str| {
            Err(Error::layer(
                format!("{} ({self})", vb.prefix()),
                expected,
                format!("an input of shape {input:?}"),
            ))
        };
        match (self, input) {
            (Self::Dense { units, .. }, [_]) => Ok(vec![*units]),
            (Self::Dense { .. }, _) => refuse("flat samples"),
            (Self::Conv2d { channels, .. }, [_, h, w]) => Ok(vec![*channels, *h, *w]),
            (Self::MaxPool2d { size }, [c, h, w]) => {
                if h % size == 0 && w % size == 0 && *h > 0 && *w > 0 {
                    Ok(vec![*c, h / size, w / size])
                } else {
                    refuse(&format!(
                        "height and width divisible by {size}, as the decoder could not restore the size"
                    ))
                }
            }
            (Self::Upsample { scale }, [c, h, w]) => {
                Ok(vec![*c, h.saturating_mul(*scale), w.saturating_mul(*scale)])
            }
            (Self::Conv2d { .. } | Self::MaxPool2d { .. } | Self::Upsample { .. }, _) => {
                refuse("samples of channels, height and width")
            }
            (Self::Flatten, _) => Ok(vec![count(input)]),
            (Self::Reshape { shape }, _) => {
                if count(shape) == count(input) {
                    Ok(shape.clone())
                } else {
                    refuse(&format!("as many values as in {shape:?}"))
                }
            }
            (Self::Activation(activation), _) => {
                activation.check(&format!("{} ({self})", vb.prefix()), input)?;
                Ok(input.to_vec())
            }
            (Self::Function(_), _) => Ok(input.to_vec()),
        }
    }

    /// Weights of the layer for samples of shape `input`, biases left out.
    pub(super) fn weight_count(&self, input: &[usize]) -> usize {
        match self {
            Self::Dense { units, .. } => count(input).saturating_mul(*units),
            Self::Conv2d { channels, kernel } => {
                let taken = input.first().copied().unwrap_or(0);
                let area = kernel.saturating_mul(*kernel);
                taken.saturating_mul(*channels).saturating_mul(area)
            }
            _ => 0,
        }
    }
}

/// Values of a sample of that shape.
pub(super) fn count(shape: &[usize]) -> usize {
    shape.iter().copied().fold(1, usize::saturating_mul)
}

impl std::fmt::Display for LayerSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dense { units, bias } => {
                let without = if *bias { "" } else { ", no bias" };
                write!(f, "dense {units}{without}")
            }
            Self::Conv2d { channels, kernel } => write!(f, "conv {kernel}x{kernel}, {channels}"),
            Self::MaxPool2d { size } => write!(f, "max-pool {size}"),
            Self::Upsample { scale } => write!(f, "upsample {scale}"),
            Self::Flatten => write!(f, "flatten"),
            Self::Reshape { shape } => write!(f, "reshape {shape:?}"),
            Self::Activation(activation) => write!(f, "{activation}"),
            Self::Function(function) => write!(f, "{}", function.name()),
        }
    }
}

impl Layer {
    /// `(N, ...)` to `(N, ...)`.
    ///
    /// # Errors
    /// If the samples are not shaped as the layer was built for.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Dense { weight, bias } => ops::linear(x, weight, bias.as_ref()),
            Self::Conv2d {
                weight,
                bias,
                padding,
            } => ops::conv2d(x, weight, Some(bias), 1, *padding),
            Self::MaxPool2d { size } => ops::max_pool2d(x, *size),
            Self::Upsample { scale } => ops::upsample_nearest2d(x, *scale),
            Self::Flatten => Ok(x.flatten_from(1)?),
            Self::Reshape { shape } => {
                let mut dims = vec![x.dim(0)?];
                dims.extend(shape);
                Ok(x.reshape(dims)?)
            }
            Self::Activation(activation) => activation.apply(x),
            Self::Function(function) => function.apply(x),
        }
    }

    /// The weights of a layer that has some.
    pub fn weight(&self) -> Option<&Tensor> {
        match self {
            Self::Dense { weight, .. } | Self::Conv2d { weight, .. } => Some(weight),
            _ => None,
        }
    }

    /// Number of trained values.
    pub fn parameter_count(&self) -> usize {
        match self {
            Self::Dense { weight, bias } => {
                weight.elem_count() + bias.as_ref().map_or(0, Tensor::elem_count)
            }
            Self::Conv2d { weight, bias, .. } => weight.elem_count() + bias.elem_count(),
            _ => 0,
        }
    }
}
