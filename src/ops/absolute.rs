//! Absolute values.

use candle_core::Tensor;

use super::relu;
use crate::Result;

/// |x|, with derivative 0 at 0 (as in PyTorch; candle's own takes 1).
///
/// # Shapes
/// Any shape, kept.
///
/// # Errors
/// Only candle's own.
pub fn absolute(x: &Tensor) -> Result<Tensor> {
    Ok((relu(x)? + relu(&x.neg()?)?)?)
}
