//! A layer at its place in a network, with its weights.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use super::{Initialization, LayerSpec};
use crate::{Error, Result};

/// A layer with its name, its shapes and its parameters, in PyTorch's layout: dense `(out, in)`, convolution `(out, in,
/// kh, kw)`, transposed convolution `(in, out, kh, kw)`.
#[derive(Debug, Clone)]
pub struct Layer {
    name: String,
    spec: LayerSpec,
    input: Vec<usize>,
    output: Vec<usize>,
    parameters: Vec<(&'static str, Tensor)>,
    body: Vec<Layer>,
}

impl Layer {
    /// Its full name, such as `encoder.0`, or `encoder.3.0` for a layer in the body of another one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its kind and settings.
    pub fn spec(&self) -> &LayerSpec {
        &self.spec
    }

    /// Shape of a sample at its input, without the batch.
    pub fn input(&self) -> &[usize] {
        &self.input
    }

    /// Shape of a sample at its output, without the batch.
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// Its own parameters, in the order in which engines bind them. In a network that is being trained they change with
    /// every step.
    pub fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.parameters.iter().map(|(_, tensor)| tensor)
    }

    /// One of its own parameters, by name.
    pub fn parameter(&self, name: &str) -> Option<&Tensor> {
        let mut parameters = self.parameters.iter();
        parameters.find_map(|(own, tensor)| (*own == name).then_some(tensor))
    }

    /// The weights of the layer.
    ///
    /// # Errors
    /// If it has none.
    pub fn weight(&self) -> Result<&Tensor> {
        self.parameter("weight").ok_or_else(|| {
            let layer = format!("{} ({})", self.name, self.spec);
            Error::layer(layer, "a layer with weights", "one without")
        })
    }

    /// The nested layers.
    pub fn body(&self) -> &[Layer] {
        &self.body
    }

    /// The layer and all nested in it, outermost first.
    pub fn walk(&self) -> Vec<&Layer> {
        let within = self.body.iter().flat_map(Self::walk);
        std::iter::once(self).chain(within).collect()
    }

    /// Number of its own trained values.
    pub fn parameter_count(&self) -> usize {
        self.parameters().map(Tensor::elem_count).sum()
    }

    /// The same layer, with the same weights, for samples of another shape.
    ///
    /// # Errors
    /// If it does not accept that shape, or would have other weights.
    fn resized(&self, input: &[usize]) -> Result<Self> {
        let kind = self.spec.kind();
        let output = checked_output(&self.spec, &self.name, input)?;
        let wanted = kind.parameters(input);
        let own = self.parameters.iter().map(|(_, tensor)| tensor.dims());
        if !own.eq(wanted.iter().map(|parameter| parameter.shape.as_slice())) {
            let layer = format!("{} ({})", self.name, self.spec);
            let expected = format!(
                "samples of shape {:?}, for which it has weights",
                self.input
            );
            return Err(Error::layer(layer, expected, format!("{input:?}")));
        }
        Ok(Self {
            output,
            body: resized(&self.body, input)?,
            input: input.to_vec(),
            ..self.clone()
        })
    }

    /// `(N, ...)` to `(N, ...)`, by the reference: candle operations that are right on every device.
    ///
    /// # Errors
    /// If the samples do not have the layer's input shape.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.spec.kind().forward(x, self)
    }
}

/// Builds a sequence of layers for samples of shape `input`, with parameters named by their index in the list.
///
/// # Errors
/// If a layer does not accept the shape before it, or if `vb` lacks its parameters.
pub(crate) fn build(
    specs: &[LayerSpec],
    input: &[usize],
    init: Initialization,
    vb: &VarBuilder,
) -> Result<Vec<Layer>> {
    build_list(specs, input, init, vb, false)
}

/// Builds a list of layers, or, if `in_block`, the body of a residual block.
fn build_list(
    specs: &[LayerSpec],
    input: &[usize],
    init: Initialization,
    vb: &VarBuilder,
    in_block: bool,
) -> Result<Vec<Layer>> {
    let mut layers: Vec<Layer> = Vec::with_capacity(specs.len());
    for (place, spec) in specs.iter().enumerate() {
        let input = layers.last().map_or(input, Layer::output).to_vec();
        let vb = vb.pp(place);
        let kind = spec.kind();
        let output = checked_output(spec, &vb.prefix(), &input)?;
        let ends_block = in_block && place + 1 == specs.len();
        let parameters = kind.parameters(&input).into_iter().map(|parameter| {
            let hint = init.distribution(parameter.role, ends_block);
            let tensor = vb.get_with_hints(parameter.shape, parameter.name, hint)?;
            Ok((parameter.name, tensor))
        });
        layers.push(Layer {
            parameters: parameters.collect::<Result<_>>()?,
            body: build_list(kind.body(), &input, init, &vb, true)?,
            name: vb.prefix(),
            spec: spec.clone(),
            input,
            output,
        });
    }
    Ok(layers)
}

/// A sequence of layers, with the same weights, for samples of another shape.
///
/// # Errors
/// If a layer does not accept the shape before it, or would have other weights.
pub(crate) fn resized(layers: &[Layer], input: &[usize]) -> Result<Vec<Layer>> {
    let mut resized: Vec<Layer> = Vec::with_capacity(layers.len());
    for layer in layers {
        let input = resized.last().map_or(input, Layer::output);
        let layer = layer.resized(input)?;
        resized.push(layer);
    }
    Ok(resized)
}

/// Output shape of a sequence of layers; `name` is the list's name in messages.
///
/// # Errors
/// If a layer does not accept the shape before it.
pub(crate) fn output_shape(specs: &[LayerSpec], name: &str, input: &[usize]) -> Result<Vec<usize>> {
    let mut specs = specs.iter().enumerate();
    specs.try_fold(input.to_vec(), |shape, (place, spec)| {
        checked_output(spec, &format!("{name}.{place}"), &shape)
    })
}

/// Output shape of a layer, which has a value at least: lists built by code may state sizes of 0.
///
/// # Errors
/// If the layer does not accept the shape.
pub(crate) fn checked_output(spec: &LayerSpec, name: &str, input: &[usize]) -> Result<Vec<usize>> {
    let output = spec.kind().output(name, input)?;
    if output.contains(&0) {
        let found = format!("an output of shape {output:?}");
        return Err(Error::layer(
            format!("{name} ({spec})"),
            "sizes of at least 1",
            found,
        ));
    }
    Ok(output)
}

/// Runs a batch through a sequence of layers, by the reference.
///
/// # Errors
/// If the batch does not have the first layer's input shape.
pub(crate) fn forward(layers: &[Layer], x: &Tensor) -> Result<Tensor> {
    layers
        .iter()
        .try_fold(x.clone(), |x, layer| layer.forward(&x))
}
