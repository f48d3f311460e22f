//! Training sets in the memory of a CUDA device, which makes their batches itself.

use candle_core::{DType, Device, Tensor};

use super::{Address, BatchSpec, batch};
use crate::corruption::NoiseKey;
use crate::data::{Batch, Images, Keys, Preparation};
use crate::engine::abi::{BinarizationKind, CorruptionKind, Key};
use crate::recipe::{Binarization, Corruption, Strength, Target};
use crate::{Error, Result};

/// Images in device memory. Their batches equal those of [`Batch::prepare`] to the bit.
#[derive(Debug)]
pub(crate) struct Resident {
    images: batch::Images,
    device: Device,
    count: usize,
    shape: (usize, usize, usize),
}

impl Resident {
    /// Copies images to a CUDA device; none for another device, and for points.
    ///
    /// # Errors
    /// If the device has no memory for them, or the driver refuses the kernels.
    pub fn new(images: &Images, device: &Device) -> Result<Option<Self>> {
        let (Device::Cuda(card), false) = (device, images.are_points()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            images: batch::Images::new(card, images.pixels(), images.image_len())?,
            device: device.clone(),
            count: images.len(),
            shape: images.shape(),
        }))
    }

    /// Same as [`Batch::prepare_over`]: made in f32, then converted if another type is wanted.
    ///
    /// # Errors
    /// If an index is outside of the set.
    pub fn batch(
        &mut self,
        previous: Option<Batch>,
        indices: &[u32],
        preparation: &Preparation,
        keys: Keys,
    ) -> Result<Batch> {
        let visited = preparation.samples(self.count);
        if let Some(index) = indices.iter().find(|&&index| index as usize >= visited) {
            return Err(Error::argument("sample", format!("below {visited}"), index));
        }
        let corruption = &preparation.corruption;
        let noise = corruption.noise();
        let apart = noise.is_some_and(|noise| noise.target == Target::Clean);
        let (input, target) = self.tensors(previous, indices.len(), apart)?;
        let (strength, has_range) = match noise.map(|noise| noise.factor) {
            Some(Strength::Fixed(factor)) => ([factor; 2], false),
            Some(Strength::Range(bounds)) => (bounds, true),
            None => ([0.0; 2], false),
        };
        let spec = BatchSpec {
            added: match noise {
                Some(noise) if noise.added => self.count as u32,
                _ => 0,
            },
            noise: match corruption {
                Corruption::None => CorruptionKind::None,
                Corruption::Gaussian(_) => CorruptionKind::Gaussian,
                Corruption::SaltAndPepper(_) => CorruptionKind::SaltAndPepper,
                Corruption::Masking(_) => CorruptionKind::Masking,
            },
            binary: match preparation.binarization {
                Binarization::None => BinarizationKind::AsTheyAre,
                Binarization::Threshold => BinarizationKind::Threshold,
                Binarization::Once | Binarization::EveryEpoch => BinarizationKind::Drawn,
            },
            strength,
            has_range,
            noise_key: key(keys.corruption),
            binary_key: key(keys.binarization),
        };
        let addresses = (Address::of(&input)?, Address::of(&target)?);
        self.images
            .prepare(indices, spec, addresses.0, addresses.1)?;
        let dtype = preparation.precision.dtype();
        Ok(Batch {
            input: input.to_dtype(dtype)?,
            target: target.to_dtype(dtype)?,
            latent_noise: None,
            kl_weight: 0.0,
        })
    }

    /// Standard normal noise `(N, latent)` for the codes of samples, each from its own key, of the type of `like`.
    ///
    /// # Errors
    /// Only the device's own.
    pub fn normal(
        &mut self,
        indices: &[u32],
        latent: usize,
        noise: NoiseKey,
        like: &Tensor,
    ) -> Result<Tensor> {
        let out = Tensor::zeros((indices.len(), latent), DType::F32, &self.device)?;
        let address = Address::of(&out)?;
        self.images
            .fill_normal(indices, latent, key(noise), address)?;
        Ok(out.to_dtype(like.dtype())?)
    }

    /// Memory for inputs and targets: that of an unused batch if it fits.
    fn tensors(
        &self,
        previous: Option<Batch>,
        samples: usize,
        apart: bool,
    ) -> Result<(Tensor, Tensor)> {
        let (channels, height, width) = self.shape;
        let shape = (samples, channels, height, width);
        if let Some(Batch { input, target, .. }) = previous {
            let fits = |tensor: &Tensor| {
                tensor.dtype() == DType::F32 && tensor.dims4().is_ok_and(|dims| dims == shape)
            };
            if fits(&input) && fits(&target) && (input.id() != target.id()) == apart {
                return Ok((input, target));
            }
        }
        let target = Tensor::zeros(shape, DType::F32, &self.device)?;
        let input = match apart {
            true => Tensor::zeros(shape, DType::F32, &self.device)?,
            false => target.clone(),
        };
        Ok((input, target))
    }
}

