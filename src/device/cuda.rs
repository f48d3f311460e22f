//! CUDA devices, in builds with the feature `cuda`.

use candle_core::Device;
use candle_core::cuda::set_gemm_reduced_precision_f32;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::sys::CUmemPool_attribute;
use candle_core::cuda_backend::cudarc::driver::{CudaContext, DriverError, result};

use crate::error::first_line;

/// Opens a CUDA device that does all work, from any thread, in the order in which it was issued; or says
/// why there is none. Also returns the GPU's model name.
pub(super) fn open(number: usize) -> Result<(Device, Option<String>), String> {
    let cards = CudaContext::device_count().map_err(|error| described(&error))?;
    match cards {
        0 => return Err("no card".to_string()),
        1 if number > 0 => return Err("one card, number 0".to_string()),
        _ if i32::try_from(number).is_ok_and(|number| number < cards) => {}
        _ => return Err(format!("cards 0 to {}", cards.saturating_sub(1))),
    }
    // candle's other constructor uses one stream per thread: a thread could read a tensor of another thread
    // before it is complete.
    let device = CudaDevice::new_with_stream(number).map_err(first_line)?;
    // SAFETY: events keep several streams of a device in order; this one has a single stream.
    unsafe { device.disable_event_tracking() };
    set_gemm_reduced_precision_f32(false);
    let model = device.cuda_stream().context().name().ok();
    Ok((Device::Cuda(device), model))
}

/// The driver's text for an error, and its name.
pub(crate) fn described(error: &DriverError) -> String {
    match error.error_string() {
        Ok(text) => format!("{} ({:?})", text.to_string_lossy(), error.0),
        Err(_) => format!("{:?}", error.0),
    }
}

/// The peak of the GPU's memory pool, from which every tensor is allocated; `None` for GPUs without one.
pub(super) fn peak_memory_mb(device: &CudaDevice) -> Option<f64> {
    let stream = device.cuda_stream();
    let context = stream.context();
    if !context.has_async_alloc() {
        return None;
    }
    let mut bytes = 0u64;
    // SAFETY: the device belongs to a living context, its pool lives as long, and the attribute is a u64.
    unsafe {
        let pool = result::device::get_mem_pool(context.cu_device()).ok()?;
        let attribute = CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;
        result::mem_pool::get_attribute(pool, attribute, (&raw mut bytes).cast()).ok()?;
    }
    Some(bytes as f64 / f64::from(1 << 20))
}

/// The CUDA device that `AUTOENCODE_TEST_DEVICE` names; without it, unit tests of CUDA are skipped.
#[cfg(test)]
pub(crate) fn device_under_test() -> Option<Device> {
    let name = std::env::var("AUTOENCODE_TEST_DEVICE").unwrap_or_default();
    let device = match name.parse() {
        Ok(choice @ super::DeviceChoice::Cuda(_)) => choice.open().map(|chosen| chosen.device).ok(),
        _ => None,
    };
    if device.is_none() {
        eprintln!("SKIPPED: AUTOENCODE_TEST_DEVICE names no CUDA device");
    }
    device
}
