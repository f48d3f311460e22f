//! What training minimises, as sums over a batch with their counts.

mod losses;

use candle_core::Tensor;

pub use losses::Losses;

use crate::data::Batch;
use crate::device::scalars;
use crate::network::{Autoencoder, Posterior};
use crate::recipe::{CodePenalty, Elbo, Objective, Recipe, Reconstruction};
use crate::{Error, Result, ops};

/// The sums of a batch as scalars that can be differentiated.
#[derive(Debug)]
pub struct Sums {
    /// Of the reconstruction loss: over all values, in nats for BCE and a likelihood, else in their unit
    /// or its square.
    pub reconstruction: Tensor,
    /// Of the penalties on the codes, over all samples; where the objective has some.
    pub penalty: Option<Tensor>,
    /// Of the KL divergence in nats, with its weight; of a variational network only.
    pub kl: Option<(Tensor, f64)>,
}

/// [`Sums`] as numbers; 0 for what the objective does not have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub reconstruction: f64,
    pub penalty: f64,
    pub kl: f64,
}

impl Objective {
    /// The sums of the losses over a batch.
    ///
    /// # Errors
    /// If the samples are not shaped as the network; for BCE if it does not end in a sigmoid; for an
    /// ELBO if it is not variational or the batch brings no noise for its codes.
    pub fn sums(&self, model: &Autoencoder, batch: &Batch) -> Result<Sums> {
        let decode = |codes: &Tensor| match self.reconstruction {
            Reconstruction::Bce => model.decode_logits(codes),
            _ => model.decode(codes),
        };
        if let Some(elbo) = self.elbo {
            let posterior = model.posterior(&batch.input)?;
            return self.elbo_sums(elbo, &posterior, decode, batch);
        }
        let codes = model.encode(&batch.input)?;
        Ok(Sums {
            reconstruction: self.distance(&decode(&codes)?, &batch.target)?,
            penalty: match self.code_penalty {
                Some(penalty) => Some(penalty.sum(&codes)?),
                None => None,
            },
            kl: None,
        })
    }

    /// The sums of an ELBO from the distributions of the codes. `decode` gives the decoder's logits for BCE, else its
    /// results.
    ///
    /// # Errors
    /// If the batch brings no noise for the codes; the decoder's own.
    pub(crate) fn elbo_sums(
        &self,
        elbo: Elbo,
        posterior: &Posterior,
        decode: impl FnOnce(&Tensor) -> Result<Tensor>,
        batch: &Batch,
    ) -> Result<Sums> {
        let noise = batch.latent_noise.as_ref().ok_or_else(|| {
            Error::argument(
                "batch",
                "noise for the codes of a variational network",
                "none",
            )
        })?;
        let codes = posterior.sample(noise)?;
        let distance = self.distance(&decode(&codes)?, &batch.target)?;
        let values = batch.target.elem_count();
        let (factor, constant) = elbo.likelihood(self.reconstruction, values);
        Ok(Sums {
            reconstruction: distance.affine(factor, constant)?,
            penalty: None,
            kl: Some((posterior.kl()?.sum_all()?, batch.kl_weight)),
        })
    }

    /// From logits for BCE, else from reconstructions.
    fn distance(&self, decoded: &Tensor, target: &Tensor) -> Result<Tensor> {
        ops::loss_sum(self.reconstruction, decoded, target)
    }

