//! A layer at its place, with its weights.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use super::{Initialization, LayerSpec};
use crate::{Error, Result};

/// A layer with its name, its shapes and its parameters, which are laid out as PyTorch's: dense `(out, in)`,
/// convolution `(out, in, kh, kw)`, transposed convolution `(in, out, kh, kw)`.
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
    /// Its full name, as `encoder.0`; of a layer in the body of another one `encoder.3.0`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn spec(&self) -> &LayerSpec {
        &self.spec
    }

    /// Shape of a sample before it, without the batch.
    pub fn input(&self) -> &[usize] {
        &self.input
    }

    /// Shape of a sample behind it, without the batch.
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// Its own parameters, in the order in which engines bind them.
    pub fn parameters(&self) -> impl Iterator<Item = &Tensor> {
        self.parameters.iter().map(|(_, tensor)| tensor)
    }

    /// A parameter of its own by its name.
    pub fn parameter(&self, name: &str) -> Option<&Tensor> {
        let named = self.parameters.iter().find(|(own, _)| *own == name);
        named.map(|(_, tensor)| tensor)
    }

    /// The weights of a layer that has some.
    ///
    /// # Errors
    /// If it has none.
    pub fn weight(&self) -> Result<&Tensor> {
        self.parameter("weight").ok_or_else(|| {
            let layer = format!("{} ({})", self.name, self.spec);
            Error::layer(layer, "a layer with weights", "one without")
        })
    }

    /// The layers within it.
    pub fn body(&self) -> &[Layer] {
        &self.body
    }

    /// The layer and all within it, from the outside.
    pub fn walk(&self) -> Vec<&Layer> {
        let within = self.body.iter().flat_map(Self::walk);
        std::iter::once(self).chain(within).collect()
    }

    /// Number of its own trained values.
    pub fn parameter_count(&self) -> usize {
        self.parameters().map(Tensor::elem_count).sum()
    }

    /// `(N, ...)` to `(N, ...)`, the reference: by candle operations that are right on every device.
    ///
    /// # Errors
    /// If the samples are not shaped as the layer was built for.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.spec.kind().forward(x, self)
    }
}

/// Layers one after the other for samples of shape `input`, with parameters named by their place in the list.
///
/// # Errors
/// If a layer cannot take what comes before it, or if `vb` lacks its parameters.
pub(crate) fn build(
    specs: &[LayerSpec],
    input: &[usize],
    init: Initialization,
    vb: &VarBuilder,
) -> Result<Vec<Layer>> {
    let mut layers: Vec<Layer> = Vec::with_capacity(specs.len());
    for (place, spec) in specs.iter().enumerate() {
        let input = layers.last().map_or(input, Layer::output).to_vec();
        let vb = vb.pp(place);
        let kind = spec.kind();
        let output = kind.output(&vb.prefix(), &input)?;
        let parameters = kind.parameters(&input).into_iter().map(|parameter| {
            let hint = init.distribution(parameter.role);
            let tensor = vb.get_with_hints(parameter.shape, parameter.name, hint)?;
            Ok((parameter.name, tensor))
        });
        layers.push(Layer {
            parameters: parameters.collect::<Result<_>>()?,
            body: build(kind.body(), &input, init, &vb)?,
            name: vb.prefix(),
            spec: spec.clone(),
            input,
            output,
        });
    }
    Ok(layers)
}

/// Shape of a sample behind layers one after the other; `name` is that of their list in messages.
///
/// # Errors
/// If a layer cannot take what comes before it.
pub(crate) fn output_shape(specs: &[LayerSpec], name: &str, input: &[usize]) -> Result<Vec<usize>> {
    let mut shape = input.to_vec();
    for (place, spec) in specs.iter().enumerate() {
        shape = spec.kind().output(&format!("{name}.{place}"), &shape)?;
    }
    Ok(shape)
}

/// A batch through layers one after the other, by the reference.
///
/// # Errors
/// If it is not shaped as the first of them was built for.
pub(crate) fn forward(layers: &[Layer], x: &Tensor) -> Result<Tensor> {
    layers
        .iter()
        .try_fold(x.clone(), |x, layer| layer.forward(&x))
}
