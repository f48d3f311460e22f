//! The layers of networks as stages, from which the engines' steps are lowered.

use candle_core::{DType, Tensor};

use super::cpu::{CpuNetwork, Elementwise, Isa, Latent, Parameters, Shape, Stage, lower};
use crate::Result;
use crate::activation::Activation;
use crate::network::{Autoencoder, Code, LOG_VARIANCE_BOUND, Layer, LayerSpec, Placed};
use crate::ops::in_place::with_elements_mut;
use crate::ops::{Scalar, has_kernel};

/// The layers of encoder and decoder as stages for samples of a shape, without the last activation where
/// `logits` says so; none if one of them cannot be.
pub(super) fn stages(model: &Autoencoder, logits: bool) -> Option<(Vec<Stage>, Vec<Stage>, Shape)> {
    let encoder = encoder_stages(model)?;
    let mut decoder = stages_of(model.decoder().placed())?;
    if logits {
        decoder.pop();
    }
    Some((encoder, decoder, Shape::new(model.input_shape())?))
}

/// The encoder's layers as stages, with the code's.
fn encoder_stages(model: &Autoencoder) -> Option<Vec<Stage>> {
    let mut stages = stages_of(model.encoder().placed())?;
    if let Code::Gaussian { latent } = model.code() {
        stages.push(Stage::Latent(Latent {
            dimensions: latent,
            bound: LOG_VARIANCE_BOUND,
        }));
    }
    Some(stages)
}

/// Samples to reconstructions without a tensor in between; none as of [`run`].
pub(crate) fn run_whole(model: &Autoencoder, samples: &Tensor) -> Result<Option<Tensor>> {
    let decoder = stages_of(model.decoder().placed());
    let Some((mut stages, decoder)) = encoder_stages(model).zip(decoder) else {
        return Ok(None);
    };
    stages.extend(decoder);
    let layers = model
        .encoder()
        .placed()
        .iter()
        .chain(model.decoder().placed());
    run_stages(&stages, &layers.collect::<Vec<_>>(), samples)
}

/// Some layers on samples `(N, ...)` by the steps for the CPU; none where they cannot do it: for other
/// devices and types, for layers without a step, and where gradients are tracked.
pub(crate) fn run(layers: &[Placed], samples: &Tensor) -> Result<Option<Tensor>> {
    match stages_of(layers) {
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
pub(super) fn parameters(placed: &Placed) -> Option<(&Tensor, Option<&Tensor>)> {
    match &placed.layer {
        Layer::Dense { weight, bias } => Some((weight, bias.as_ref())),
        Layer::Conv2d { weight, bias, .. } => Some((weight, Some(bias))),
        _ => None,
    }
}

/// Layers as stages; none if one of them cannot be.
fn stages_of(layers: &[Placed]) -> Option<Vec<Stage>> {
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
