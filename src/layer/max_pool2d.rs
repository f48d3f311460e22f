//! Max-pooling.

use std::fmt;

use candle_core::Tensor;

use super::conv2d::MOST_SCALE;
use super::kind::{Kind, Written, divides, image, refusal};
use super::words::Words;
use super::{Field, Layer};
use crate::{Result, ops};

/// `(C, H, W)` to `(C, H / size, W / size)`: the maximum of each window, or NaN if the window contains one. Ties go to
/// the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2d {
    /// Height and width of a window, and its stride.
    pub size: usize,
}

impl Kind for MaxPool2d {
    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        let size = self.size;
        let [channels, height, width] = image(name, self, input)?;
        if divides(size, [height, width]) {
            return Ok(vec![channels, height / size, width / size]);
        }
        let expected = format!(
            "height and width divisible by {size}, as the decoder could not restore the size"
        );
        Err(refusal(name, self, expected, input))
    }

    fn field(&self) -> Option<Field> {
        Some(Field {
            down: self.size,
            up: 1,
            reach: self.size.saturating_sub(1),
        })
    }

    fn forward(&self, x: &Tensor, _: &Layer) -> Result<Tensor> {
        ops::max_pool2d(x, self.size)
    }
}

impl Written for MaxPool2d {
    const FORM: &'static str = "max-pool SIZE";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        Words::read(text, "max-pool", |words| {
            let size = words.at_most(MOST_SCALE)?;
            Ok(Self { size })
        })
    }
}

impl fmt::Display for MaxPool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max-pool {}", self.size)
    }
}
