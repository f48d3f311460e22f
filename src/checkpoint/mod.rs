//! Checkpoints: one safetensors file with weights, recipe, progress and the state needed to resume.

mod builtin;
mod digest;
mod file;
mod model;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

pub use builtin::BuiltIn;

use crate::objective::Losses;
use crate::recipe::Recipe;
pub use crate::run_files::{BEST, LAST, PREVIOUS};
use crate::{Error, Result};

/// The newest format that this version writes and reads.
pub const FORMAT: u32 = 1;

/// The progress of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Complete epochs.
    pub epoch: usize,
    /// Optimiser steps in total.
    pub step: u64,
    /// Completed steps of the current epoch.
    pub position: usize,
    /// Training loss of that epoch so far: the sum, and its divisor, in values or images.
    pub loss_sum: f64,
    /// The divisor of `loss_sum`.
    pub loss_values: usize,
    /// The KL divergence's part of the sum, unweighted, for a variational network.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub kl_sum: f64,
    /// The best epoch so far, by validation loss.
    pub best: Option<Best>,
}

impl Progress {
    /// The training loss of the current epoch.
    pub fn losses(&self) -> Losses {
        Losses {
            sum: self.loss_sum,
            kl_sum: self.kl_sum,
            count: self.loss_values,
        }
    }

    /// Stores the training loss of the current epoch.
    pub fn set_losses(&mut self, losses: Losses) {
        self.loss_sum = losses.sum;
        self.kl_sum = losses.kl_sum;
        self.loss_values = losses.count;
    }
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// The epoch with the lowest validation loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Its number, counted from 1.
    pub epoch: usize,
    /// Its validation loss, in the objective's unit.
    pub loss: f64,
}

/// The contents of a checkpoint file.
///
/// ```
/// use autoencode::checkpoint::{BuiltIn, Checkpoint};
/// use candle_core::Device;
///
/// let mut checkpoint = BuiltIn::ConvDenoiser.checkpoint()?;
/// assert_eq!(checkpoint.weights["encoder.0.weight"].dims(), [32, 1, 3, 3]);
///
/// # let temporary = tempfile::tempdir().unwrap();
/// # let path = temporary.path().join("denoiser.safetensors");
/// # /*
/// let path = std::path::PathBuf::from("denoiser.safetensors");
/// # */
/// checkpoint.recipe.description = "My denoiser".to_string();
/// checkpoint.write(&path)?;
/// let read = Checkpoint::read(&path)?;
/// assert_eq!(read.recipe, checkpoint.recipe);
/// let network = read.inference(&path, &Device::Cpu)?;
/// # Ok::<(), autoencode::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Resolved: everything that determines the run, except the data.
    pub recipe: Recipe,
    /// A sentence that describes the training data.
    pub data: String,
    /// How far the run was.
    pub progress: Progress,
    /// Named like `encoder.0.weight`.
    pub weights: BTreeMap<String, Tensor>,
    /// The optimiser's state by name; empty in a checkpoint without training state.
    pub optimizer: BTreeMap<String, Tensor>,
    /// The density of the codes by name, as `codes::Mixture` stores it; empty if none was fitted.
    pub sampling: BTreeMap<String, Tensor>,
}

/// The checkpoint file for a path: the file itself, or of a run folder its best checkpoint, else its
/// last, else the one before.
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
            let expected = format!("a run folder with {BEST} or {LAST}");
            Error::file(path, expected, "neither")
        })
}
