//! The memory of the host, and copying tensor values to it.

use candle_core::{DType, Device, Result, Tensor};

/// The widest float type that a device computes with: f64, but f32 on Metal.
pub(crate) fn widest_float(device: &Device) -> DType {
    match device.is_metal() {
        true => DType::F32,
        false => DType::F64,
    }
}

/// A copy on the CPU; a tensor that is there already is returned itself.
pub(crate) fn to_host(tensor: &Tensor) -> Result<Tensor> {
    if tensor.device().is_cpu() {
        return Ok(tensor.clone());
    }
    // Copying a view would transfer its whole underlying storage.
    tensor.force_contiguous()?.to_device(&Device::Cpu)
}

/// All values of a tensor of any float type and shape, in order.
pub(crate) fn reals(tensor: &Tensor) -> Result<Vec<f64>> {
    let tensor = to_host(tensor)?.to_dtype(DType::F64)?;
    tensor.flatten_all()?.to_vec1()
}

/// The value of a scalar of any float type.
pub(crate) fn scalar(tensor: &Tensor) -> Result<f64> {
    to_host(tensor)?.to_dtype(DType::F64)?.to_scalar()
}

/// The values of scalars on one device, of any float types. Synchronises with the device once.
pub(crate) fn scalars(tensors: &[Tensor]) -> Result<Vec<f64>> {
    let widest = |tensor: &Tensor| tensor.detach().to_dtype(widest_float(tensor.device()));
    let tensors = tensors.iter().map(widest).collect::<Result<Vec<_>>>()?;
    match tensors.is_empty() {
        true => Ok(Vec::new()),
        false => reals(&Tensor::stack(&tensors, 0)?),
    }
}

/// Keeps freed tensor memory for reuse, for the whole process; programs that train or apply large networks on the CPU
/// call it once, at their start. glibc would return the memory to the system and fault its pages in again: some 58,000
/// page faults per training step of conv-denoiser by automatic differentiation, a fifth of its time. The threshold is
/// the largest that glibc accepts. With other C libraries it does nothing.
///
/// The steps of the CPU engine keep their own memory; what gains are results of a megabyte and more, and everything that
/// candle's operations compute.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes glibc's lock and only sets tuning values.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}
