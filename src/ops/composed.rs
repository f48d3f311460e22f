//! The operations composed from candle's, right in value and gradient on any device and for any float type: the
//! reference for the CPU kernels, and the implementation on other devices.

use std::cell::Cell;

use candle_core::DType;

thread_local! {
    static WITHOUT_KERNELS: Cell<bool> = const { Cell::new(false) };
}

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
    /// Restores the previous setting, also when `work` panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            WITHOUT_KERNELS.set(self.0);
        }
    }
    let _before = Before(WITHOUT_KERNELS.replace(true));
    work()
}

/// Whether this thread uses kernels: false within [`only`].
pub(crate) fn has_kernels() -> bool {
    !WITHOUT_KERNELS.get()
}

/// The type for the intermediate results of a composition: f32 for types of fewer bits.
pub(super) fn at_least_f32(dtype: DType) -> DType {
    match dtype {
        DType::F64 => DType::F64,
        _ => DType::F32,
    }
}
