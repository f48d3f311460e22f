//! Replaces `cuda` in builds without that feature, which open no CUDA device.

use candle_core::{CudaDevice, Device};

pub(super) fn open(_: usize) -> Result<(Device, Option<String>), String> {
    Err("this build is without it".to_string())
}

pub(super) fn peak_memory_mb(_: &CudaDevice) -> Option<f64> {
    None
}
