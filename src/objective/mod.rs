//! What training minimises, as sums over a batch with their counts.

mod losses;

use candle_core::{DType, Tensor};

pub use losses::Losses;

use crate::data::Batch;
use crate::model::Autoencoder;
use crate::recipe::{Elbo, Objective, Reconstruction};
use crate::{Error, Result, ops};

/// The sums of a batch as scalars that can be differentiated.
#[derive(Debug)]
pub struct Sums {
    /// Of the reconstruction loss: over all values, in nats for BCE and a likelihood, else in squared
    /// units.
    pub reconstruction: Tensor,
    /// Of the KL divergence in nats, with its weight; of a variational network only.
    pub kl: Option<(Tensor, f64)>,
}

impl Objective {
    /// The sums of the losses over a batch.
    ///
    /// # Errors
    /// If the samples are not shaped as the network; for BCE if it does not end in a sigmoid; for an
    /// ELBO if it is not variational or the batch brings no noise for its codes.
    pub fn sums(&self, model: &Autoencoder, batch: &Batch) -> Result<Sums> {
        let Some(elbo) = self.elbo else {
            let codes = model.encode(&batch.input)?;
            return Ok(Sums {
                reconstruction: self.distance(model, &codes, &batch.target)?,
                kl: None,
            });
        };
        let posterior = model.posterior(&batch.input)?;
        let noise = batch.latent_noise.as_ref().ok_or_else(|| {
            Error::argument(
                "batch",
                "noise for the codes of a variational network",
                "none",
            )
        })?;
        let codes = posterior.sample(noise)?;
        let distance = self.distance(model, &codes, &batch.target)?;
        let values = batch.target.elem_count();
        Ok(Sums {
            reconstruction: elbo.negative_log_likelihood(self.reconstruction, &distance, values)?,
            kl: Some((posterior.kl()?.sum_all()?, batch.kl_weight)),
        })
    }

    fn distance(&self, model: &Autoencoder, codes: &Tensor, target: &Tensor) -> Result<Tensor> {
        match self.reconstruction {
            Reconstruction::Bce => ops::bce_with_logits_sum(&model.decode_logits(codes)?, target),
            Reconstruction::Mse => Ok((model.decode(codes)? - target)?.sqr()?.sum_all()?),
        }
    }

    /// The sums as numbers.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn losses(&self, sums: &Sums, batch: &Batch) -> Result<Losses> {
        let (kl_sum, weight) = match &sums.kl {
            Some((kl, weight)) => (scalar(kl)?, *weight),
            None => (0.0, 0.0),
        };
        Ok(Losses {
            sum: scalar(&sums.reconstruction)? + weight * kl_sum,
            kl_sum,
            count: match self.elbo {
                Some(_) => batch.target.dim(0)?,
                None => batch.target.elem_count(),
            },
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
        match (self.elbo, self.reconstruction) {
            (Some(_), _) => "neg_elbo_nats_per_image",
            (None, Reconstruction::Bce) => "bce_per_pixel",
            (None, Reconstruction::Mse) => "mse_per_pixel",
        }
    }

    /// Its name on pictures and in tables.
    pub fn label(&self) -> &'static str {
        match (self.elbo, self.reconstruction) {
            (Some(_), _) => "-ELBO",
            (None, Reconstruction::Bce) => "BCE",
            (None, Reconstruction::Mse) => "MSE",
        }
    }

    /// Behind a figure, what it is counted by.
    pub fn unit(&self) -> &'static str {
        match self.elbo {
            Some(_) => "nats an image",
            None => "a pixel",
        }
    }
}

impl Elbo {
    /// In nats, from the sum of a distance over `values` values: a Bernoulli likelihood's is the
    /// cross-entropy itself, a normal distribution's has its constant added.
    fn negative_log_likelihood(
        &self,
        kind: Reconstruction,
        distance: &Tensor,
        values: usize,
    ) -> Result<Tensor> {
        match kind {
            Reconstruction::Bce => Ok(distance.clone()),
            Reconstruction::Mse => {
                let variance = self.sigma * self.sigma;
                let constant = 0.5 * (std::f64::consts::TAU * variance).ln() * values as f64;
                Ok(distance.affine(0.5 / variance, constant)?)
            }
        }
    }
}

/// A scalar tensor of any float type as a number.
pub(crate) fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.to_dtype(DType::F64)?.to_scalar::<f64>()?)
}