/// A key as a kernel argument.
fn key(key: NoiseKey) -> Key {
    let (seed, purpose_and_epoch) = key.stream(0).key();
    Key {
        seed,
        purpose_and_epoch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cuda::device_under_test;
    use crate::random::Purpose;
    use crate::recipe::{Draw, Noise as Noisy};

    /// Inputs and targets as bits.
    fn bits(batch: &Batch) -> [Vec<u32>; 2] {
        [&batch.input, &batch.target].map(|tensor| {
            let values: Vec<f32> = tensor.flatten_all().and_then(|t| t.to_vec1()).unwrap();
            values.into_iter().map(f32::to_bits).collect()
        })
    }

    #[test]
    fn batches_are_those_of_the_host_to_the_bit() {
        let Some(device) = device_under_test() else {
            return;
        };
        // An odd number of values: the last one of a sample has no pair.
        let pixels = (0..40 * 3 * 15).map(|i| (i * 37 % 256) as u8).collect();
        let images = Images::new((3, 3, 5), pixels, vec![0; 40]).unwrap();
        let mut resident = Resident::new(&images, &device).unwrap().unwrap();
        let strengths = [Strength::Fixed(0.3), Strength::Range([0.1, 0.6])];
        let mut corruptions = vec![Corruption::None];
        for factor in strengths {
            for (target, added) in [
                (Target::Clean, false),
                (Target::Corrupted, false),
                (Target::Clean, true),
                (Target::Corrupted, true),
            ] {
                let noise = Noisy {
                    factor,
                    draw: Draw::EveryEpoch,
                    target,
                    added,
                };
                corruptions.extend([
                    Corruption::Gaussian(noise),
                    Corruption::SaltAndPepper(noise),
                    Corruption::Masking(noise),
                ]);
            }
        }
        let mut previous = None;
        for corruption in corruptions {
            for binarization in [
                Binarization::None,
                Binarization::Threshold,
                Binarization::EveryEpoch,
            ] {
                let preparation = Preparation {
                    binarization,
                    corruption,
                    ..Preparation::default()
                };
                let last = preparation.samples(images.len()) as u32 - 1;
                let indices = [7, 39, last, 0, 12];
                let keys = Keys::training(&preparation, 1 << 40 | 5, 3);
                let cpu = &Device::Cpu;
                let expected = Batch::prepare(&images, &indices, &preparation, keys, cpu).unwrap();
                let found = resident.batch(previous.take(), &indices, &preparation, keys);
                let found = found.unwrap();
                assert_eq!(bits(&found), bits(&expected), "{preparation:?}");
                previous = Some(found);
                resident
                    .batch(None, &[last + 1], &preparation, keys)
                    .unwrap_err();
            }
        }
    }

    #[test]
    fn normal_noise_is_that_of_the_host_to_the_bit() {
        let Some(device) = device_under_test() else {
            return;
        };
        let images = Images::new((1, 2, 2), vec![0; 4000], vec![0; 1000]).unwrap();
        let mut resident = Resident::new(&images, &device).unwrap().unwrap();
        let like = Tensor::zeros(1, DType::F32, &device).unwrap();
        let key = NoiseKey {
            seed: 9,
            purpose: Purpose::Latent,
            epoch: 70_000,
        };
        for latent in [1, 2, 7, 67] {
            let indices: Vec<u32> = (0..1000).collect();
            let found = resident.normal(&indices, latent, key, &like).unwrap();
            let found: Vec<f32> = found.flatten_all().and_then(|t| t.to_vec1()).unwrap();
            let mut expected = vec![0f32; latent];
            for (index, found) in indices.iter().zip(found.chunks(latent)) {
                key.stream(u64::from(*index)).fill_normal(&mut expected);
                assert_eq!(found, expected, "{latent}, {index}");
            }
        }
    }
}
