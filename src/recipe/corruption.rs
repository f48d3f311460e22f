//! What a recipe says of corruption: what is done to an input before the network sees it.

use serde::{Deserialize, Serialize};

use super::is_default;
use crate::{Error, Result};

/// What is done to an input before the network sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Corruption {
    /// Nothing: the input is the target.
    #[default]
    None,
    /// Adds `factor` times standard normal noise; images are then clipped to `[0,1]`.
    Gaussian(Noise),
    /// Sets the share `factor` of the values to 0 or 1, each as likely.
    SaltAndPepper(Noise),
    /// Sets the share `factor` of the values to 0 (Vincent et al., "Extracting and composing robust
    /// features with denoising autoencoders", ICML 2008, section 2.3).
    Masking(Noise),
}

/// How strong a corruption is, when it is drawn, and what the network should make of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    pub factor: Strength,
    #[serde(default)]
    pub draw: Draw,
    #[serde(default, skip_serializing_if = "is_default")]
    pub target: Target,
    /// Adds the corrupted samples to the clean ones instead of taking their place: an epoch sees every
    /// sample twice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub added: bool,
}

/// One strength, or a range from which each sample draws its own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number or [lowest, highest]")]
pub enum Strength {
    Fixed(f64),
    Range([f64; 2]),
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

/// What the network should give for a corrupted sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The sample without its corruption: the network learns to denoise. It is validated and tested
    /// on corrupted samples.
    #[default]
    Clean,
    /// The corrupted sample itself: corruption varies the training set, and nothing else. The network
    /// is validated and tested on clean samples.
    Corrupted,
}

impl Noise {
    /// Of that strength, fresh in every epoch, with clean targets.
    pub fn of(factor: f64) -> Self {
        Self {
            factor: Strength::Fixed(factor),
            draw: Draw::default(),
            target: Target::default(),
            added: false,
        }
    }
}

impl Strength {
    /// The lowest and the highest.
    pub fn bounds(self) -> [f64; 2] {
        match self {
            Self::Fixed(factor) => [factor; 2],
            Self::Range(bounds) => bounds,
        }
    }
}

impl std::fmt::Display for Strength {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(factor) => write!(f, "{factor}"),
            Self::Range([low, high]) => write!(f, "{low} to {high}"),
        }
    }
}

impl Corruption {
    /// Its settings, if it does anything.
    pub fn noise(&self) -> Option<&Noise> {
        match self {
            Self::None => None,
            Self::Gaussian(noise) | Self::SaltAndPepper(noise) | Self::Masking(noise) => {
                Some(noise)
            }
        }
    }

    /// What validation and test do to their inputs: nothing if the network is not to denoise.
    pub fn evaluated(self) -> Self {
        match self.noise() {
            Some(noise) if noise.target == Target::Clean => self,
            _ => Self::None,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let Some(noise) = self.noise() else {
            return Ok(());
        };
        let most = match self {
            Self::Gaussian(_) => 100.0,
            _ => 1.0,
        };
        let [low, high] = noise.factor.bounds();
        // The comparisons are false for NaN.
        if !(0.0 <= low && low <= high && high <= most) {
            return Err(Error::recipe(
                "corruption.factor",
                format!("a number from 0 to {most}, or the lowest and highest of a range of them"),
                noise.factor,
            ));
        }
        Ok(())
    }
}

impl std::fmt::Display for Corruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(noise) = self.noise() else {
            return write!(f, "no noise");
        };
        match self {
            Self::Gaussian(_) => write!(f, "Gaussian noise, factor {}", noise.factor)?,
            Self::SaltAndPepper(_) => write!(f, "salt-and-pepper noise, share {}", noise.factor)?,
            _ => write!(f, "masking noise, share {}", noise.factor)?,
        }
        match (noise.added, noise.target) {
            (true, Target::Clean) => write!(f, ", added to the clean"),
            (true, Target::Corrupted) => write!(f, ", added to the clean as targets of their own"),
            (false, Target::Corrupted) => write!(f, ", in the targets too"),
            (false, Target::Clean) => Ok(()),
        }
    }
}
