//! The same values in another shape.

use std::fmt;

use candle_core::Tensor;

use super::Layer;
use super::kind::{Kind, Written, count, refusal};
use super::words::Words;
use crate::Result;

/// Any shape to one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flatten;

/// Any shape to this one, which has the same number of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshape {
    /// Shape of the result, without the batch.
    pub shape: Vec<usize>,
}

impl Kind for Flatten {
    fn output(&self, _: &str, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![count(input)])
    }

    fn forward(&self, x: &Tensor, _: &Layer) -> Result<Tensor> {
        Ok(x.flatten_from(1)?)
    }
}

impl Written for Flatten {
    const FORM: &'static str = "flatten";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        Words::read(text, "flatten", |_| Ok(Self))
    }
}

impl Kind for Reshape {
    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        if count(&self.shape) == count(input) {
            return Ok(self.shape.clone());
        }
        let expected = format!("as many values as in {:?}", self.shape);
        Err(refusal(name, self, expected, input))
    }

    fn forward(&self, x: &Tensor, _: &Layer) -> Result<Tensor> {
        let mut dims = vec![x.dim(0)?];
        dims.extend(&self.shape);
        Ok(x.reshape(dims)?)
    }
}

impl Written for Reshape {
    const FORM: &'static str = "reshape [C, H, W]";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        Words::read(text, "reshape", |words| {
            let shape = words.list()?;
            if !matches!(shape.len(), 1 | 3) {
                return Err("one size, or channels, height and width".to_string());
            }
            Ok(Self { shape })
        })
    }
}

impl fmt::Display for Flatten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("flatten")
    }
}

impl fmt::Display for Reshape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reshape {:?}", self.shape)
    }
}
