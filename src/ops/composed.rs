//! The operations composed from candle's, right in value and gradient on any device and for any float
//! type: the reference for the CPU kernels, and what runs on other devices.

use candle_core::{DType, Tensor};

use super::activation::check_slope;
use super::bce;
use super::kernel::real::without_kernels;
use crate::Result;

pub use super::composed_pointwise::pointwise;

/// Runs `work` as another device than the CPU would: on this thread, networks, engines and optimisers use
/// the compositions in place of the CPU kernels.
///
/// ```
/// use autoencode::ops::{composed, relu};
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[-1f32, 2.], &Device::Cpu)?;
/// let (kernel, composition) = (relu(&x)?, composed::only(|| relu(&x))?);
/// assert_eq!(kernel.to_vec1::<f32>()?, [0.0, 2.0]);
/// assert_eq!(composition.to_vec1::<f32>()?, [0.0, 2.0]);
/// # Ok::<(), autoencode::Error>(())
/// ```
pub fn only<R>(work: impl FnOnce() -> R) -> R {
    without_kernels(work)
}

/// [`super::relu`] as a choice between x and 0.
///
/// # Shapes
/// See [`super::relu`].
///
/// # Errors
/// See [`super::relu`].
pub fn relu(x: &Tensor) -> Result<Tensor> {
    Ok(x.le(0.0)?.where_cond(&x.zeros_like()?, x)?)
}

/// [`super::leaky_relu`] as a choice between x and `slope` x.
///
/// # Shapes
/// See [`super::leaky_relu`].
///
/// # Errors
/// See [`super::leaky_relu`].
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    check_slope(slope)?;
    Ok(x.le(0.0)?.where_cond(&(x * slope)?, x)?)
}

/// [`super::sigmoid`] as candle-nn's.
///
/// # Shapes
/// See [`super::sigmoid`].
///
/// # Errors
/// See [`super::sigmoid`].
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    Ok(candle_nn::ops::sigmoid(x)?)
}

/// [`super::bce_with_logits_sum`], summed in f32 for types of fewer bits.
///
/// max(x, 0) is written x / 2 + |x| / 2: whatever |x| has for a derivative at 0, it cancels against
/// that of the logarithm, and sigmoid(0) - t remains.
///
/// # Shapes
/// See [`super::bce_with_logits_sum`].
///
/// # Errors
/// See [`super::bce_with_logits_sum`].
pub fn bce_with_logits_sum(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    bce::check(logits, targets)?;
    let dtype = match logits.dtype() {
        DType::F64 => DType::F64,
        _ => DType::F32,
    };
    let (x, t) = (logits.to_dtype(dtype)?, targets.to_dtype(dtype)?);
    let abs = x.abs()?;
    let positive = ((&x * 0.5)? + (&abs * 0.5)?)?;
    let log = (abs.neg()?.exp()? + 1.0)?.log()?;
    Ok(((positive - (x * t)?)? + log)?.sum_all()?)
}
