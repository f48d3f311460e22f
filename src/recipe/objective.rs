//! The objective section of a recipe.

use serde::{Deserialize, Serialize};

use super::limits::{check, steps, within};
use crate::Result;
pub use crate::loss::Reconstruction;

/// The training objective.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// The distance between output and target.
    pub reconstruction: Reconstruction,
    /// A penalty added to the reconstruction loss; not for a variational autoencoder, whose code the KL
    /// divergence keeps small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_penalty: Option<CodePenalty>,
    /// For a variational autoencoder: minimises the negative evidence lower bound instead, with the
    /// reconstruction as the likelihood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elbo: Option<Elbo>,
}

/// A penalty on the values c of a sample's code: `l1 sum |c| + l2 sum c^2`. Its mean over the samples
/// is added to the reconstruction loss, which is a mean over all values, as with an activity
/// regulariser in Keras.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CodePenalty {
    /// Weight of the sum of the absolute values.
    pub l1: f64,
    /// Weight of the sum of the squares.
    pub l2: f64,
}

/// The configurable parts of the evidence lower bound. With reconstruction `bce` the likelihood is a
/// Bernoulli distribution, with `mse` a normal distribution of standard deviation `sigma`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elbo {
    /// Weight of the KL divergence (Higgins et al., "beta-VAE", ICLR 2017, equation 4).
    #[serde(default = "one")]
    pub beta: f64,
    /// Steps over which that weight rises linearly from 0 (Bowman et al., CoNLL 2016, section 3.1).
    #[serde(default)]
    pub warmup_steps: u64,
    /// Standard deviation of a normal likelihood, in units of pixel values.
    #[serde(default = "one")]
    pub sigma: f64,
}

impl Default for Elbo {
    /// Unweighted.
    fn default() -> Self {
        Self {
            beta: one(),
            warmup_steps: 0,
            sigma: one(),
        }
    }
}

fn one() -> f64 {
    1.0
}

impl Objective {
    /// Only a reconstruction loss.
    pub fn of(reconstruction: Reconstruction) -> Self {
        Self {
            reconstruction,
            code_penalty: None,
            elbo: None,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        if let Some(penalty) = self.code_penalty {
            for (key, weight) in [("l1", penalty.l1), ("l2", penalty.l2)] {
                let key = format!("objective.code_penalty.{key}");
                within(&key, weight, 0.0..=1000.0)?;
            }
        }
        let Some(elbo) = self.elbo else {
            return Ok(());
        };
        check(
            self.code_penalty.is_none(),
            "objective.code_penalty",
            "none, as the objective is an ELBO",
            "a table",
        )?;
        check(
            matches!(
                self.reconstruction,
                Reconstruction::Bce | Reconstruction::Mse
            ),
            "objective.reconstruction",
            "bce or mse, whose likelihood an ELBO needs",
            self.reconstruction.name(),
        )?;
        steps("objective.elbo.warmup_steps", elbo.warmup_steps)?;
        within("objective.elbo.beta", elbo.beta, 0.0..=1000.0)?;
        within("objective.elbo.sigma", elbo.sigma, 0.001..=1000.0)
    }
}
