//! What training minimises, as sums over a batch with their counts.

use candle_core::{DType, Tensor};

use crate::recipe::{Objective, Reconstruction};
use crate::{Result, model::Autoencoder, ops};

/// The losses of one batch. Sums, so that batches of different sizes add up to the right mean.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Losses {
    /// Sum of the reconstruction loss over all values: nats for BCE, squared units for MSE.
    pub reconstruction_sum: f64,
    /// Number of values (samples times values a sample) in that sum.
    pub values: usize,
}

impl Losses {
    /// The loss a value, which is what training minimises.
    pub fn mean(&self) -> f64 {
        self.reconstruction_sum / self.values.max(1) as f64
    }

    /// Adds another batch.
    pub fn add(&mut self, other: &Losses) {
        self.reconstruction_sum += other.reconstruction_sum;
        self.values += other.values;
    }
}

impl Objective {
    /// The sum of the loss over a batch, as a scalar that can be differentiated.
    ///
    /// `input` and `target` are `(N, C, H, W)`.
    ///
    /// # Errors
    /// If the samples are not shaped as the network, or for BCE if it does not end in a sigmoid.
    pub fn sum(&self, model: &Autoencoder, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        match self.reconstruction {
            Reconstruction::Bce => ops::bce_with_logits_sum(&model.logits(input)?, target),
            Reconstruction::Mse => Ok((model.reconstruct(input)? - target)?.sqr()?.sum_all()?),
        }
    }

    /// [`Objective::sum`] as a number.
    ///
    /// # Errors
    /// As [`Objective::sum`].
    pub fn losses(&self, model: &Autoencoder, input: &Tensor, target: &Tensor) -> Result<Losses> {
        let sum = self.sum(model, input, target)?;
        Ok(Losses {
            reconstruction_sum: scalar(&sum)?,
            values: target.elem_count(),
        })
    }

    /// Its name in metrics files, unit included.
    pub fn metric(&self) -> &'static str {
        match self.reconstruction {
            Reconstruction::Bce => "bce_per_pixel",
            Reconstruction::Mse => "mse_per_pixel",
        }
    }

    /// Its name on pictures and in tables.
    pub fn label(&self) -> &'static str {
        match self.reconstruction {
            Reconstruction::Bce => "BCE",
            Reconstruction::Mse => "MSE",
        }
    }
}

/// A scalar tensor of any float type as a number.
pub(crate) fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.to_dtype(DType::F64)?.to_scalar::<f64>()?)
}
