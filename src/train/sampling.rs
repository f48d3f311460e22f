//! The density of the codes, fitted when a run is over.

use super::epochs::Event;
use super::run_folder::RunFolder;
use super::trainer::Trainer;
use crate::Result;
use crate::checkpoint::Checkpoint;
use crate::codes::Mixture;
use crate::corruption::NoiseKey;
use crate::data::{Batch, Keys, Preparation};
use crate::engine::Inference;
use crate::network::Code;
use crate::random::{Purpose, Stream};
use crate::recipe::Sampling;
use candle_core::DType;

/// Codes that a mixture is fitted to at most. Measured on a code of 16 values of MNIST: of 1,000 digits
/// drawn from 50 components a classifier is sure of 89.7% whether these were fitted to 20,000 codes or to
/// 55,000 (and of 91.0% decoded from codes of training images), though the density of validation codes is
/// 0.2 nats higher with 55,000; these take three times as long.
const MOST_CODES: usize = 20_000;
/// Images that go through the encoder at once.
const BATCH: usize = 250;
/// The epoch of the noise on these codes: those of training count from 1.
const EPOCH: u64 = 0;

impl Trainer {
    /// Fits the mixture that the recipe asks for to the codes which the best epoch's network gives to the
    /// training images, and writes it into best.safetensors, where it is not there yet. Returns whether it
    /// was done to the end; where `stop` said so before, the file stays as it was.
    pub(super) fn fit_density(
        &self,
        folder: &RunFolder,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Event),
    ) -> Result<bool> {
        if self.recipe.sampling.is_none() {
            return Ok(true);
        }
        let path = folder.best();
        let mut best = Checkpoint::read(&path)?;
        if !best.sampling.is_empty() {
            return Ok(true);
        }
        let network = best.inference(&path, &self.device)?;
        let Some(mixture) = self.density(&network, stop, observe)? else {
            return Ok(false);
        };
        best.sampling = mixture.to_tensors()?;
        best.write(&path)?;
        Ok(true)
    }

    /// The mixture that the recipe asks for, of the codes which a network gives to the training images.
    /// `None` where it asks for none, or `stop` said so before the end.
    ///
    /// # Errors
    /// If the network takes other images.
    pub fn density(
        &self,
        network: &Inference,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Event),
    ) -> Result<Option<Mixture>> {
        let Some(Sampling { components }) = self.recipe.sampling else {
            return Ok(None);
        };
        let dim = network.model().code_shape().iter().product();
        let count = self.samples_per_epoch().min(MOST_CODES);
        let components = components.min(Mixture::most_components(count, dim));
        let mut tell = |round| {
            observe(Event::Density {
                codes: count,
                components,
                round,
            });
        };
        tell(0);
        let Some(codes) = self.training_codes(network, count, stop)? else {
            return Ok(None);
        };
        let mut stopped = false;
        let seed = self.recipe.seed;
        let mixture = Mixture::fit(&codes, dim, components, seed, &mut |round, _| {
            tell(round);
            stopped = stop();
            !stopped
        })?;
        Ok((!stopped).then_some(mixture))
    }

    /// The codes of so many training images, chosen in a random order and prepared as training prepares
    /// them; of a variational network they are drawn from the images' distributions, whose means alone
    /// would leave out how far the decoder knows its way around them. `None` if it was stopped.
    fn training_codes(
        &self,
        network: &Inference,
        count: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<f32>>> {
        let seed = self.recipe.seed;
        let preparation = Preparation::of(&self.recipe);
        let keys = Keys::training(&preparation, seed, EPOCH);
        let key = NoiseKey {
            seed,
            purpose: Purpose::Latent,
            epoch: EPOCH,
        };
        let all = u32::try_from(self.samples_per_epoch()).unwrap_or(u32::MAX);
        let mut order = Stream::new(seed, Purpose::MixtureFit, 0, 0).permutation(all);
        order.truncate(count);
        let mut codes = Vec::new();
        for indices in order.chunks(BATCH) {
            if stop() {
                return Ok(None);
            }
            let images = &self.dataset.train;
            let batch = Batch::prepare(images, indices, &preparation, keys, &self.device)?;
            let batch = match network.model().code() {
                Code::Plain => network.encode(&batch.input)?,
                Code::Gaussian { latent } => {
                    let batch = batch.with_latent_noise(indices, latent, key, 0.0)?;
                    let posterior = network.posterior(&batch.input)?;
                    match &batch.latent_noise {
                        Some(noise) => posterior.sample(noise)?,
                        None => posterior.mean,
                    }
                }
            };
            let batch: Vec<f32> = batch.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            codes.extend(batch);
        }
        Ok(Some(codes))
    }
}
