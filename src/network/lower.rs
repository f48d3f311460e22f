//! Networks and their parts as steps for the CPU.

use candle_core::{DType, Tensor};

use super::code::LOG_VARIANCE_BOUND;
use super::layer::{Layer, LayerSpec};
use super::stack::Placed;
use super::{Autoencoder, Code};
use crate::Result;
use crate::activation::Activation;
use crate::engine::cpu::{CpuNetwork, Elementwise, Isa, Latent, Parameters, Shape, Stage, lower};
use crate::ops::in_place::with_elements_mut;
use crate::ops::{Scalar, has_kernel};

impl Autoencoder {
    /// The network lowered for training, without its last activation where `logits` says so; none if it
    /// has a layer that steps cannot do.
    pub(crate) fn lowered(&self, logits: bool) -> Option<CpuNetwork> {
        let (encoder, decoder, input) = self.stages(logits)?;
        let (steps, code) = lower(&encoder, &decoder, input);
        (!steps.is_empty()).then(|| CpuNetwork::new(steps, code, Isa::best()))
    }

    /// The layers of encoder and decoder as stages for samples of a shape, without the last activation where
    /// `logits` says so; none if one of them cannot be.
    pub(crate) fn stages(&self, logits: bool) -> Option<(Vec<Stage>, Vec<Stage>, Shape)> {
        let encoder = self.encoder_stages()?;
        let mut decoder = stages(self.decoder.placed())?;
        if logits {
            decoder.pop();
        }
        Some((encoder, decoder, Shape::new(self.input_shape())?))
    }

    /// The encoder's layers as stages, with the code's.
    fn encoder_stages(&self) -> Option<Vec<Stage>> {
        let mut stages = stages(self.encoder.placed())?;
        if let Code::Gaussian { latent } = self.code {
            stages.push(Stage::Latent(Latent {
                dimensions: latent,
                bound: LOG_VARIANCE_BOUND,
            }));
        }
        Some(stages)
    }

    /// Samples to reconstructions without a tensor in between; none as of [`run`].
    pub(super) fn run_lowered(&self, samples: &Tensor) -> Result<Option<Tensor>> {
        let decoder = stages(self.decoder.placed());
        let Some((mut stages, decoder)) = self.encoder_stages().zip(decoder) else {
            return Ok(None);
        };
        stages.extend(decoder);
        let layers = self.encoder.placed().iter().chain(self.decoder.placed());
        run_stages(&stages, &layers.collect::<Vec<_>>(), samples)
    }
}

/// Some layers on samples `(N, ...)` by the steps for the CPU; none where they cannot do it: for other
/// devices and types, for layers without a step, and where gradients are tracked.
pub(super) fn run(layers: &[Placed], samples: &Tensor) -> Result<Option<Tensor>> {
    match stages(layers) {
        Some(stages) => run_stages(&stages, &layers.iter().collect::<Vec<_>>(), samples),
        None => Ok(None),
    }
}

fn run_stages(stages: &[Stage], layers: &[&Placed], samples: &Tensor) -> Result<Option<Tensor>> {
    let is_plain = |tensor: &Tensor| {
        has_kernel(&[tensor]) && tensor.dtype() == DType::F32 && !tensor.track_op()
    };
    let (Some(last), Some((&count, dims))) = (layers.last(), samples.dims().split_first()) else {
        return Ok(None);
    };
    let Some(input) = Shape::new(dims) else {
        return Ok(None);
    };
    let trained = layers.iter().copied().filter_map(parameters);
    let trained: Vec<_> = trained.collect();
    let tensors = trained.iter();
    let tensors = tensors.flat_map(|(weight, bias)| std::iter::once(*weight).chain(*bias));
    let tensors: Vec<&Tensor> = tensors.collect();
    let (steps, code) = lower(stages, &[], input);
    if steps.is_empty() || !is_plain(samples) || !tensors.iter().all(|tensor| is_plain(tensor)) {
        return Ok(None);
    }
    let mut network = CpuNetwork::new(steps, code, Isa::best());
    let samples = samples.contiguous()?;
    let read: Vec<&Tensor> = std::iter::once(&samples).chain(tensors).collect();
    let mut dims = vec![count];
    dims.extend(&last.output);
    let mut out = vec![0f32; dims.iter().product()];
    with_elements_mut::<f32, _>(&[], &read, |_, read| {
        let mut read = read.iter().copied();
        let samples = read.next().unwrap_or_default();
        let parameters = trained.iter().map(|(_, bias)| {
            let weight = read.next().unwrap_or_default();
            let bias = bias.and_then(|_| read.next());
            (weight, bias.unwrap_or_default())
        });
        let parameters: Vec<Parameters> = parameters.collect();
        network.pack(&parameters);
        network.run(&parameters, samples, &mut out);
        Ok(())
    })?;
    Ok(Some(Tensor::from_vec(out, dims, samples.device())?))
}

/// Weight and bias of a layer that has some.
pub(crate) fn parameters(placed: &Placed) -> Option<(&Tensor, Option<&Tensor>)> {
    match &placed.layer {
        Layer::Dense { weight, bias } => Some((weight, bias.as_ref())),
        Layer::Conv2d { weight, bias, .. } => Some((weight, Some(bias))),
        _ => None,
    }
}

/// Layers as stages; none if one of them cannot be.
fn stages(layers: &[Placed]) -> Option<Vec<Stage>> {
    let mut stages = Vec::with_capacity(layers.len());
    for placed in layers {
        stages.push(match &placed.spec {
            LayerSpec::Dense { units, bias } => Stage::Dense {
                units: *units,
                bias: *bias,
            },
            LayerSpec::Conv2d { channels, kernel } => Stage::Conv {
                channels: *channels,
                kernel: *kernel,
            },
            LayerSpec::MaxPool2d { size } => Stage::MaxPool { size: *size },
            LayerSpec::Upsample { scale } => Stage::Upsample { scale: *scale },
            LayerSpec::Flatten | LayerSpec::Reshape { .. } => {
                Stage::Reshape(Shape::new(&placed.output)?)
            }
            LayerSpec::Activation(Activation::Softmax) => Stage::Softmax,
            LayerSpec::Activation(activation) => {
                Stage::Elementwise(elementwise(activation.scalar()?))
            }
            LayerSpec::Function(_) => return None,
        });
    }
    Some(stages)
}

fn elementwise(function: Scalar) -> Elementwise {
    match function {
        Scalar::Relu => Elementwise::Relu,
        Scalar::LeakyRelu(slope) => Elementwise::LeakyRelu(slope as f32),
        Scalar::Sigmoid => Elementwise::Sigmoid,
        other => Elementwise::Other(other),
    }
}
