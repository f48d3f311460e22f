//! The batches of training.

use candle_core::Device;

use super::seam::StepSpec;
use crate::Result;
use crate::data::{Batch, Images, Preparation};

/// Makes batches of a training set, whose images are in the host's memory or the device's.
pub(super) trait Source: Send {
    /// The batch of a step. It reuses the memory of an unused batch if that fits.
    ///
    /// # Errors
    /// If an index is outside of the set, or the device fails.
    fn batch(&mut self, previous: Option<Batch>, spec: &StepSpec) -> Result<Batch>;
}

/// Images in the host's memory. Their batches are made there and copied to the device that trains.
#[derive(Debug)]
pub(super) struct HostSource {
    pub images: Images,
    pub preparation: Preparation,
    /// Dimensions of the noise for variational codes.
    pub latent: Option<usize>,
    pub device: Device,
}

impl Source for HostSource {
    fn batch(&mut self, previous: Option<Batch>, spec: &StepSpec) -> Result<Batch> {
        let batch = Batch::prepare_over(
            previous,
            &self.images,
            spec.indices,
            &self.preparation,
            spec.keys,
            &self.device,
        )?;
        match self.latent {
            Some(latent) => {
                batch.with_latent_noise(spec.indices, latent, spec.latent_key, spec.kl_weight)
            }
            None => Ok(batch),
        }
    }
}

/// The batches of a series of steps. Their memory is reused.
pub(super) struct Feed {
    source: Box<dyn Source>,
    /// The batch of the last step, whose memory the next one reuses.
    spent: Option<Batch>,
    /// The batch of all samples, if every step has the same one.
    whole: Option<Batch>,
    /// The number of samples of such a batch; none if each epoch draws new samples.
    whole_len: Option<usize>,
}

impl Feed {
    /// Batches of `source`. If each epoch sees the same samples, a batch of all `same` of them is made once.
    pub fn new(source: Box<dyn Source>, same: Option<usize>) -> Self {
        Self {
            source,
            spent: None,
            whole: None,
            whole_len: same,
        }
    }

    /// The batch of a step. Errors are those of the source.
    pub fn batch(&mut self, spec: &StepSpec) -> Result<Batch> {
        let is_whole = Some(spec.indices.len()) == self.whole_len;
        if let Some(batch) = self.whole.as_ref().filter(|_| is_whole) {
            return Ok(batch.clone());
        }
        let batch = self.source.batch(self.spent.take(), spec)?;
        // Otherwise thousands of short epochs over a few points would spend most of their time here.
        if is_whole {
            self.whole = Some(batch.clone());
        }
        Ok(batch)
    }

    /// Takes an unused batch, to reuse its memory.
    pub fn recycle(&mut self, batch: Batch) {
        // The batch of all samples is kept as it is.
        if self.whole.is_none() {
            self.spent = Some(batch);
        }
    }
}
