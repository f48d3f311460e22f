//! Upsampling.

use std::fmt;

use candle_core::Tensor;

use super::conv2d::MOST_SCALE;
use super::kind::{Kind, Written, image};
use super::words::Words;
use super::{Field, Layer};
use crate::{Result, ops};

/// `(C, H, W)` to `(C, H * scale, W * scale)`: each value repeated, PyTorch's `nn.Upsample(mode="nearest")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upsample {
    /// How often each value is repeated, down and across.
    pub scale: usize,
}

impl Kind for Upsample {
    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        let [channels, height, width] = image(name, self, input)?;
        let scaled = |size: usize| size.saturating_mul(self.scale);
        Ok(vec![channels, scaled(height), scaled(width)])
    }

    fn field(&self) -> Option<Field> {
        Some(Field {
            up: self.scale,
            ..Field::POINTWISE
        })
    }

    fn forward(&self, x: &Tensor, _: &Layer) -> Result<Tensor> {
        ops::upsample_nearest2d(x, self.scale)
    }
}

impl Written for Upsample {
    const FORM: &'static str = "upsample SCALE";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        Words::read(text, "upsample", |words| {
            let scale = words.at_most(MOST_SCALE)?;
            Ok(Self { scale })
        })
    }
}

impl fmt::Display for Upsample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "upsample {}", self.scale)
    }
}
