//! CUDA devices, in builds with the feature `cuda`.

mod driver;

use candle_core::Device;
use candle_core::cuda::set_gemm_reduced_precision_f32;
use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::result;
use candle_core::cuda_backend::cudarc::driver::sys::CUmemPool_attribute;

pub(crate) use driver::described;

use crate::error::first_line;

/// Opens a CUDA device that does all work, from any thread, in the order in which it was issued; or says
/// why there is none. Also returns the GPU's model name.
pub(super) fn open(number: usize) -> Result<(Device, Option<String>), String> {
    match driver::cards()? {
        0 => return Err("no card".to_string()),
        1 if number > 0 => return Err("one card, number 0".to_string()),
        cards if number < cards => {}
        cards => return Err(format!("cards 0 to {}", cards - 1)),
    }
    // Held until candle holds it too.
    let _context = driver::Context::retain(number)?;
    // candle's other constructor uses one stream per thread: a thread could read a tensor of another thread
    // before it is complete.
    let device = CudaDevice::new_with_stream(number).map_err(first_line)?;
    // SAFETY: events keep several streams of a device in order; this one has a single stream.
    unsafe { device.disable_event_tracking() };
    set_gemm_reduced_precision_f32(false);
    let model = device.cuda_stream().context().name().ok();
    Ok((Device::Cuda(device), model))
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
