//! A list of layers, one after the other.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::layer::{Layer, LayerSpec, count};
use crate::activation::Activation;
use crate::engine::lowering;
use crate::number::grouped;
use crate::recipe::Initialization;
use crate::{Error, Result};

/// The most weights of a stack, a gigabyte of them; more are a typing mistake.
const MAX_WEIGHTS: usize = 1 << 28;
/// The most values that all layers of a stack make of one sample, half a gigabyte of them.
const MAX_VALUES: usize = 1 << 27;

/// Layers in order, with the shape of a sample before, between and after them.
#[derive(Debug, Clone)]
pub struct Stack {
    name: String,
    input: Vec<usize>,
    layers: Vec<Placed>,
    dtype: DType,
    device: Device,
}

/// A layer at its place.
#[derive(Debug, Clone)]
pub struct Placed {
    pub spec: LayerSpec,
    pub layer: Layer,
    /// Shape of a sample behind the layer, without the batch.
    pub output: Vec<usize>,
}

impl Stack {
    /// Builds the layers for samples of shape `input`, with parameters named by their place.
    ///
    /// # Errors
    /// If a layer cannot take what comes before it, if the layers have more than 2^28 weights or make
    /// more than 2^27 values of one sample, or if `vb` lacks their parameters.
    pub fn new(
        name: &str,
        specs: Vec<LayerSpec>,
        input: &[usize],
        init: Initialization,
        vb: VarBuilder,
    ) -> Result<Self> {
        let vb = vb.pp(name);
        check_size(&specs, input, &vb)?;
        let mut layers: Vec<Placed> = Vec::with_capacity(specs.len());
        for (place, spec) in specs.into_iter().enumerate() {
            let before = layers
                .last()
                .map_or(input, |placed| placed.output.as_slice());
            let (layer, output) = spec.build(before, init, vb.pp(place))?;
            layers.push(Placed {
                spec,
                layer,
                output,
            });
        }
        Ok(Self {
            name: name.to_string(),
            input: input.to_vec(),
            layers,
            dtype: vb.dtype(),
            device: vb.device().clone(),
        })
    }

    /// The layers with their full names, as `encoder.0`.
    pub fn layers(&self) -> impl Iterator<Item = (String, &Placed)> {
        self.layers
            .iter()
            .enumerate()
            .map(|(place, placed)| (format!("{}.{place}", self.name), placed))
    }

    /// The layers without their names.
    pub(crate) fn placed(&self) -> &[Placed] {
        &self.layers
    }

    /// Where the parameters are, and samples should be.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Shape of a sample before the first layer.
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// Shape of a sample behind the last layer.
    pub fn output_shape(&self) -> &[usize] {
        self.layers
            .last()
            .map_or(&self.input, |placed| &placed.output)
    }

    /// `(N, input...)` to `(N, output...)`, computed in the type of the parameters.
    ///
    /// # Errors
    /// If the samples have another shape.
    pub fn run(&self, samples: &Tensor) -> Result<Tensor> {
        self.run_layers(samples, &self.layers)
    }

    /// All but the last layer, which must be this activation.
    ///
    /// # Errors
    /// If the last layer is another, or the samples have another shape.
    pub fn run_until(&self, samples: &Tensor, last: &Activation) -> Result<Tensor> {
        match self.layers.split_last() {
            Some((placed, before)) if placed.spec == LayerSpec::Activation(last.clone()) => {
                self.run_layers(samples, before)
            }
            other => Err(Error::layer(
                format!("{} (last layer)", self.name),
                last.name(),
                other.map_or("no layer".to_string(), |(placed, _)| {
                    placed.spec.to_string()
                }),
            )),
        }
    }

    /// Checks that samples can be given to the first layer.
    pub(super) fn check(&self, samples: &Tensor) -> Result<()> {
        if samples.dims().get(1..) == Some(self.input.as_slice()) {
            return Ok(());
        }
        Err(Error::layer(
            &self.name,
            format!("a batch of samples of shape {:?}", self.input),
            format!("a tensor of shape {:?}", samples.dims()),
        ))
    }

    fn run_layers(&self, samples: &Tensor, layers: &[Placed]) -> Result<Tensor> {
        self.check(samples)?;
        let samples = samples.to_dtype(self.dtype)?;
        if let Some(result) = lowering::run(layers, &samples)? {
            return Ok(result);
        }
        layers
            .iter()
            .try_fold(samples, |x, placed| placed.layer.forward(&x))
    }
}

/// Refuses layers that would fill the memory, before it is taken for the first of them.
fn check_size(specs: &[LayerSpec], input: &[usize], vb: &VarBuilder) -> Result<()> {
    let mut shape = input.to_vec();
    let (mut weights, mut values) = (0usize, count(input));
    for (place, spec) in specs.iter().enumerate() {
        let vb = vb.pp(place);
        let output = spec.output_shape(&shape, &vb)?;
        weights = weights.saturating_add(spec.weight_count(&shape));
        values = values.saturating_add(count(&output));
        let refuse = |most: usize, what: &str, found: usize| {
            Err(Error::layer(
                format!("{} ({spec})", vb.prefix()),
                format!("at most {} {what}", grouped(most)),
                grouped(found),
            ))
        };
        if weights > MAX_WEIGHTS {
            return refuse(MAX_WEIGHTS, "weights up to here", weights);
        }
        if values > MAX_VALUES {
            return refuse(MAX_VALUES, "values of one sample up to here", values);
        }
        shape = output;
    }
    Ok(())
}
