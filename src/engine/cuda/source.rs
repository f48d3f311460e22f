//! Batches of training made by a CUDA device.

use candle_core::{DType, Tensor};

use super::resident::Resident;
use crate::data::{Batch, Preparation};
use crate::engine::feed::{HostSource, Source};
use crate::engine::seam::StepSpec;
use crate::{Error, Result};

/// Images on a CUDA device, with their preparation.
#[derive(Debug)]
pub(super) struct CudaSource {
    images: Resident,
    preparation: Preparation,
    latent: Option<usize>,
}

impl CudaSource {
    /// Copies host images to a CUDA device; none for another device, and for points.
    ///
    /// # Errors
    /// If the device has no memory for them, or the driver refuses the kernels.
    pub fn new(host: &HostSource) -> Result<Option<Self>> {
        let images = Resident::new(&host.images, &host.device)?;
        Ok(images.map(|images| Self {
            images,
            preparation: host.preparation,
            latent: host.latent,
        }))
    }

    /// Compares a step's batch with the host's.
    ///
    /// # Errors
    /// Names the kernel whose values differ from the host's in any bit.
    pub fn try_out(&mut self, host: &mut HostSource, spec: &StepSpec) -> Result<()> {
        let (found, expected) = (self.batch(None, spec)?, host.batch(None, spec)?);
        compare("prepare_batch", &found.input, &expected.input)?;
        compare("prepare_batch", &found.target, &expected.target)?;
        match (&found.latent_noise, &expected.latent_noise) {
            (Some(found), Some(expected)) => compare("fill_normal", found, expected),
            _ => Ok(()),
        }
    }
}

impl Source for CudaSource {
    fn batch(&mut self, previous: Option<Batch>, spec: &StepSpec) -> Result<Batch> {
        let (indices, preparation) = (spec.indices, &self.preparation);
        let batch = (self.images).batch(previous, indices, preparation, spec.keys)?;
        let Some(latent) = self.latent else {
            return Ok(batch);
        };
        let noise = (self.images).normal(indices, latent, spec.latent_key, &batch.target)?;
        Ok(Batch {
            latent_noise: Some(noise),
            kl_weight: spec.kl_weight,
            ..batch
        })
    }
}

/// Compares a kernel's values with the expected ones.
fn compare(kernel: &str, found: &Tensor, expected: &Tensor) -> Result<()> {
    let bits = |tensor: &Tensor| -> Result<Vec<u32>> {
        let values: Vec<f32> = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok(values.into_iter().map(f32::to_bits).collect())
    };
    let (found, expected) = (bits(found)?, bits(expected)?);
    let differ = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
    if differ == 0 && found.len() == expected.len() {
        return Ok(());
    }
    Err(Error::argument(
        format!("kernel {kernel}"),
        "the host's values to the bit",
        format!("{differ} of {} that differ", expected.len()),
    ))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::corruption::NoiseKey;
    use crate::data::{Images, Keys};
    use crate::device::cuda::device_under_test;
    use crate::random::Purpose;

    #[test]
    fn batches_that_are_not_those_of_the_host_are_not_taken() {
        let Some(device) = device_under_test() else {
            return;
        };
        let host = |images: usize, latent, device: &Device| HostSource {
            images: Images::new((1, 1, 2), vec![images as u8; 16], vec![0; 8]).unwrap(),
            preparation: Preparation::default(),
            latent,
            device: device.clone(),
        };
        let key = |seed| NoiseKey {
            seed,
            purpose: Purpose::Latent,
            epoch: 1,
        };
        let keys = Keys::training(&Preparation::default(), 1, 1);
        let spec = StepSpec {
            indices: &[7, 0, 3],
            keys,
            latent_key: key(1),
            kl_weight: 1.0,
            learning_rate: 1.0,
        };
        for (other, latent, kernel) in [
            (5, Some(3), None),
            (5, None, None),
            (6, None, Some("prepare_batch: ")),
            (5, Some(2), Some("fill_normal: ")),
        ] {
            let mut source = CudaSource::new(&host(5, Some(3), &device))
                .unwrap()
                .unwrap();
            source.latent = latent.and(Some(3));
            let tried = source.try_out(&mut host(other, latent, &device), &spec);
            match kernel {
                None => tried.unwrap(),
                Some(kernel) => {
                    let message = tried.unwrap_err().to_string();
                    assert!(message.contains(kernel), "{message}");
                }
            }
        }
    }
}
