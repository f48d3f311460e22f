//! Softmax.

use candle_core::Tensor;

use crate::{Error, Result};

/// e^x / sum of e^x along the axis `dim`, computed after subtracting the maximum there, so that nothing
/// overflows. The gradient treats the maximum as a constant, because the result does not depend on it.
///
/// # Shapes
/// Any shape with an axis `dim`, kept.
///
/// # Errors
/// [`Error::Layer`] if there is no such axis.
///
/// # Source
/// Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
pub fn softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    if dim >= x.rank() {
        return Err(Error::layer(
            "softmax",
            format!("a tensor with an axis {dim}"),
            format!("one of shape {:?}", x.dims()),
        ));
    }
    let maximum = x.detach().max_keepdim(dim)?;
    let powers = x.broadcast_sub(&maximum)?.exp()?;
    let sum = powers.sum_keepdim(dim)?;
    Ok(powers.broadcast_div(&sum)?)
}
