//! A residual block.

use std::fmt;

use candle_core::Tensor;

use super::kind::{Kind, Written, refusal};
use super::placed::{forward, output_shape};
use super::{Field, Layer, LayerSpec};
use crate::{Error, Result};

/// x + body(x): He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016. Nested blocks that
/// shrink and grow images make a U-Net with additive skips.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// The layers whose output is added.
    pub body: Vec<LayerSpec>,
}

impl Kind for Residual {
    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        if self.body.is_empty() {
            return Err(refusal(name, self, "at least one layer in it", input));
        }
        let output = output_shape(&self.body, name, input)?;
        if output != input {
            let expected = format!("layers that end in the shape they begin with, {input:?}");
            let layer = format!("{name} ({self})");
            return Err(Error::layer(layer, expected, format!("{output:?}")));
        }
        Ok(output)
    }

    fn field(&self) -> Option<Field> {
        Some(Field::POINTWISE)
    }

    fn forward(&self, x: &Tensor, layer: &Layer) -> Result<Tensor> {
        Ok((x + forward(layer.body(), x)?)?)
    }

    fn body(&self) -> &[LayerSpec] {
        &self.body
    }
}

impl Written for Residual {
    const FORM: &'static str = "{ residual = [LAYERS] }";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        let is_it = text.trim() == "residual";
        is_it.then(|| Err(format!("a table, as {}", Self::FORM)))
    }
}

/// Without its layers, which follow it in a table.
impl fmt::Display for Residual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("residual")
    }
}
