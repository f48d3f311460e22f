//! Activations as layers.

use candle_core::Tensor;

use super::kind::{Kind, Written};
use super::{Field, Layer};
use crate::Result;
use crate::activation::Activation;

impl Kind for Activation {
    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        self.check(&format!("{name} ({self})"), input)?;
        Ok(input.to_vec())
    }

    fn field(&self) -> Option<Field> {
        (!self.couples()).then_some(Field::POINTWISE)
    }

    fn forward(&self, x: &Tensor, _: &Layer) -> Result<Tensor> {
        self.apply(x)
    }

    fn is_pointwise(&self) -> bool {
        true
    }
}

impl Written for Activation {
    const FORM: &'static str = "an activation, as relu or leaky-relu (slope 0.2)";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        Self::from_words(text)
    }
}
