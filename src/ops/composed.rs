//! The operations composed from candle's, right in value and gradient on any device and for any float type: the
//! reference for the CPU kernels, and the implementation on other devices.

use super::kernel::real::without_kernels;

/// Runs `work` as on a device without CPU kernels: on this thread, networks, engines and optimisers use the
/// compositions instead.
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
