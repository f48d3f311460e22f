//! The interface of a kind of layer.

use std::fmt;

use candle_core::Tensor;

use super::init::Role;
use super::{Field, Layer, LayerSpec};
use crate::{Error, Result};

/// A kind of layer with its settings. [`fmt::Display`] writes it in the words that [`Written::parse`] reads.
pub(crate) trait Kind: fmt::Display {
    /// The trained tensors for samples of shape `input`, in the order in which engines bind them. The layers of
    /// [`Kind::body`] have their own.
    fn parameters(&self, _input: &[usize]) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// Output shape for samples of shape `input`; `name` is the layer's name in messages.
    ///
    /// # Errors
    /// If the layer cannot take that shape.
    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>>;

    /// The reference computation: `(N, input...)` to `(N, output...)`, with the tensors and the body of `layer`.
    ///
    /// # Errors
    /// If the samples do not have the layer's input shape.
    fn forward(&self, x: &Tensor, layer: &Layer) -> Result<Tensor>;

    /// The kernels of a convolution as `(results, input channels, height, width)`.
    ///
    /// # Errors
    /// Only candle's own.
    fn kernels(&self, _layer: &Layer) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// How its results lie over images; none if it has weights for every pixel, or a result depends on the whole image.
    fn field(&self) -> Option<Field> {
        None
    }

    /// The layers within it.
    fn body(&self) -> &[LayerSpec] {
        &[]
    }

    /// Whether drawings show it as a tag on the layer before, because it keeps shapes and has no weights.
    fn is_pointwise(&self) -> bool {
        false
    }
}

/// The text form of a kind of layer.
pub(super) trait Written: Kind + Sized {
    /// Its syntax, for messages; empty for a kind without words of its own.
    const FORM: &'static str;

    /// Reads the words of this kind. None if they are another kind's; an error that says what was expected if they are
    /// wrong.
    fn parse(text: &str) -> Option<Result<Self, String>>;
}

/// The text form of a kind, and what reads it.
pub(super) type Form = (&'static str, fn(&str) -> Option<Result<LayerSpec, String>>);

/// A trained tensor that a layer needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParameterSpec {
    /// Its name in PyTorch's module of that kind.
    pub name: &'static str,
    /// Its shape in PyTorch.
    pub shape: Vec<usize>,
    pub role: Role,
}

impl ParameterSpec {
    /// A weight of shape `(first, second, kernel...)` and this number of biases, if there are any. The fans are
    /// PyTorch's: `second` (in) and `first` (out), times the values of a kernel.
    pub fn weight_and_bias(
        [first, second]: [usize; 2],
        kernel: &[usize],
        biases: Option<usize>,
    ) -> Vec<Self> {
        let area = count(kernel);
        let fan_in = second.saturating_mul(area);
        let fan_out = first.saturating_mul(area);
        let weight = Self {
            name: "weight",
            shape: [&[first, second], kernel].concat(),
            role: Role::Weight { fan_in, fan_out },
        };
        let bias = biases.map(|len| Self {
            name: "bias",
            shape: vec![len],
            role: Role::Bias { fan_in },
        });
        std::iter::once(weight).chain(bias).collect()
    }
}

/// Number of values of a sample of that shape.
pub(crate) fn count(shape: &[usize]) -> usize {
    shape.iter().copied().fold(1, usize::saturating_mul)
}

/// The error of a layer that cannot take samples of shape `input`.
pub(super) fn refusal(
    name: &str,
    kind: &dyn Kind,
    expected: impl Into<String>,
    input: &[usize],
) -> Error {
    let found = format!("an input of shape {input:?}");
    Error::layer(format!("{name} ({kind})"), expected, found)
}

/// Channels, height and width of the samples of a layer on images.
pub(super) fn image(name: &str, kind: &dyn Kind, input: &[usize]) -> Result<[usize; 3]> {
    let expected = "samples of channels, height and width";
    input
        .try_into()
        .map_err(|_| refusal(name, kind, expected, input))
}

/// The channels of samples, 0 if they have no axis.
pub(super) fn channels(input: &[usize]) -> usize {
    input.first().copied().unwrap_or(0)
}

/// Whether both sides of an image are above 0 and multiples of a step.
pub(super) fn divides(step: usize, sides: [usize; 2]) -> bool {
    sides
        .iter()
        .all(|side| *side > 0 && side.is_multiple_of(step))
}
