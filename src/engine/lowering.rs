//! What engines lower: the layers of a network or of a part of it.

use candle_core::{DType, Tensor};

use super::cpu::{CpuNetwork, Isa, Parameters, lower};
use crate::Result;
use crate::layer::Layer;
use crate::network::{Autoencoder, Code};
use crate::ops::has_kernel;
use crate::ops::in_place::with_elements_mut;

/// Layers for samples of a shape, with a code between those of the encoder and the decoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub input: &'a [usize],
    pub encoder: &'a [Layer],
    pub code: Code,
    pub decoder: &'a [Layer],
}

impl<'a> Part<'a> {
    /// A whole network, without its last activation where `logits` says so.
    pub fn whole(model: &'a Autoencoder, logits: bool) -> Self {
        let decoder = model.decoder().layers();
        Self {
            input: model.input_shape(),
            encoder: model.encoder().layers(),
            code: model.code(),
            decoder: match decoder.split_last() {
                Some((_, before)) if logits => before,
                _ => decoder,
            },
        }
    }

    /// Every layer with parameters, those within others behind them: the order in which steps take them.
    pub fn trained(self) -> impl Iterator<Item = &'a Layer> {
        let layers = self.encoder.iter().chain(self.decoder);
        let layers = layers.flat_map(Layer::walk);
        layers.filter(|layer| layer.parameters().next().is_some())
    }

    /// Shape of the results.
    fn output(self) -> &'a [usize] {
        let last = self.decoder.last().or(self.encoder.last());
        last.map_or(self.input, Layer::output)
    }
}

/// Samples to reconstructions without a tensor in between; none as of [`run`].
pub(crate) fn run_whole(model: &Autoencoder, samples: &Tensor) -> Result<Option<Tensor>> {
    run_part(Part::whole(model, false), samples)
}

/// Some layers on samples `(N, ...)` by the steps for the CPU; none where they cannot do it: for other
/// devices and types, for layers without a step, and where gradients are tracked.
pub(crate) fn run(layers: &[Layer], samples: &Tensor) -> Result<Option<Tensor>> {
    let Some((_, input)) = samples.dims().split_first() else {
        return Ok(None);
    };
    let part = Part {
        input,
        encoder: layers,
        code: Code::Plain,
        decoder: &[],
    };
    run_part(part, samples)
}

fn run_part(part: Part, samples: &Tensor) -> Result<Option<Tensor>> {
    let is_plain = |tensor: &Tensor| {
        has_kernel(&[tensor]) && tensor.dtype() == DType::F32 && !tensor.track_op()
    };
    let Some((steps, code)) = lower(part) else {
        return Ok(None);
    };
    let trained: Vec<_> = part.trained().filter_map(parameters).collect();
    let tensors = trained.iter();
    let tensors = tensors.flat_map(|(weight, bias)| std::iter::once(*weight).chain(*bias));
    let tensors: Vec<&Tensor> = tensors.collect();
    if steps.is_empty() || !is_plain(samples) || !tensors.iter().all(|tensor| is_plain(tensor)) {
        return Ok(None);
    }
    let mut network = CpuNetwork::new(steps, code, Isa::best());
    let samples = samples.contiguous()?;
    let read: Vec<&Tensor> = std::iter::once(&samples).chain(tensors).collect();
    let mut dims = vec![samples.dim(0)?];
    dims.extend(part.output());
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
pub(super) fn parameters(layer: &Layer) -> Option<(&Tensor, Option<&Tensor>)> {
    Some((layer.parameter("weight")?, layer.parameter("bias")))
}
