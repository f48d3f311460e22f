//! Batches: samples prepared for a network.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::{Images, Keys, Preparation, Sample};
use crate::corruption::{NoiseKey, Value, binarize};
use crate::ops::in_place::{check_distinct, with_elements_mut};
use crate::ops::{Real, has_kernel};
use crate::recipe::Target;
use crate::simd::vectorized;
use crate::{Error, Result};

/// Smaller tasks are not worth a thread: this many values with Gaussian noise take about 100 us.
const VALUES_A_TASK: usize = 1 << 15;

/// The samples of one step: the network's inputs and its targets, both `(N, C, H, W)`; images have
/// values from 0 to 1.
#[derive(Debug, Clone)]
pub struct Batch {
    /// What the network is given.
    pub input: Tensor,
    /// What it should return.
    pub target: Tensor,
    /// Standard normal noise `(N, latent)` for the codes of a variational network.
    pub latent_noise: Option<Tensor>,
    /// Weight of the KL divergence in this step's loss; read for a variational network only.
    pub kl_weight: f64,
}

impl Batch {
    /// The samples at these indices, each corrupted by noise with its own key. Where corrupted samples
    /// are added to the clean ones, their indices start after the last clean one.
    ///
    /// # Errors
    /// If an index is outside the set.
    pub fn prepare(
        images: &Images,
        indices: &[u32],
        preparation: &Preparation,
        keys: Keys,
        device: &Device,
    ) -> Result<Self> {
        Self::prepare_over(None, images, indices, preparation, keys, device)
    }

    /// Like [`prepare`](Self::prepare), but reuses the memory of a finished batch if it fits: on the
    /// CPU, allocating fresh pages costs as much as writing to them. Clones of the old batch's tensors
    /// change as well.
    ///
    /// # Errors
    /// If an index is outside the set.
    pub(crate) fn prepare_over(
        previous: Option<Self>,
        images: &Images,
        indices: &[u32],
        preparation: &Preparation,
        keys: Keys,
        device: &Device,
    ) -> Result<Self> {
        let previous = previous.map(|batch| (batch.input, batch.target));
        let side = images.shape().1;
        let binarized = |sample: Sample, index, out: &mut [f32]| {
            match (sample, preparation.patch_draw) {
                (Sample::Whole(whole), Some(draw)) => {
                    let patch = whole.drawn(side, draw.turned, keys.patch, index);
                    whole.cut(patch, out);
                }
                (Sample::Whole(whole), None) => whole.cut(whole.central(side), out),
                _ => pixels(sample, out),
            }
            binarize(preparation.binarization, keys.binarization, index, out);
        };
        let (input, target) = match images.are_points() {
            true => tensors(previous, images, indices, preparation, keys, device, point)?,
            false => tensors(
                previous,
                images,
                indices,
                preparation,
                keys,
                device,
                binarized,
            )?,
        };
        Ok(Self {
            input,
            target,
            latent_noise: None,
            kl_weight: 0.0,
        })
    }

