//! Noise: a pure function of seed, purpose, epoch and sample, so that every engine and a resumed run
//! see the same.

use crate::random::{Purpose, Stream};
use crate::recipe::{Corruption, Draw};

/// Which draw of noise: the same key gives the same noise for the same sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoiseKey {
    pub seed: u64,
    pub purpose: Purpose,
    pub epoch: u64,
}

impl NoiseKey {
    /// The random numbers of one sample.
    pub fn stream(self, sample: u64) -> Stream {
        Stream::new(self.seed, self.purpose, self.epoch, sample)
    }
}

impl Corruption {
    /// The key of a training epoch (from 1): fresh for each, or the first one's for all.
    pub fn training_key(&self, seed: u64, epoch: u64) -> NoiseKey {
        let epoch = match self {
            Self::Gaussian {
                draw: Draw::Once, ..
            } => 1,
            _ => epoch,
        };
        NoiseKey {
            seed,
            purpose: Purpose::Corruption,
            epoch,
        }
    }

    /// Corrupts the values of one sample in place; they stay from 0 to 1.
    pub fn apply(&self, key: NoiseKey, sample: u64, values: &mut [f32]) {
        match *self {
            Self::None => {}
            Self::Gaussian { factor, .. } => {
                let mut noise = vec![0f32; values.len()];
                key.stream(sample).fill_normal(&mut noise);
                for (value, noise) in values.iter_mut().zip(noise) {
                    *value = (*value + factor as f32 * noise).clamp(0.0, 1.0);
                }
            }
        }
    }

    /// Whether inputs differ from targets.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl std::fmt::Display for Corruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => write!(f, "no noise"),
            Self::Gaussian { factor, .. } => write!(f, "Gaussian noise, factor {factor}"),
        }
    }
}
