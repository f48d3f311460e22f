//! How samples are prepared for a network, and the keys of what is drawn for it.

use crate::corruption::NoiseKey;
use crate::random::Purpose;
use crate::recipe::{Binarization, Corruption, Draw, Precision, Recipe};

/// How samples are prepared before a network sees them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Preparation {
    /// Applied first, to images only; the targets are binarized too.
    pub binarization: Binarization,
    /// Applied second, to the inputs.
    pub corruption: Corruption,
    /// The type of the tensors.
    pub precision: Precision,
    /// How patches are drawn from pictures that are larger; when absent, each picture gives the one in its middle.
    pub patch_draw: Option<PatchDraw>,
}

/// How patches are drawn from pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchDraw {
    /// Patches of a picture in an epoch.
    pub per_picture: usize,
    /// Whether they are mirrored and turned by quarters at random.
    pub turned: bool,
}

impl Preparation {
    /// The preparation that a recipe trains with.
    pub fn of(recipe: &Recipe) -> Self {
        Self {
            binarization: recipe.data.binarization,
            corruption: recipe.corruption,
            precision: recipe.training.precision,
            patch_draw: recipe.data.patch.map(|_| PatchDraw {
                per_picture: recipe.data.patches,
                turned: recipe.data.augment,
            }),
        }
    }

    /// Whether every epoch sees the same random values.
    pub fn is_drawn_once(&self) -> bool {
        let noise = self.corruption.noise();
        noise.is_none_or(|noise| noise.draw == Draw::Once)
            && self.binarization != Binarization::EveryEpoch
            && self.patch_draw.is_none()
    }

    /// The number of samples that an epoch visits in a set of `count`.
    pub fn samples(&self, count: usize) -> usize {
        let clean = self.clean_samples(count);
        match self.corruption.noise() {
            Some(noise) if noise.added => clean.saturating_mul(2),
            _ => clean,
        }
    }

    /// The same, without corrupted samples that are added. Sample `n` is of picture `n % count`.
    pub fn clean_samples(&self, count: usize) -> usize {
        match self.patch_draw {
            Some(draw) => count.saturating_mul(draw.per_picture),
            None => count,
        }
    }
}

/// The keys of all random values in a preparation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// The key of the binarization.
    pub binarization: NoiseKey,
    /// The key of the noise.
    pub corruption: NoiseKey,
    /// The key of the places of patches.
    pub patch: NoiseKey,
}

impl Keys {
    /// The keys of a training epoch, counted from 1: new ones for each epoch, or the first epoch's for
    /// values that are drawn once.
    pub fn training(preparation: &Preparation, seed: u64, epoch: u64) -> Self {
        let binarized_once = preparation.binarization != Binarization::EveryEpoch;
        Self {
            binarization: NoiseKey {
                seed,
                purpose: Purpose::Binarization,
                epoch: if binarized_once { 1 } else { epoch },
            },
            corruption: preparation.corruption.training_key(seed, epoch),
            patch: NoiseKey {
                seed,
                purpose: Purpose::Patch,
                epoch,
            },
        }
    }
}
