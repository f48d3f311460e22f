//! Pictures from batches of a network, and batches from pictures.

use candle_core::{DType, Device, Tensor};

use super::raster::Picture;
use crate::Result;
use crate::device::to_host;

impl Picture {
    /// The images of a batch `(N, C, H, W)`; values outside 0 and 1 move to the nearer end.
    ///
    /// # Errors
    /// If the batch has another number of dimensions, or C is neither 1 nor 3.
    pub fn from_batch(batch: &Tensor) -> Result<Vec<Self>> {
        let (count, channels, height, width) = batch.dims4()?;
        let batch = to_host(batch)?.to_dtype(DType::F32)?;
        (0..count)
            .map(|index| {
                let values = batch.get(index)?.flatten_all()?.to_vec1()?;
                Self::clamped(channels, height, width, values)
            })
            .collect()
    }

    /// One batch `(N, C, H, W)` of pictures of one shape.
    ///
    /// # Errors
    /// If their shapes differ, or there are none.
    pub fn to_batch(pictures: &[Self], device: &Device) -> Result<Tensor> {
        let tensors = pictures
            .iter()
            .map(|picture| {
                let shape = (picture.channels(), picture.height(), picture.width());
                Tensor::from_slice(picture.values(), shape, &Device::Cpu)
            })
            .collect::<candle_core::Result<Vec<_>>>()?;
        Ok(Tensor::stack(&tensors, 0)?.to_device(device)?)
    }
}
