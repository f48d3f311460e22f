//! The training section of a recipe: learning rate schedule and run length.

use serde::{Deserialize, Serialize};

use super::limits::{check, count, positive, steps, within};
use super::{is_default, number};
use crate::Result;

/// The learning rate schedule, as a factor of the optimiser's rate. It rises linearly over the first
/// `warmup_steps` steps (default 0).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// Constant after the warm-up.
    Constant {
        /// Steps over which the rate rises.
        #[serde(default, skip_serializing_if = "is_default")]
        warmup_steps: u64,
    },
    /// Multiplied by `gamma` after every `every` epochs or steps, counted from the start of the run.
    Step {
        /// The interval.
        every: u64,
        /// Its unit.
        #[serde(default)]
        unit: Unit,
        /// The factor.
        gamma: f64,
        /// Steps over which the rate rises.
        #[serde(default, skip_serializing_if = "is_default")]
        warmup_steps: u64,
    },
    /// After the warm-up, falls along half a cosine to `final_fraction` at the last step of the run
    /// (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts).
    Cosine {
        /// Steps over which the rate rises.
        #[serde(default)]
        warmup_steps: u64,
        /// The share of the rate at the end.
        #[serde(default)]
        final_fraction: f64,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Constant { warmup_steps: 0 }
    }
}

/// The unit of a schedule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Passes over the training set.
    #[default]
    Epochs,
    /// Batches.
    Steps,
}

/// Run length, batch size and precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the training set.
    pub epochs: usize,
    /// Samples per step; the last step of an epoch takes the rest.
    pub batch_size: usize,
    /// The run ends early after this many epochs in a row without a lower validation loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Validates, saves and draws after every this many epochs, and after the last (default 1); larger values
    /// suit runs of thousands of short epochs.
    #[serde(default = "number::<1>", skip_serializing_if = "is_one")]
    pub report_every: usize,
    /// The number type that the network computes with.
    #[serde(default, skip_serializing_if = "is_default")]
    pub precision: Precision,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_one(value: &usize) -> bool {
    *value == 1
}

/// A floating-point type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 32 bits, with products on the tensor cores of a CUDA device, which read 19 bits and accumulate in 32.
    /// On other devices everything is f32.
    Tf32,
    /// As `tf32`, but with 16-bit products; sums, weights and everything else have 32 bits.
    Bf16,
    /// 64 bits: for losses that fall below 1e-10, at half the speed.
    F64,
}

impl Precision {
    /// Whether products use fewer bits than the weights, on devices that support it.
    pub fn has_short_products(self) -> bool {
        matches!(self, Self::Tf32 | Self::Bf16)
    }

    /// The type of weights and samples.
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
                check(every > 0, "schedule.every", "1 or more", every)?;
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
    /// This many epochs, measured after each, in f32.
    pub fn new(epochs: usize, batch_size: usize) -> Self {
        Self {
            epochs,
            batch_size,
            patience: None,
            report_every: 1,
            precision: Precision::default(),
        }
    }

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
