//! What a recipe says of noise, objective, optimiser, learning rate and length of training.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is done to an input before the network sees it; the target stays clean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Corruption {
    /// The input is the target.
    #[default]
    None,
    /// Adds `factor` times standard normal noise, then clips to [0,1].
    Gaussian {
        factor: f64,
        #[serde(default)]
        draw: Draw,
    },
}

/// When the noise of a training sample is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Draw {
    /// Fresh noise for every sample in every epoch.
    #[default]
    EveryEpoch,
    /// One draw a sample, the same in every epoch.
    Once,
}

/// What training minimises.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    pub reconstruction: Reconstruction,
    /// Of a variational autoencoder: minimises the negative evidence lower bound instead, with the
    /// reconstruction as the likelihood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elbo: Option<Elbo>,
}

/// The parts of the evidence lower bound that can be chosen. With reconstruction `bce` the likelihood
/// is Bernoulli's, with `mse` a normal distribution of standard deviation `sigma`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elbo {
    /// Weight of the KL divergence (Higgins et al., "beta-VAE", ICLR 2017, equation 4).
    #[serde(default = "one")]
    pub beta: f64,
    /// Steps over which that weight rises linearly from 0 (Bowman et al., CoNLL 2016, section 3.1).
    #[serde(default)]
    pub warmup_steps: u64,
    /// Standard deviation of a normal likelihood, in units of a pixel's value.
    #[serde(default = "one")]
    pub sigma: f64,
}

fn one() -> f64 {
    1.0
}

/// The distance between output and target, a mean over all values of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reconstruction {
    /// Binary cross-entropy in nats a pixel; needs a final sigmoid, whose logits it reads.
    Bce,
    /// Mean squared error.
    Mse,
}

/// How gradients move the weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// Adam (Kingma and Ba, ICLR 2015, algorithm 1).
    Adam {
        /// The rate that the schedule scales.
        lr: f64,
        #[serde(default = "beta1")]
        beta1: f64,
        #[serde(default = "beta2")]
        beta2: f64,
        /// Added to the root of the second moment.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Gradients with a larger norm over all weights together are scaled down to it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip_norm: Option<f64>,
    },
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn epsilon() -> f64 {
    1e-7
}

/// The learning rate over the run, as a factor of the optimiser's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    #[default]
    Constant,
    /// Rises linearly over the first `warmup_steps` steps, then falls along half a cosine to
    /// `final_fraction` at the last step of the run (Loshchilov and Hutter, "SGDR", ICLR 2017,
    /// equation 5, without restarts).
    Cosine {
        #[serde(default)]
        warmup_steps: u64,
        #[serde(default)]
        final_fraction: f64,
    },
}

/// How long, and in what portions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the training set.
    pub epochs: usize,
    /// Samples a step; the last step of an epoch takes what is left.
    pub batch_size: usize,
}

impl Corruption {
    pub(super) fn validate(&self) -> Result<()> {
        match *self {
            Self::None => Ok(()),
            Self::Gaussian { factor, .. } => check(
                "corruption.factor",
                factor,
                "from 0 to 100",
                (0.0..=100.0).contains(&factor),
            ),
        }
    }
}

impl Objective {
    pub(super) fn validate(&self) -> Result<()> {
        let Some(elbo) = self.elbo else {
            return Ok(());
        };
        let Elbo { beta, sigma, .. } = elbo;
        let range = "from 0 to 1000";
        check(
            "objective.elbo.beta",
            beta,
            range,
            (0.0..=1000.0).contains(&beta),
        )?;
        let range = "from 0.001 to 1000";
        check(
            "objective.elbo.sigma",
            sigma,
            range,
            (0.001..=1000.0).contains(&sigma),
        )
    }
}

impl Optimizer {
    pub(super) fn validate(&self) -> Result<()> {
        let Self::Adam {
            lr,
            beta1,
            beta2,
            epsilon,
            clip_norm,
        } = *self;
        check(
            "optimizer.lr",
            lr,
            "above 0, at most 100",
            lr > 0.0 && lr <= 100.0,
        )?;
        for (key, beta) in [("optimizer.beta1", beta1), ("optimizer.beta2", beta2)] {
            check(key, beta, "from 0 to below 1", (0.0..1.0).contains(&beta))?;
        }
        check(
            "optimizer.epsilon",
            epsilon,
            "above 0, at most 1",
            epsilon > 0.0 && epsilon <= 1.0,
        )?;
        match clip_norm {
            Some(norm) => check(
                "optimizer.clip_norm",
                norm,
                "a finite number above 0",
                norm > 0.0 && norm.is_finite(),
            ),
            None => Ok(()),
        }
    }
}

impl Schedule {
    pub(super) fn validate(&self) -> Result<()> {
        match *self {
            Self::Constant => Ok(()),
            Self::Cosine { final_fraction, .. } => check(
                "schedule.final_fraction",
                final_fraction,
                "from 0 to 1",
                (0.0..=1.0).contains(&final_fraction),
            ),
        }
    }
}

impl Training {
    pub(super) fn validate(&self) -> Result<()> {
        for (key, value, most) in [
            ("training.epochs", self.epochs, 1_000_000),
            ("training.batch_size", self.batch_size, 1 << 20),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::recipe(key, format!("1 to {most}"), value));
            }
        }
        Ok(())
    }
}

fn check(key: &str, value: f64, expected: &str, holds: bool) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::recipe(key, expected, value))
    }
}
