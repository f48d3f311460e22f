//! The corruption section of a recipe: how inputs are changed before the network sees them.

use serde::{Deserialize, Serialize};

use super::custom_corruption::CustomCorruption;
use super::limits::check;
use super::{fraction, is_default};
use crate::Result;

/// How an input is changed before the network sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Corruption {
    /// Nothing: the input is the target.
    #[default]
    None,
    /// Adds `factor` times standard normal noise; images are then clipped to `[0,1]`, unless `clip` is false.
    Gaussian(Noise),
    /// Sets a share `factor` of the values to 0 or 1 with equal probability.
    SaltAndPepper(Noise),
    /// Sets a share `factor` of the values to 0 (Vincent et al., "Extracting and composing robust
    /// features with denoising autoencoders", ICML 2008, section 2.3).
    Masking(Noise),
    /// A function of the program's own.
    Custom(CustomNoise),
}

/// A custom corruption with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomNoise {
    /// The function, which recipes name once it is registered.
    pub name: CustomCorruption,
    /// Strength, draw and target, as of the other kinds.
    pub noise: Noise,
}

/// The strength of a corruption, when it is drawn, and the target of the network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// How strong it is.
    pub factor: Strength,
    /// When it is drawn.
    #[serde(default)]
    pub draw: Draw,
    /// What the network should return.
    #[serde(default, skip_serializing_if = "is_default")]
    pub target: Target,
    /// Adds the corrupted samples to the clean ones instead of replacing them: an epoch sees every
    /// sample twice.
    #[serde(default, skip_serializing_if = "is_default")]
    pub added: bool,
    /// Whether images with Gaussian noise are clipped to `[0,1]`, as files are. Published figures for photographs are of
    /// noise that is not.
    #[serde(default = "clipped", skip_serializing_if = "is_clipped")]
    pub clip: bool,
}

fn clipped() -> bool {
    true
}

fn is_clipped(clip: &bool) -> bool {
    *clip
}

/// One strength, or a range from which each sample draws its own.
///
/// In a recipe a strength may be text, as a fraction: `"25/255"` is 25 of the 255 levels of a picture's values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a number, a fraction as \"25/255\", or [lowest, highest]"
)]
pub enum Strength {
    /// The same for all samples.
    Fixed(#[serde(deserialize_with = "fraction::one")] f64),
    /// Uniform between these two.
    Range(#[serde(deserialize_with = "fraction::two")] [f64; 2]),
}

/// When the noise of a training sample is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Draw {
    /// Fresh noise for every sample in every epoch.
    #[default]
    EveryEpoch,
    /// One draw per sample, the same in every epoch.
    Once,
}

/// The target for a corrupted sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The clean sample: the network learns to denoise. It is validated and tested on corrupted
    /// samples.
    #[default]
    Clean,
    /// The corrupted sample itself: corruption only augments the training set. The network is
    /// validated and tested on clean samples.
    Corrupted,
}

impl Noise {
    /// Noise of this strength, fresh in every epoch, with clean targets.
    pub fn of(factor: f64) -> Self {
        Self {
            factor: Strength::Fixed(factor),
            draw: Draw::default(),
            target: Target::default(),
            added: false,
            clip: true,
        }
    }
}

impl Strength {
    /// The lowest and highest strength.
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
            Self::Fixed(factor) => f.write_str(&fraction::shown(*factor)),
            Self::Range([low, high]) => {
                write!(f, "{} to {}", fraction::shown(*low), fraction::shown(*high))
            }
        }
    }
}

impl Corruption {
    /// The settings of the noise, if any.
    pub fn noise(&self) -> Option<&Noise> {
        match self {
            Self::None => None,
            Self::Gaussian(noise) | Self::SaltAndPepper(noise) | Self::Masking(noise) => {
                Some(noise)
            }
            Self::Custom(custom) => Some(&custom.noise),
        }
    }

    /// The corruption of validation and test inputs: none unless the network learns to denoise.
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
            Self::Gaussian(_) | Self::Custom(_) => 100.0,
            _ => 1.0,
        };
        let expected = "true, as only Gaussian noise leaves 0 to 1";
        let holds = noise.clip || matches!(self, Self::Gaussian(_));
        check(holds, "corruption.clip", expected, noise.clip)?;
        let [low, high] = noise.factor.bounds();
        // The comparisons are false for NaN.
        check(
            0.0 <= low && low <= high && high <= most,
            "corruption.factor",
            format!("a number from 0 to {most}, or the lowest and highest of a range of them"),
            noise.factor,
        )
    }
}

impl std::fmt::Display for Corruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, noise) = match self {
            Self::None => return f.write_str("no noise"),
            Self::Gaussian(noise) => ("Gaussian noise, factor", noise),
            Self::SaltAndPepper(noise) => ("salt-and-pepper noise, share", noise),
            Self::Masking(noise) => ("masking noise, share", noise),
            Self::Custom(custom) => {
                write!(f, "{}, ", custom.name.name())?;
                ("strength", &custom.noise)
            }
        };
        write!(f, "{kind} {}", noise.factor)?;
        f.write_str(match (noise.added, noise.target) {
            (true, Target::Clean) => ", added to the clean",
            (true, Target::Corrupted) => ", added to the clean as targets of their own",
            (false, Target::Corrupted) => ", in the targets too",
            (false, Target::Clean) => "",
        })?;
        f.write_str(if noise.clip { "" } else { ", not clipped" })
    }
}
