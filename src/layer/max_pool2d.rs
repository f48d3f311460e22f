//! Max-pooling.

use std::fmt;

use candle_core::Tensor;

use super::Layer;
use super::conv2d::MOST_SCALE;
use super::kind::{IMAGES, Kind, Written, refusal};
use super::words::Words;
use crate::{Result, ops};

/// `(C, H, W)` to `(C, H / size, W / size)`: the maximum of each window, or NaN if the window contains one. Ties go to
/// the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool2d {
    pub size: usize,
}

impl Kind for MaxPool2d {
    fn output(&self, name: &str, input: &[usize]) -> Result<Vec<usize>> {
        let size = self.size;
        let divides = |side: usize| side > 0 && side.checked_rem(size) == Some(0);
        match *input {
            [c, h, w] if divides(h) && divides(w) => Ok(vec![c, h / size, w / size]),
            [_, _, _] => {
                let expected = format!(
                    "height and width divisible by {size}, as the decoder could not restore the size"
                );
                Err(refusal(name, self, expected, input))
            }
            _ => Err(refusal(name, self, IMAGES, input)),
        }
    }

    fn forward(&self, x: &Tensor, _: &Layer) -> Result<Tensor> {
        ops::max_pool2d(x, self.size)
    }
}

impl Written for MaxPool2d {
    const FORM: &'static str = "max-pool SIZE";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        let mut words = Words::of(text, "max-pool")?;
        Some((|| {
            let size = words.at_most(MOST_SCALE)?;
            words.end(Self { size })
        })())
    }
}

impl fmt::Display for MaxPool2d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max-pool {}", self.size)
    }
}