    /// Adds the inputs of a variational network: noise for `latent` dimensions of each sample's code,
    /// drawn with the sample's own key, and the weight of the KL divergence.
    ///
    /// # Errors
    /// Only candle's errors.
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

/// The bytes of an image as values from 0 to 1.
fn pixels(sample: Sample, out: &mut [f32]) {
    if let Sample::Image(image) = sample {
        vectorized(
            #[inline(always)]
            || {
                for (value, &byte) in out.iter_mut().zip(image) {
                    *value = f32::from(byte) / 255.0;
                }
            },
        );
    }
}

fn point(sample: Sample, _: u64, out: &mut [f64]) {
    if let Sample::Point(point) = sample {
        out.copy_from_slice(point);
    }
}

/// Inputs and targets of the samples; `read` writes the values of one sample, given its number among the clean ones.
fn tensors<T: Value + Real>(
    previous: Option<(Tensor, Tensor)>,
    images: &Images,
    indices: &[u32],
    preparation: &Preparation,
    keys: Keys,
    device: &Device,
    read: impl Fn(Sample, u64, &mut [T]) + Sync,
) -> Result<(Tensor, Tensor)> {
    let size = images.image_len();
    let corruption = &preparation.corruption;
    let noise = corruption.noise();
    let added = noise.is_some_and(|noise| noise.added);
    // Inputs and targets share one buffer if they are equal.
    let apart = noise.is_some_and(|noise| noise.target != Target::Corrupted);
    let count = preparation.clean_samples(images.len());
    let clean = |index: u32, out: &mut [T]| {
        let index = index as usize;
        let number = match added && index >= count {
            true => index - count,
            false => index,
        };
        let place = number.checked_rem(images.len());
        let place = place.filter(|_| number < count);
        let sample = place
            .and_then(|place| images.sample(place))
            .ok_or_else(|| Error::argument("sample", format!("below {count}"), index))?;
        read(sample, number as u64, out);
        Ok::<(), Error>(())
    };
    let corrupt = |index: u32, values: &mut [T]| {
        if !(added && (index as usize) < count) {
            corruption.apply(keys.corruption, u64::from(index), values);
        }
    };
    let samples_a_task = VALUES_A_TASK.div_ceil(size);
    let fill = |targets: &mut [T], inputs: &mut [T]| {
        if !apart {
            return targets
                .par_chunks_mut(size)
                .zip(indices)
                .with_min_len(samples_a_task)
                .try_for_each(|(values, &index)| {
                    clean(index, values)?;
                    corrupt(index, values);
                    Ok::<(), Error>(())
                });
        }
        targets
            .par_chunks_mut(size)
            .zip(inputs.par_chunks_mut(size))
            .zip(indices)
            .with_min_len(samples_a_task)
            .try_for_each(|((target, input), &index)| {
                clean(index, target)?;
                input.copy_from_slice(target);
                corrupt(index, input);
                Ok::<(), Error>(())
            })
    };
    let (channels, height, width) = images.shape();
    let shape = [indices.len(), channels, height, width];
    let dtype = preparation.precision.dtype();
    if let Some((input, target)) = previous {
        let written = match apart {
            true => vec![&target, &input],
            false => vec![&target],
        };
        let fits = dtype == T::DTYPE
            && device.is_cpu()
            && has_kernel(&written)
            && target.dtype() == dtype
            && written.iter().all(|tensor| tensor.dims() == shape)
            && check_distinct(&written, &[]).is_ok();
        if fits {
            with_elements_mut::<T, _>(&written, &[], |written, _| {
                let mut written = written.into_iter();
                let targets = written.next().unwrap_or_default();
                Ok(fill(targets, written.next().unwrap_or_default()))
            })??;
            let input = if apart { input } else { target.clone() };
            return Ok((input, target));
        }
    }
    let mut targets = vec![T::ZERO; indices.len() * size];
    let mut inputs = vec![T::ZERO; if apart { targets.len() } else { 0 }];
    fill(&mut targets, &mut inputs)?;
    let tensor = |values: Vec<T>| {
        let tensor = Tensor::from_vec(values, &shape, &Device::Cpu)?;
        // Convert on the CPU: points are f64, which not every device supports.
        Ok::<Tensor, Error>(tensor.to_dtype(dtype)?.to_device(device)?)
    };
    let target = tensor(targets)?;
    let input = match apart {
        true => tensor(inputs)?,
        false => target.clone(),
    };
    Ok((input, target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::reals;
    use crate::recipe::{Corruption, Noise, Precision};

    fn bits(tensor: &Tensor) -> Vec<u64> {
        let values = reals(tensor).unwrap();
        values.into_iter().map(f64::to_bits).collect()
    }

    #[test]
    fn a_batch_in_the_memory_of_another_is_the_same() {
        let pixels = (0..40 * 9).map(|i| (i * 37 % 256) as u8).collect();
        let images = Images::new((1, 3, 3), pixels, vec![0; 40]).unwrap();
        let noisy = Preparation {
            corruption: Corruption::Gaussian(Noise::of(0.3)),
            ..Preparation::default()
        };
        let double = Preparation {
            precision: Precision::F64,
            ..noisy
        };
        let plain = Preparation::default();
        let keys = |epoch| Keys::training(&noisy, 1, epoch);
        let first = [7, 3, 12];
        // Cases: the memory fits, its size or type differs, or one tensor is both input and target.
        for (before, after, second, fits) in [
            (noisy, noisy, vec![1, 2, 39], true),
            (noisy, noisy, vec![5], false),
            (noisy, plain, vec![1, 2, 39], true),
            (plain, noisy, vec![1, 2, 39], false),
            (plain, plain, vec![1, 2, 39], true),
            (double, noisy, vec![1, 2, 39], false),
            (noisy, double, vec![1, 2, 39], false),
        ] {
            let cpu = &Device::Cpu;
            let old = Batch::prepare(&images, &first, &before, keys(1), cpu).unwrap();
            let kept = old.target.clone();
            let fresh = Batch::prepare(&images, &second, &after, keys(2), cpu).unwrap();
            let reused =
                Batch::prepare_over(Some(old), &images, &second, &after, keys(2), cpu).unwrap();
            assert_eq!(bits(&reused.input), bits(&fresh.input));
            assert_eq!(bits(&reused.target), bits(&fresh.target));
            assert_eq!(reused.input.dtype(), fresh.input.dtype());
            let written_over = bits(&kept) == bits(&fresh.target);
            assert_eq!(written_over, fits, "{before:?} {after:?} {second:?}");
        }
    }
}
