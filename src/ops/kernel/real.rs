//! The element types of the CPU kernels.

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, DType, Device, Error, Layout, Result, Storage, Tensor, WithDType, bail,
};

use crate::arithmetic::Float;
use crate::ops::composed::has_kernels;

/// A float type with CPU kernels: f32 or f64.
pub(crate) trait Real: Float + WithDType + Default {
    /// The elements of a storage of this type; None for a storage of another.
    fn stored(storage: &mut CpuStorage) -> Option<&mut [Self]>;
}

macro_rules! real {
    ($type:ty, $variant:ident) => {
        impl Real for $type {
            fn stored(storage: &mut CpuStorage) -> Option<&mut [Self]> {
                match storage {
                    CpuStorage::$variant(elements) => Some(elements),
                    _ => None,
                }
            }
        }
    };
}

real!(f32, F32);
real!(f64, F64);

/// Whether the CPU kernels accept these tensors: all on the CPU, and all f32 or all f64.
pub(crate) fn has_kernel(tensors: &[&Tensor]) -> bool {
    let dtype = tensors.first().map(|tensor| tensor.dtype());
    matches!(dtype, Some(DType::F32 | DType::F64))
        && has_kernels()
        && tensors
            .iter()
            .all(|tensor| tensor.device().is_cpu() && Some(tensor.dtype()) == dtype)
}

/// The elements of a contiguous tensor on the CPU.
pub(in crate::ops) fn elements<'a, T: Real>(
    storage: &'a CpuStorage,
    layout: &Layout,
) -> Result<&'a [T]> {
    let data = T::cpu_storage_as_slice(storage)?;
    let range = layout.contiguous_offsets();
    range
        .and_then(|(start, end)| data.get(start..end))
        .ok_or_else(|| not_contiguous(layout))
}

/// The elements of a contiguous tensor on the CPU, mutable.
pub(in crate::ops) fn elements_mut<'a, T: Real>(
    storage: &'a mut CpuStorage,
    layout: &Layout,
) -> Result<&'a mut [T]> {
    let found = storage.dtype();
    let Some(data) = T::stored(storage) else {
        bail!("a CPU kernel needs {:?}, got {found:?}", T::DTYPE)
    };
    let range = layout.contiguous_offsets();
    range
        .and_then(|(start, end)| data.get_mut(start..end))
        .ok_or_else(|| not_contiguous(layout))
}

fn not_contiguous(layout: &Layout) -> Error {
    Error::Msg(format!(
        "a CPU kernel needs contiguous elements, got {layout:?}"
    ))
    .bt()
}

/// The storage of a tensor on the CPU.
pub(in crate::ops) fn on_cpu(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => bail!("a CPU kernel needs a tensor on the CPU"),
    }
}

/// Calls `work` with the elements of a tensor on the CPU, after making it contiguous if necessary.
pub(crate) fn with_elements<T: Real, R>(
    tensor: &Tensor,
    work: impl FnOnce(&[T]) -> Result<R>,
) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    work(elements(on_cpu(&storage)?, layout)?)
}

/// The storage that owns `data`.
pub(in crate::ops) fn storage<T: Real>(data: Vec<T>) -> CpuStorage {
    T::to_cpu_storage_owned(data)
}

/// The gradient of an argument, outside any graph; None if the argument needs none.
pub(in crate::ops) fn gradient<T: Real>(
    argument: &Tensor,
    work: impl FnOnce() -> Result<Vec<T>>,
) -> Result<Option<Tensor>> {
    match argument.track_op() {
        true => Tensor::from_vec(work()?, argument.dims(), &Device::Cpu).map(Some),
        false => Ok(None),
    }
}

/// Evaluates an expression with `$T` as the element type of `$dtype`.
macro_rules! with_real {
    ($dtype:expr, $T:ident => $work:expr) => {
        match $dtype {
            candle_core::DType::F32 => {
                type $T = f32;
                $work
            }
            candle_core::DType::F64 => {
                type $T = f64;
                $work
            }
            other => candle_core::bail!("no CPU kernel for {other:?}"),
        }
    };
}

pub(in crate::ops) use with_real;
