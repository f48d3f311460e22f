//! The fully connected layer.

use std::fmt;

use candle_core::Tensor;

use super::Layer;
use super::kind::{Kind, ParameterSpec, Written, count, refusal};
use super::words::Words;
use crate::{Result, ops};

/// `(in)` to `(units)`: x W^T + b, PyTorch's `nn.Linear`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    /// Values of the result.
    pub units: usize,
    /// Whether each unit has a bias.
    pub bias: bool,
}

impl Dense {
    /// With biases.
    pub fn new(units: usize) -> Self {
        Self { units, bias: true }
    }
}

impl Kind for Dense {
    fn parameters(&self, input: &[usize]) -> Vec<ParameterSpec> {
        let biases = self.bias.then_some(self.units);
        ParameterSpec::weight_and_bias([self.units, count(input)], &[], biases)
    }

    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        match input {
            [_] => Ok(vec![self.units]),
            _ => Err(refusal(name, self, "flat samples", input)),
        }
    }

    fn forward(&self, x: &Tensor, layer: &Layer) -> Result<Tensor> {
        ops::linear(x, layer.weight()?, layer.parameter("bias"))
    }
}

impl Written for Dense {
    const FORM: &'static str = "dense UNITS[, no bias]";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        Words::read(text, "dense", |words| {
            Ok(Self {
                units: words.size()?,
                bias: !words.has("no bias"),
            })
        })
    }
}

impl fmt::Display for Dense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without = if self.bias { "" } else { ", no bias" };
        write!(f, "dense {}{without}", self.units)
    }
}
