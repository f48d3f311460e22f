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
    /// Standard normal noise `(N, latent)` for the codes of a variational network.
    pub latent_noise: Option<Tensor>,
    /// Weight of the KL divergence in this step's loss; read for a variational network only.
    pub kl_weight: f64,
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
                latent_noise: None,
                kl_weight: 0.0,
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
            latent_noise: None,
            kl_weight: 0.0,
        })
    }

    /// Adds what a variational network needs: noise for `latent` dimensions of each sample's code, by
    /// its own key, and the weight of the KL divergence.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn with_latent_noise(
        mut self,
        indices: &[u32],
        latent: usize,
        key: NoiseKey,
        kl_weight: f64,
    ) -> Result<Self> {
        let mut noise = vec![0f32; indices.len() * latent];
        for (noise, &index) in noise.chunks_mut(latent.max(1)).zip(indices) {
            key.stream(u64::from(index)).fill_normal(noise);
        }
        let shape = (indices.len(), latent);
        let noise = Tensor::from_vec(noise, shape, self.target.device())?;
        self.latent_noise = Some(noise.to_dtype(self.target.dtype())?);
        self.kl_weight = kl_weight;
        Ok(self)
    }
}
