//! What a recipe says of the learning rate over the run and of its length.

use serde::{Deserialize, Serialize};

use super::is_default;
use super::limits::{count, positive, steps, within};
use crate::{Error, Result};

/// The learning rate over the run, as a factor of the optimiser's. It rises linearly over the first
/// `warmup_steps` steps, which are 0 if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The same from the warm-up to the end.
    Constant {
        #[serde(default, skip_serializing_if = "is_default")]
        warmup_steps: u64,
    },
    /// Multiplied by `gamma` after every `every` epochs or steps, counted from the start of the run.
    Step {
        every: u64,
        #[serde(default)]
        unit: Unit,
        gamma: f64,
        #[serde(default, skip_serializing_if = "is_default")]
        warmup_steps: u64,
    },
    /// After the warm-up, falls along half a cosine to `final_fraction` at the last step of the run
    /// (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts).
    Cosine {
        #[serde(default)]
        warmup_steps: u64,
        #[serde(default)]
        final_fraction: f64,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Constant { warmup_steps: 0 }
    }
}

/// What a schedule counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    #[default]
    Epochs,
    Steps,
}

/// How long, and in what portions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the training set.
    pub epochs: usize,
    /// Samples a step; the last step of an epoch takes what is left.
    pub batch_size: usize,
    /// The run ends early after this many epochs in a row without a lower validation loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Validates, saves and draws after every so many epochs, and after the last: 1 unless said, more
    /// for runs of thousands of short epochs.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub report_every: usize,
    /// The type of the numbers that the network computes with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub precision: Precision,
}

fn one() -> usize {
    1
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_one(value: &usize) -> bool {
    *value == 1
}

/// A type of floating-point numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 32 bits, but products on the tensor cores of a CUDA card, which read 19 of them and add in 32. On other
    /// devices all is f32.
    Tf32,
    /// The same with products of 16 bits, and sums, weights and all else in 32.
    Bf16,
    /// 64 bits: for losses that fall below 1e-10, at half the speed.
    F64,
}

impl Precision {
    /// Whether products are of fewer bits than the numbers, on a device that can.
    pub fn has_short_products(self) -> bool {
        matches!(self, Self::Tf32 | Self::Bf16)
    }

    /// candle's name of it.
    pub fn dtype(self) -> candle_core::DType {
        match self {
            Self::F32 | Self::Tf32 | Self::Bf16 => candle_core::DType::F32,
            Self::F64 => candle_core::DType::F64,
        }
    }
}

impl Schedule {
    pub(super) fn validate(&self) -> Result<()> {
        let (Self::Constant { warmup_steps }
        | Self::Step { warmup_steps, .. }
        | Self::Cosine { warmup_steps, .. }) = *self;
        steps("schedule.warmup_steps", warmup_steps)?;
        match *self {
            Self::Constant { .. } => Ok(()),
            Self::Step { every, gamma, .. } => {
                if every == 0 {
                    return Err(Error::recipe("schedule.every", "1 or more", every));
                }
                steps("schedule.every", every)?;
                positive("schedule.gamma", gamma, 1.0)
            }
            Self::Cosine { final_fraction, .. } => {
                within("schedule.final_fraction", final_fraction, 0.0..=1.0)
            }
        }
    }
}

impl Training {
    pub(super) fn validate(&self) -> Result<()> {
        for (key, value, most) in [
            ("training.epochs", self.epochs, 1_000_000),
            ("training.batch_size", self.batch_size, 1 << 20),
            ("training.patience", self.patience.unwrap_or(1), 1_000_000),
            ("training.report_every", self.report_every, 1_000_000),
        ] {
            count(key, value, 1..=most)?;
        }
        Ok(())
    }
}
