//! The batches of a run.

use candle_core::Device;

use crate::Result;
use crate::corruption::NoiseKey;
use crate::data::{Batch, Images, Keys, Preparation};
#[cfg(feature = "cuda")]
use crate::engine::cuda::Resident;
use crate::network::Code;
use crate::random::Purpose;
use crate::recipe::Recipe;

/// Makes batches of a training set, in memory that is used again.
#[derive(Debug)]
pub(super) struct Feed {
    device: Device,
    /// The batch of all samples, where every step is the same one.
    whole: Option<Batch>,
    /// The last step's batch, whose memory the next one takes.
    spent: Option<Batch>,
    /// The set on a CUDA card, which makes batches of it itself.
    #[cfg(feature = "cuda")]
    resident: Option<Resident>,
}

impl Feed {
    /// For a set on the host, and the device that computes.
    pub fn new(images: &Images, device: &Device) -> Self {
        // A card without room for the images gets its batches from the host.
        #[cfg(feature = "cuda")]
        let resident = Resident::new(images, device).unwrap_or(None);
        #[cfg(not(feature = "cuda"))]
        let _ = images;
        Self {
            device: device.clone(),
            whole: None,
            spent: None,
            #[cfg(feature = "cuda")]
            resident,
        }
    }

    /// The samples of these indices as an epoch, from 1, sees them, with what the codes of the network need at a step.
    ///
    /// # Errors
    /// If an index is outside of the set.
    pub fn batch(
        &mut self,
        images: &Images,
        recipe: &Recipe,
        code: Code,
        indices: &[u32],
        (epoch, step): (u64, u64),
    ) -> Result<Batch> {
        let preparation = Preparation::of(recipe);
        let is_whole = indices.len() == preparation.samples(images.len());
        if let Some(batch) = self.whole.as_ref().filter(|_| is_whole) {
            return Ok(batch.clone());
        }
        let keys = Keys::training(&preparation, recipe.seed, epoch);
        let batch = self.prepared(images, indices, &preparation, keys)?;
        let Code::Gaussian { latent } = code else {
            // Thousands of short epochs over a few points would spend most of their time on this.
            if is_whole && preparation.is_drawn_once() {
                self.whole = Some(batch.clone());
            }
            return Ok(batch);
        };
        let key = NoiseKey {
            seed: recipe.seed,
            purpose: Purpose::Latent,
            epoch,
        };
        let weight = recipe.objective.kl_weight(step);
        #[cfg(feature = "cuda")]
        if let Some(resident) = &mut self.resident {
            return Ok(Batch {
                latent_noise: Some(resident.normal(indices, latent, key, &batch.target)?),
                kl_weight: weight,
                ..batch
            });
        }
        batch.with_latent_noise(indices, latent, key, weight)
    }

    /// Takes the memory of a batch that is done with.
    pub fn recycle(&mut self, batch: Batch) {
        // Not of the batch of all samples, which stays as it is.
        if self.whole.is_none() {
            self.spent = Some(batch);
        }
    }

    fn prepared(
        &mut self,
        images: &Images,
        indices: &[u32],
        preparation: &Preparation,
        keys: Keys,
    ) -> Result<Batch> {
        let spent = self.spent.take();
        #[cfg(feature = "cuda")]
        if let Some(resident) = &mut self.resident {
            return resident.batch(spent, indices, preparation, keys);
        }
        Batch::prepare_over(spent, images, indices, preparation, keys, &self.device)
    }
}
