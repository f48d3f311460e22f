//! Checkpoints: one safetensors file with weights, recipe, progress and what resuming needs.

mod digest;
mod file;
mod model;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::objective::Losses;
use crate::recipe::Recipe;
use crate::{Error, Result};

/// The newest format that this version writes and reads.
pub const FORMAT: u32 = 1;

/// How far a run has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Complete epochs.
    pub epoch: usize,
    /// Optimiser steps in all.
    pub step: u64,
    /// Steps done in the epoch that is under way.
    pub position: usize,
    /// Training loss of that epoch so far: its sum and what that is divided by, values or images.
    pub loss_sum: f64,
    pub loss_values: usize,
    /// Of a variational network, the KL divergence's part of it, without its weight.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub kl_sum: f64,
    /// The best epoch so far by validation loss.
    pub best: Option<Best>,
}

impl Progress {
    /// The training loss of the epoch under way.
    pub fn losses(&self) -> Losses {
        Losses {
            sum: self.loss_sum,
            kl_sum: self.kl_sum,
            count: self.loss_values,
        }
    }

    /// Keeps the training loss of the epoch under way.
    pub fn set_losses(&mut self, losses: Losses) {
        self.loss_sum = losses.sum;
        self.kl_sum = losses.kl_sum;
        self.loss_values = losses.count;
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// The epoch with the lowest validation loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    pub epoch: usize,
    /// Its validation loss, in the objective's unit.
    pub loss: f64,
}

/// What a checkpoint file holds.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Resolved: all that determines the run besides the data.
    pub recipe: Recipe,
    /// A sentence on the data that the network was trained on.
    pub data: String,
    pub progress: Progress,
    /// By name, as `encoder.0.weight`.
    pub weights: BTreeMap<String, Tensor>,
    /// The optimiser's state by name; empty in a checkpoint that is for use only.
    pub optimizer: BTreeMap<String, Tensor>,
    /// The density of its codes by name, as `codes::Mixture` gives it; empty where none was fitted.
    pub sampling: BTreeMap<String, Tensor>,
}

/// The names of the checkpoints in a run folder: for use, to resume from, and the one before that.
pub const BEST: &str = "best.safetensors";
pub const LAST: &str = "last.safetensors";
pub const PREVIOUS: &str = "previous.safetensors";

/// The file of a checkpoint given as a file or as a run folder: its best one, else its last, else the one
/// before.
///
/// # Errors
/// If there is none.
pub fn locate(path: &Path) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_path_buf());
    }
    [BEST, LAST, PREVIOUS]
        .iter()
        .map(|name| path.join(name))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            Error::file(
                path,
                format!("a run folder with {BEST} or {LAST}"),
                "neither",
            )
        })
}
