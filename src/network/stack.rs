//! A sequence of layers.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use crate::activation::Activation;
use crate::layer::{
    Initialization, Layer, LayerSpec, build, checked_output, count, forward, resized,
};
use crate::number::grouped;
use crate::{Error, Result};

/// The most weights in a stack: a gigabyte in f32. A larger number is a typing mistake.
const MAX_WEIGHTS: usize = 1 << 28;
/// The most values that all layers of a stack compute for one sample: half a gigabyte in f32.
const MAX_VALUES: usize = 1 << 27;
/// The deepest nesting of layers, as lists are walked by recursion.
const MAX_DEPTH: usize = 16;

/// Layers in order, with the shapes of one sample at the input, between layers and at the output.
#[derive(Debug, Clone)]
pub struct Stack {
    name: String,
    input: Vec<usize>,
    layers: Vec<Layer>,
    dtype: DType,
    device: Device,
}

impl Stack {
    /// Builds the layers for samples of shape `input`, with parameters named by their index.
    ///
    /// # Errors
    /// If a layer does not accept the shape before it, if the layers have more than 2^28 weights or compute more than
    /// 2^27 values for one sample, or if `vb` lacks their parameters.
    pub fn new(
        name: &str,
        specs: &[LayerSpec],
        input: &[usize],
        init: Initialization,
        vb: VarBuilder,
    ) -> Result<Self> {
        let vb = vb.pp(name);
        if input.is_empty() || input.contains(&0) {
            return Err(Error::layer(
                name,
                "an input of one or more sizes of at least 1",
                format!("{input:?}"),
            ));
        }
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

    /// The same layers, with the same weights, for samples of another shape.
    ///
    /// # Errors
    /// If a layer does not accept the shape before it, or would have other weights.
    pub fn resized(&self, input: &[usize]) -> Result<Self> {
        Ok(Self {
            name: self.name.clone(),
            input: input.to_vec(),
            layers: resized(&self.layers, input)?,
            dtype: self.dtype,
            device: self.device.clone(),
        })
    }

    /// The layers of the list itself; nested layers are inside these.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// All layers, each followed by those nested in it.
    pub fn walk(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().flat_map(Layer::walk)
    }

    /// The type of the parameters, in which the stack computes.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The device of the parameters, which samples must be on too.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Shape of a sample at the input of the first layer.
    pub fn input_shape(&self) -> &[usize] {
        &self.input
    }

    /// Shape of a sample at the output of the last layer.
    pub fn output_shape(&self) -> &[usize] {
        self.layers.last().map_or(&self.input, Layer::output)
    }

    /// `(N, input...)` to `(N, output...)`, computed in the type of the parameters.
    ///
    /// # Errors
    /// If the samples do not have the input shape.
    pub fn run(&self, samples: &Tensor) -> Result<Tensor> {
        self.run_layers(samples, &self.layers)
    }

    /// Runs all layers but the last, which must be this activation.
    ///
    /// # Errors
    /// If the last layer is not this activation, or the samples do not have the input shape.
    pub fn run_until(&self, samples: &Tensor, last: &Activation) -> Result<Tensor> {
        self.run_layers(samples, self.until(last)?)
    }

    /// The layers but the last, which must be this activation.
    ///
    /// # Errors
    /// If the last layer is not this activation.
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

    fn run_layers(&self, samples: &Tensor, layers: &[Layer]) -> Result<Tensor> {
        if samples.dims().get(1..) != Some(self.input.as_slice()) {
            let sizes: Vec<String> = self.input.iter().map(usize::to_string).collect();
            return Err(Error::layer(
                &self.name,
                format!("a batch of shape [N, {}]", sizes.join(", ")),
                format!("a tensor of shape {:?}", samples.dims()),
            ));
        }
        if !samples.dtype().is_float() {
            // The range is unknown: bytes from 0 to 255 would silently be far outside of what networks are trained on.
            return Err(Error::layer(
                &self.name,
                "floating-point numbers, images from 0 to 1 (bytes divided by 255)",
                format!("a tensor of {:?}", samples.dtype()),
            ));
        }
        forward(layers, &samples.to_dtype(self.dtype)?)
    }
}

/// The size of layers: their weights in all, and the values they compute for one sample.
struct Size {
    weights: usize,
    values: usize,
}

impl Size {
    /// Measures layers, and refuses those that would exhaust memory before anything is allocated.
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
            let output = checked_output(spec, &name, &shape)?;
            for parameter in kind.parameters(&shape) {
                if parameter.name == "weight" {
                    self.weights = self.weights.saturating_add(count(&parameter.shape));
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
