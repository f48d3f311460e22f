//! A list of layers, one after the other.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use crate::activation::Activation;
use crate::layer::{Initialization, Layer, LayerSpec, build, count, forward};
use crate::number::grouped;
use crate::{Error, Result};

/// The most weights of a stack, a gigabyte of them; more are a typing mistake.
const MAX_WEIGHTS: usize = 1 << 28;
/// The most values that all layers of a stack make of one sample, half a gigabyte of them.
const MAX_VALUES: usize = 1 << 27;
/// The most layers within each other, as lists are gone through by recursion.
const MAX_DEPTH: usize = 16;

/// Layers in order, with the shape of a sample before, between and after them.
#[derive(Debug, Clone)]
pub struct Stack {
    name: String,
    input: Vec<usize>,
    layers: Vec<Layer>,
    dtype: DType,
    device: Device,
}

impl Stack {
    /// Builds the layers for samples of shape `input`, with parameters named by their place.
    ///
    /// # Errors
    /// If a layer cannot take what comes before it, if the layers have more than 2^28 weights or make
    /// more than 2^27 values of one sample, or if `vb` lacks their parameters.
    pub fn new(
        name: &str,
        specs: &[LayerSpec],
        input: &[usize],
        init: Initialization,
        vb: VarBuilder,
    ) -> Result<Self> {
        let vb = vb.pp(name);
        let mut size = Size {
            weights: 0,
            values: count(input),
        };
        size.add(specs, &vb.prefix(), input, 0)?;
        Ok(Self {
            name: name.to_string(),
            input: input.to_vec(),
            layers: build(specs, input, init, &vb)?,
            dtype: vb.dtype(),
            device: vb.device().clone(),
        })
    }

    /// The layers; those within others are in these.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// All layers, those within others behind them.
    pub fn walk(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().flat_map(Layer::walk)
    }

    /// Type of the parameters, in which samples are worked on.
    pub fn dtype(&self) -> DType {
        self.dtype
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
        self.layers.last().map_or(&self.input, Layer::output)
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
        self.run_layers(samples, self.until(last)?)
    }

    /// The layers but the last, which must be this activation.
    ///
    /// # Errors
    /// If the last layer is another.
    pub(crate) fn until(&self, last: &Activation) -> Result<&[Layer]> {
        match self.layers.split_last() {
            Some((layer, before)) if *layer.spec() == LayerSpec::Activation(last.clone()) => {
                Ok(before)
            }
            other => Err(Error::layer(
                format!("{} (last layer)", self.name),
                last.name(),
                other.map_or("no layer".to_string(), |(layer, _)| {
                    layer.spec().to_string()
                }),
            )),
        }
    }

    /// Checks that samples can be given to the first layer.
    fn check(&self, samples: &Tensor) -> Result<()> {
        if samples.dims().get(1..) == Some(self.input.as_slice()) {
            return Ok(());
        }
        Err(Error::layer(
            &self.name,
            format!("a batch of samples of shape {:?}", self.input),
            format!("a tensor of shape {:?}", samples.dims()),
        ))
    }

    fn run_layers(&self, samples: &Tensor, layers: &[Layer]) -> Result<Tensor> {
        self.check(samples)?;
        let samples = samples.to_dtype(self.dtype)?;
        forward(layers, &samples)
    }
}

/// What layers take: weights in all, and values of one sample.
struct Size {
    weights: usize,
    values: usize,
}

impl Size {
    /// Counts layers, and refuses those that would fill the memory, before it is taken for the first of them.
    fn add(
        &mut self,
        specs: &[LayerSpec],
        name: &str,
        input: &[usize],
        depth: usize,
    ) -> Result<()> {
        let mut shape = input.to_vec();
        for (place, spec) in specs.iter().enumerate() {
            let name = format!("{name}.{place}");
            let refuse = |most: usize, what: &str, found: usize| {
                Err(Error::layer(
                    format!("{name} ({spec})"),
                    format!("at most {} {what}", grouped(most)),
                    grouped(found),
                ))
            };
            if depth > MAX_DEPTH {
                return refuse(MAX_DEPTH, "layers within each other", depth);
            }
            let kind = spec.kind();
            self.add(kind.body(), &name, &shape, depth + 1)?;
            let output = kind.output(&name, &shape)?;
            for parameter in kind.parameters(&shape) {
                if parameter.name == "weight" {
                    self.weights = self.weights.saturating_add(parameter.len());
                }
            }
            self.values = self.values.saturating_add(count(&output));
            if self.weights > MAX_WEIGHTS {
                return refuse(MAX_WEIGHTS, "weights up to here", self.weights);
            }
            if self.values > MAX_VALUES {
                return refuse(MAX_VALUES, "values of one sample up to here", self.values);
            }
            shape = output;
        }
        Ok(())
    }
}
