//! Samples made ready for a network.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::Images;
use crate::corruption::NoiseKey;
use crate::recipe::Corruption;
use crate::{Error, Result};

/// Samples of one step: what the network sees and what it should give, both `(N, C, H, W)` from 0 to 1.
#[derive(Debug, Clone)]
pub struct Batch {
    pub input: Tensor,
    pub target: Tensor,
}

impl Batch {
    /// The samples of these indices, each corrupted by the noise of its own key.
    ///
    /// # Errors
    /// If an index is outside of the set.
    pub fn prepare(
        images: &Images,
        indices: &[u32],
        corruption: &Corruption,
        key: NoiseKey,
        device: &Device,
    ) -> Result<Self> {
        let target = images.batch(indices, device)?;
        if corruption.is_none() || indices.is_empty() {
            return Ok(Self {
                input: target.clone(),
                target,
            });
        }
        let size = images.image_len();
        let mut values = vec![0f32; indices.len() * size];
        values
            .par_chunks_mut(size)
            .zip(indices)
            .try_for_each(|(values, &index)| {
                let image = images.image(index as usize).ok_or_else(|| {
                    Error::argument("sample", format!("below {}", images.len()), index)
                })?;
                for (value, &byte) in values.iter_mut().zip(image) {
                    *value = f32::from(byte) / 255.0;
                }
                corruption.apply(key, u64::from(index), values);
                Ok::<(), Error>(())
            })?;
        Ok(Self {
            input: Tensor::from_vec(values, target.dims(), device)?,
            target,
        })
    }
}