    /// All sums in one, which divided by the count of [`Objective::losses`] is what training minimises.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn total(&self, sums: &Sums, batch: &Batch) -> Result<Tensor> {
        let mut total = sums.reconstruction.clone();
        if let Some(penalty) = &sums.penalty {
            // A mean over samples beside a mean over their values.
            let values = batch.target.elem_count() as f64 / batch.target.dim(0)?.max(1) as f64;
            total = (total + (penalty * values)?)?;
        }
        if let Some((kl, weight)) = &sums.kl {
            total = (total + (kl * *weight)?)?;
        }
        Ok(total)
    }

    /// The sums as numbers.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn losses(&self, sums: &Sums, batch: &Batch) -> Result<Losses> {
        let kl = sums.kl.as_ref().map(|(kl, _)| kl);
        let sums = [Some(&sums.reconstruction), sums.penalty.as_ref(), kl];
        let present: Vec<Tensor> = sums.into_iter().flatten().cloned().collect();
        let mut values = scalars(&present)?.into_iter();
        let mut value = |sum: Option<&Tensor>| sum.and_then(|_| values.next()).unwrap_or(0.0);
        let [reconstruction, penalty, kl] = sums.map(&mut value);
        let numbers = Numbers {
            reconstruction,
            penalty,
            kl,
        };
        self.losses_of(numbers, batch)
    }

    /// What the sums of a batch are divided by: its values, or for an ELBO its samples.
    ///
    /// # Errors
    /// Only candle's own.
    pub(crate) fn count(&self, batch: &Batch) -> Result<usize> {
        Ok(match self.elbo {
            Some(_) => batch.target.dim(0)?,
            None => batch.target.elem_count(),
        })
    }

    /// The losses of a batch from its sums.
    ///
    /// # Errors
    /// Only candle's own.
    pub(crate) fn losses_of(&self, sums: Numbers, batch: &Batch) -> Result<Losses> {
        let samples = batch.target.dim(0)?;
        let values = batch.target.elem_count();
        let penalty = sums.penalty * (values as f64 / samples.max(1) as f64);
        Ok(Losses {
            sum: sums.reconstruction + penalty + batch.kl_weight * sums.kl,
            kl_sum: sums.kl,
            count: self.count(batch)?,
        })
    }

    /// The weight of the KL divergence at a step, from 0.
    pub fn kl_weight(&self, step: u64) -> f64 {
        match self.elbo {
            Some(elbo) if step < elbo.warmup_steps => {
                elbo.beta * step as f64 / elbo.warmup_steps as f64
            }
            Some(elbo) => elbo.beta,
            None => 0.0,
        }
    }

    /// Its name in metrics files, unit included.
    pub fn metric(&self) -> &'static str {
        let [plain, penalized] = self.reconstruction.metrics();
        self.choose("neg_elbo_nats_per_image", plain, penalized)
    }

    /// Its name on pictures and in tables.
    pub fn label(&self) -> &'static str {
        let [plain, penalized] = self.reconstruction.labels();
        self.choose("-ELBO", plain, penalized)
    }

    /// The one for an ELBO, a loss by itself, or a loss with a penalty on the codes.
    fn choose<T>(&self, elbo: T, plain: T, penalized: T) -> T {
        match (self.elbo, self.code_penalty) {
            (Some(_), _) => elbo,
            (None, None) => plain,
            (None, Some(_)) => penalized,
        }
    }
}

impl Recipe {
    /// Behind a loss, what it is counted by.
    pub fn loss_unit(&self) -> &'static str {
        match (self.objective.elbo, self.data.points) {
            (Some(_), None) => "nats an image",
            (Some(_), Some(_)) => "nats a point",
            (None, None) => "a pixel",
            (None, Some(_)) => "a value",
        }
    }
}

impl CodePenalty {
    /// The penalties of codes `(N, ...)`, summed over all of them.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn sum(&self, codes: &Tensor) -> Result<Tensor> {
        let l1 = (ops::absolute(codes)?.sum_all()? * self.l1)?;
        let l2 = (codes.sqr()?.sum_all()? * self.l2)?;
        Ok((l1 + l2)?)
    }
}

impl Elbo {
    /// The negative log-likelihood in nats from the sum of a distance over `values` values is `factor *
    /// distance + constant`: a Bernoulli likelihood's is the cross-entropy itself, a normal
    /// distribution's has its constant added.
    pub(crate) fn likelihood(&self, kind: Reconstruction, values: usize) -> (f64, f64) {
        match kind {
            Reconstruction::Bce => (1.0, 0.0),
            // A recipe with another distance is refused.
            _ => {
                let variance = self.sigma * self.sigma;
                let constant = 0.5 * (std::f64::consts::TAU * variance).ln() * values as f64;
                (0.5 / variance, constant)
            }
        }
    }
}
