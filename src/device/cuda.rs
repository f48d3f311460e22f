//! CUDA cards, in builds with the feature `cuda`.

use candle_core::cuda::set_gemm_reduced_precision_f32;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::result;
use candle_core::cuda_backend::cudarc::driver::sys::CUmemPool_attribute;
use candle_core::{Device, Result};

/// A card whose work, from any thread, is done in the order in which it was given.
pub(super) fn open(number: usize) -> Result<Device> {
    // candle's other constructor takes a stream for each thread: a tensor that one thread has made could be
    // read by another one before it is there.
    let device = CudaDevice::new_with_stream(number)?;
    // SAFETY: events keep several streams of a device in order; this one has a single stream.
    unsafe { device.disable_event_tracking() };
    set_gemm_reduced_precision_f32(false);
    Ok(Device::Cuda(device))
}

/// What the card calls itself.
pub(super) fn model(device: &Device) -> Option<String> {
    let Device::Cuda(device) = device else {
        return None;
    };
    device.cuda_stream().context().name().ok()
}

/// The peak of the card's memory pool, from which every tensor is allocated; `None` for cards without one.
pub(super) fn peak_memory_mb(device: &CudaDevice) -> Option<f64> {
    let stream = device.cuda_stream();
    let context = stream.context();
    if !context.has_async_alloc() {
        return None;
    }
    let mut bytes = 0u64;
    // SAFETY: the device is that of a living context, its pool lives as long, and the attribute is a u64.
    unsafe {
        let pool = result::device::get_mem_pool(context.cu_device()).ok()?;
        let attribute = CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
        result::mem_pool::get_attribute(pool, attribute, (&raw mut bytes).cast()).ok()?;
    }
    Some(bytes as f64 / f64::from(1 << 20))
}
