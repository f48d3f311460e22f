//! What a recipe says of noise, objective, learning rate and length of training.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    pub reconstruction: Reconstruction,
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

pub(super) fn check(key: &str, value: f64, expected: &str, holds: bool) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::recipe(key, expected, value))
    }
}
