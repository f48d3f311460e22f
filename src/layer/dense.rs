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
    pub units: usize,
    pub bias: bool,
}

impl Kind for Dense {
    fn parameters(&self, input: &[usize]) -> Vec<ParameterSpec> {
        let fan_in = count(input);
        let weight = ParameterSpec::weight(vec![self.units, fan_in], fan_in, self.units);
        let bias = self.bias.then(|| ParameterSpec::bias(self.units, fan_in));
        std::iter::once(weight).chain(bias).collect()
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
        let mut words = Words::of(text, "dense")?;
        Some((|| {
            let units = words.size()?;
            let bias = !words.has("no bias");
            words.end(Self { units, bias })
        })())
    }
}

impl fmt::Display for Dense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without = if self.bias { "" } else { ", no bias" };
        write!(f, "dense {}{without}", self.units)
    }
}
