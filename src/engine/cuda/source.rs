//! Batches of training made by a CUDA device, from a training set in its memory.

use candle_core::{DType, Device, Tensor};

use super::launch::{Address, BATCH, Buffer, Grid, Launcher, int};
use crate::corruption::NoiseKey;
use crate::data::{Batch, Preparation};
use crate::engine::abi::{self, BinarizationKind, CorruptionKind, Key};
use crate::engine::feed::{HostSource, Source};
use crate::engine::seam::StepSpec;
use crate::recipe::{Binarization, Corruption, Strength, Target};
use crate::{Error, Result};

/// Images in device memory, with their preparation. Their batches equal those of [`Batch::prepare`] to the bit.
#[derive(Debug)]
pub(super) struct CudaSource {
    card: Launcher,
    device: Device,
    pixels: Buffer<u8>,
    /// Indices of the last batch.
    indices: Buffer<u32>,
    /// Number of images, and their channels, height and width.
    count: usize,
    shape: (usize, usize, usize),
    preparation: Preparation,
    latent: Option<usize>,
}

impl CudaSource {
    /// Copies host images to a CUDA device; none for another device, for points, and for a custom corruption.
    ///
    /// # Errors
    /// If the device has no memory for them, or the driver refuses the kernels.
    pub fn new(host: &HostSource) -> Result<Option<Self>> {
        let (device, images) = (&host.device, &host.images);
        let is_custom = matches!(host.preparation.corruption, Corruption::Custom(_));
        let (Device::Cuda(cuda), false) = (
            device,
            images.are_points() || images.are_wholes() || is_custom,
        ) else {
            return Ok(None);
        };
        let card = Launcher::new(cuda, &[BATCH])?;
        Ok(Some(Self {
            device: device.clone(),
            pixels: card.copy_of(images.pixels())?,
            indices: card.memory(0)?,
            count: images.len(),
            shape: images.shape(),
            preparation: host.preparation,
            latent: host.latent,
            card,
        }))
    }

    /// Compares a step's batch with the host's.
    ///
    /// # Errors
    /// Names the kernel whose values differ from the host's in any bit.
    pub fn try_out(&mut self, host: &mut HostSource, spec: &StepSpec) -> Result<()> {
        compare(&self.batch(None, spec)?, &host.batch(None, spec)?)
    }

    /// Makes the inputs and targets of samples whose indices are on the device.
    fn prepare(&self, spec: &StepSpec, input: &Tensor, target: &Tensor) -> Result<()> {
        let (channels, height, width) = self.shape;
        let size = channels * height * width;
        let corruption = &self.preparation.corruption;
        let noise = corruption.noise();
        let ([low, high], has_range) = match noise.map(|noise| noise.factor) {
            Some(Strength::Fixed(factor)) => ([factor; 2], false),
            Some(Strength::Range(bounds)) => (bounds, true),
            None => ([0.0; 2], false),
        };
        let arguments = abi::Preparation {
            images: self.pixels.address(),
            indices: self.indices.address(),
            input: Address::of(input)?,
            target: Address::of(target)?,
            count: int(spec.indices.len())?,
            size: int(size)?,
            // The number of clean samples, which the corrupted ones follow.
            added: match noise {
                Some(noise) if noise.added => self.count as u32,
                _ => 0,
            },
            corruption: match corruption {
                Corruption::None => CorruptionKind::None,
                Corruption::Gaussian(noise) if noise.clip => CorruptionKind::Gaussian,
                Corruption::Gaussian(_) => CorruptionKind::UnclippedGaussian,
                Corruption::SaltAndPepper(_) => CorruptionKind::SaltAndPepper,
                Corruption::Masking(_) => CorruptionKind::Masking,
                Corruption::Custom(custom) => {
                    let expected = "a corruption that has a kernel";
                    return Err(Error::argument("corruption", expected, custom.name.name()));
                }
            },
            binarization: match self.preparation.binarization {
                Binarization::None => BinarizationKind::AsTheyAre,
                Binarization::Threshold => BinarizationKind::Threshold,
                Binarization::Once | Binarization::EveryEpoch => BinarizationKind::Drawn,
            },
            has_range: i32::from(has_range),
            low,
            high,
            corruption_key: key(spec.keys.corruption),
            binarization_key: key(spec.keys.binarization),
        };
        let pairs = Grid::over(spec.indices.len() * size.div_ceil(2));
        self.card.launch("prepare_batch", pairs, &(arguments,))
    }

    /// Standard normal noise `(N, latent)` for the codes of samples whose indices are on the device, each from its own
    /// key.
    fn normal(&self, spec: &StepSpec, latent: usize) -> Result<Tensor> {
        let samples = spec.indices.len();
        let out = Tensor::zeros((samples, latent), DType::F32, &self.device)?;
        let arguments = (
            self.indices.address(),
            Address::of(&out)?,
            int(samples)?,
            int(latent)?,
            key(spec.latent_key),
        );
        let pairs = Grid::over(samples * latent.div_ceil(2));
        self.card.launch("fill_normal", pairs, &arguments)?;
        Ok(out)
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

impl Source for CudaSource {
    /// Batches are made in f32, then converted if another type is wanted.
    fn batch(&mut self, previous: Option<Batch>, spec: &StepSpec) -> Result<Batch> {
        let visited = self.preparation.samples(self.count);
        let mut indices = spec.indices.iter();
        if let Some(index) = indices.find(|&&index| index as usize >= visited) {
            return Err(Error::argument("sample", format!("below {visited}"), index));
        }
        let noise = self.preparation.corruption.noise();
        let apart = noise.is_some_and(|noise| noise.target == Target::Clean);
        let (input, target) = self.tensors(previous, spec.indices.len(), apart)?;
        self.card.write(&mut self.indices, spec.indices)?;
        self.prepare(spec, &input, &target)?;
        let dtype = self.preparation.precision.dtype();
        let batch = Batch {
            input: input.to_dtype(dtype)?,
            target: target.to_dtype(dtype)?,
            latent_noise: None,
            kl_weight: 0.0,
        };
        Ok(match self.latent {
            None => batch,
            Some(latent) => Batch {
                latent_noise: Some(self.normal(spec, latent)?.to_dtype(dtype)?),
                kl_weight: spec.kl_weight,
                ..batch
            },
        })
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

/// Compares the kernels' values with the host's.
fn compare(found: &Batch, expected: &Batch) -> Result<()> {
    let bits = |tensor: &Tensor| -> Result<Vec<u32>> {
        let values: Vec<f32> = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        Ok(values.into_iter().map(f32::to_bits).collect())
    };
    let images = [
        ("prepare_batch", &found.input, &expected.input),
        ("prepare_batch", &found.target, &expected.target),
    ];
    let noise = found.latent_noise.iter().zip(&expected.latent_noise);
    let noise = noise.map(|(found, expected)| ("fill_normal", found, expected));
    for (kernel, found, expected) in images.into_iter().chain(noise) {
        let (found, expected) = (bits(found)?, bits(expected)?);
        let differ = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
        if differ > 0 || found.len() != expected.len() {
            return Err(Error::argument(
                format!("kernel {kernel}"),
                "the host's values to the bit",
                format!("{differ} of {} that differ", expected.len()),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
