//! The training objective, as sums over a batch with their counts.

use candle_core::Tensor;

use crate::data::Batch;
use crate::device::scalars;
use crate::network::{Autoencoder, Posterior};
use crate::recipe::{CodePenalty, Elbo, Objective, Recipe, Reconstruction};
use crate::{Error, Result, ops};

/// The sums over a batch, as differentiable scalars.
#[derive(Debug)]
pub struct Sums {
    /// The reconstruction loss, summed over all values: in nats for BCE and a likelihood, else in their unit or its
    /// square.
    pub reconstruction: Tensor,
    /// The penalties on the codes, summed over all samples, if the objective has any.
    pub penalty: Option<Tensor>,
    /// The KL divergence in nats, with its weight; only for a variational network.
    pub kl: Option<(Tensor, f64)>,
}

/// [`Sums`] as numbers; 0 for terms that the objective does not have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub reconstruction: f64,
    pub penalty: f64,
    pub kl: f64,
}

/// The losses of some samples, as sums, so that batches of different sizes add up to the right mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Losses {
    /// Sum of the training loss: over all values in their unit, or over the images in nats for an ELBO.
    pub sum: f64,
    /// Sum of the KL divergence over the images in nats, unweighted.
    pub kl_sum: f64,
    /// The divisor of the sums: the number of values, or of images for an ELBO.
    pub count: usize,
}

impl std::ops::AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        self.sum += other.sum;
        self.kl_sum += other.kl_sum;
        self.count += other.count;
    }
}

impl Losses {
    /// The mean training loss.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    /// The KL divergence in nats per image.
    pub fn kl(&self) -> f64 {
        self.kl_sum / self.count.max(1) as f64
    }
}

impl Objective {
    /// The sums of the losses over a batch.
    ///
    /// # Errors
    /// If the samples do not have the network's input shape; for BCE, if the network does not end in a sigmoid; for an
    /// ELBO, if the network is not variational or the batch has no noise for its codes.
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
            reconstruction: ops::loss_sum(self.reconstruction, &decode(&codes)?, &batch.target)?,
            penalty: (self.code_penalty.map(|penalty| penalty.sum(&codes))).transpose()?,
            kl: None,
        })
    }

    /// The sums of an ELBO from the distributions of the codes. `decode` returns the decoder's logits for BCE, else its
    /// outputs.
    ///
    /// # Errors
    /// If the batch has no noise for the codes; the decoder's own.
    pub(crate) fn elbo_sums(
        &self,
        elbo: Elbo,
        posterior: &Posterior,
        decode: impl FnOnce(&Tensor) -> Result<Tensor>,
        batch: &Batch,
    ) -> Result<Sums> {
        let noise = batch.latent_noise.as_ref().ok_or_else(|| {
            let expected = "noise for the codes of a variational network";
            Error::argument("batch", expected, "none")
        })?;
        let codes = posterior.sample(noise)?;
        let distance = ops::loss_sum(self.reconstruction, &decode(&codes)?, &batch.target)?;
        let values = batch.target.elem_count();
        let (factor, constant) = elbo.likelihood(self.reconstruction, values);
        Ok(Sums {
            reconstruction: distance.affine(factor, constant)?,
            penalty: None,
            kl: Some((posterior.kl()?.sum_all()?, batch.kl_weight)),
        })
    }

    /// The total of the sums. Divided by the count of [`Objective::losses`], it is the training loss.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn total(&self, sums: &Sums, batch: &Batch) -> Result<Tensor> {
        let mut total = sums.reconstruction.clone();
        if let Some(penalty) = &sums.penalty {
            // Combines a mean over samples with a mean over values.
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

    /// The divisor of a batch's sums: its number of values, or of samples for an ELBO.
    pub(crate) fn count(&self, batch: &Batch) -> Result<usize> {
        Ok(match self.elbo {
            Some(_) => batch.target.dim(0)?,
            None => batch.target.elem_count(),
        })
    }

    /// The losses of a batch from its sums.
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

    /// The weight of the KL divergence at a step, counted from 0.
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

    /// Selects the name for an ELBO, for a plain loss, or for a loss with a penalty on the codes.
    fn choose<T>(&self, elbo: T, plain: T, penalized: T) -> T {
        match (self.elbo, self.code_penalty) {
            (Some(_), _) => elbo,
            (None, None) => plain,
            (None, Some(_)) => penalized,
        }
    }
}

impl Recipe {
    /// The unit of the loss, printed after it.
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
    /// The negative log-likelihood in nats is `factor * distance + constant`, for a distance summed over `values`
    /// values. For a Bernoulli likelihood it is the cross-entropy itself; a normal distribution adds its constant.
    pub(crate) fn likelihood(&self, kind: Reconstruction, values: usize) -> (f64, f64) {
        match kind {
            Reconstruction::Bce => (1.0, 0.0),
            // Recipes with another distance are refused.
            _ => {
                let variance = self.sigma * self.sigma;
                let constant = 0.5 * (std::f64::consts::TAU * variance).ln() * values as f64;
                (0.5 / variance, constant)
            }
        }
    }
}
