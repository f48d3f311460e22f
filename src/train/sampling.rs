//! The density of the codes, fitted when a run is over.

use super::event::Event;
use super::run_folder::RunFolder;
use super::trainer::Trainer;
use crate::Result;
use crate::checkpoint::Checkpoint;
use crate::codes::Mixture;
use crate::corruption::NoiseKey;
use crate::data::{Batch, Keys, Preparation, grouped};
use crate::engine::Inference;
use crate::network::Code;
use crate::random::{Purpose, Stream};
use crate::recipe::Sampling;
use candle_core::DType;

/// The largest number of codes that a mixture is fitted to. Measured on 16-value codes of MNIST, with
/// 1,000 digits drawn from 50 components: a classifier is sure of 89.7% with either 20,000 or 55,000 codes
/// (and of 91.0% decoded from codes of training images). The density of validation codes is 0.2 nats
/// higher with 55,000, but fitting takes three times as long.
const MOST_CODES: usize = 20_000;
/// Images per encoder pass.
const BATCH: usize = 250;
/// The epoch that keys the noise of these codes: training epochs count from 1.
const EPOCH: u64 = 0;

impl Trainer {
    /// Fits the recipe's mixture to the best epoch's codes of the training images, and writes it into
    /// best.safetensors unless it is already there. Returns whether it finished; if `stop` ended it early,
    /// the file stays as it was.
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

    /// Fits the recipe's mixture to a network's codes of the training images. `None` if the recipe asks
    /// for no mixture, or `stop` ended it early.
    ///
    /// # Errors
    /// If the network takes another image shape.
    pub fn density(
        &self,
        network: &Inference,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Event),
    ) -> Result<Option<Mixture>> {
        let Some(Sampling { components }) = self.recipe.sampling else {
            return Ok(None);
        };
        let count = self.codes_to_fit();
        let dim = self.code_len();
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

    /// Why there are fewer Gaussians than the recipe asks for, in a sentence: in the `fitted` mixture or, before
    /// training, as far as the number of images tells. `None` if there are as many.
    pub fn fewer_components(&self, fitted: Option<&Mixture>) -> Option<String> {
        let asked = self.recipe.sampling?.components;
        let (count, dim) = (self.codes_to_fit(), self.code_len());
        let most = asked.min(Mixture::most_components(count, dim));
        let found = fitted.map_or(most, Mixture::components);
        let mut reasons = Vec::new();
        if most < asked {
            let least = Mixture::least_codes(dim);
            let (least, count) = (grouped(least), grouped(count));
            reasons.push(format!(
                "each takes {least} training images or more, and the fit has {count}"
            ));
        }
        if found < most {
            reasons.push(format!(
                "{} lost all images in the fit",
                grouped(most - found)
            ));
        }
        let plural = if found == 1 { "" } else { "s" };
        let (found, asked) = (grouped(found), grouped(asked));
        (!reasons.is_empty()).then(|| {
            let reasons = reasons.join("; ");
            format!("{found} Gaussian{plural} instead of {asked} (sampling.components): {reasons}")
        })
    }

    fn codes_to_fit(&self) -> usize {
        self.samples_per_epoch().min(MOST_CODES)
    }

    fn code_len(&self) -> usize {
        self.model.code_shape().iter().product()
    }

    /// The codes of `count` training images, chosen in a random order and prepared as in training. For a
    /// variational network they are drawn from the images' distributions: the means alone would not cover
    /// the region around them where the decoder works. `None` if stopped.
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
