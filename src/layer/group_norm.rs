//! Group normalisation.

use std::fmt;

use candle_core::Tensor;

use super::init::Role;
use super::kind::{Kind, ParameterSpec, Written, channels, refusal};
use super::words::Words;
use super::{Layer, count};
use crate::{Error, Result, ops};

/// `(C, ...)` to the same shape: normalises each group of channels to mean 0 and variance 1 within the sample, then
/// applies a weight and a bias per channel. PyTorch's `nn.GroupNorm` (Wu and He, "Group normalization", ECCV 2018).
/// Unlike batch normalisation it does not couple samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupNorm {
    /// Number of groups, with the same number of channels each.
    pub groups: usize,
}

impl GroupNorm {
    /// Added to the variance, as in PyTorch.
    pub(crate) const EPSILON: f64 = 1e-5;
}

impl Kind for GroupNorm {
    fn parameters(&self, input: &[usize]) -> Vec<ParameterSpec> {
        [("weight", 1.0), ("bias", 0.0)]
            .map(|(name, value)| ParameterSpec {
                name,
                shape: vec![channels(input)],
                role: Role::Constant(value),
            })
            .to_vec()
    }

    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        let channels = channels(input);
        if channels == 0 || !channels.is_multiple_of(self.groups) {
            let expected = format!("channels divisible by {}", self.groups);
            return Err(refusal(name, self, expected, input));
        }
        if count(input) == self.groups {
            let expected = "more than one value in a group, as one alone becomes 0";
            return Err(refusal(name, self, expected, input));
        }
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, layer: &Layer) -> Result<Tensor> {
        let bias = layer
            .parameter("bias")
            .ok_or_else(|| Error::layer(layer.name(), "a layer with biases", "one without"))?;
        ops::group_norm(x, self.groups, layer.weight()?, bias, Self::EPSILON)
    }
}

impl Written for GroupNorm {
    const FORM: &'static str = "group-norm GROUPS";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        Words::read(text, "group-norm", |words| {
            let groups = words.size()?;
            Ok(Self { groups })
        })
    }
}

impl fmt::Display for GroupNorm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group-norm {}", self.groups)
    }
}
