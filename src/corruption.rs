//! Noise: a pure function of seed, purpose, epoch and sample, so that every engine and a resumed run
//! see the same.

use crate::random::{Purpose, Stream};
use crate::recipe::{Binarization, Corruption, Draw, Strength};

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

/// A value that can be corrupted: of an image (f32), which stays from 0 to 1, or of a point (f64).
pub trait Value: Copy + Send + Sync {
    const ZERO: Self;
    const ONE: Self;

    /// With noise added.
    fn plus(self, noise: f32) -> Self;
}

impl Value for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn plus(self, noise: f32) -> Self {
        (self + noise).clamp(0.0, 1.0)
    }
}

impl Value for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn plus(self, noise: f32) -> Self {
        self + Self::from(noise)
    }
}

impl Corruption {
    /// The key of a training epoch (from 1): fresh for each, or the first one's for all.
    pub fn training_key(&self, seed: u64, epoch: u64) -> NoiseKey {
        let once = self.noise().is_some_and(|noise| noise.draw == Draw::Once);
        NoiseKey {
            seed,
            purpose: Purpose::Corruption,
            epoch: if once { 1 } else { epoch },
        }
    }

    /// Corrupts the values of one sample in place.
    pub fn apply<T: Value>(&self, key: NoiseKey, sample: u64, values: &mut [T]) {
        let Some(noise) = self.noise() else {
            return;
        };
        let mut stream = key.stream(sample);
        let factor = match noise.factor {
            Strength::Fixed(factor) => factor,
            Strength::Range([low, high]) => low + (high - low) * stream.uniform(),
        };
        match self {
            Self::None => {}
            Self::Gaussian(_) => {
                let mut noise = vec![0f32; values.len()];
                stream.fill_normal(&mut noise);
                for (value, noise) in values.iter_mut().zip(noise) {
                    *value = value.plus(factor as f32 * noise);
                }
            }
            Self::SaltAndPepper(_) => {
                for value in values {
                    match stream.uniform() {
                        draw if draw < 0.5 * factor => *value = T::ZERO,
                        draw if draw < factor => *value = T::ONE,
                        _ => {}
                    }
                }
            }
            Self::Masking(_) => {
                for value in values {
                    if stream.uniform() < factor {
                        *value = T::ZERO;
                    }
                }
            }
        }
    }

    /// Whether inputs are samples as they are.
    pub fn is_none(&self) -> bool {
        self.noise().is_none()
    }
}

/// Makes the values of one image 0 or 1.
pub fn binarize(how: Binarization, key: NoiseKey, sample: u64, values: &mut [f32]) {
    match how {
        Binarization::None => {}
        Binarization::Threshold => {
            for value in values {
                *value = if *value >= 0.5 { 1.0 } else { 0.0 };
            }
        }
        Binarization::Once | Binarization::EveryEpoch => {
            let mut stream = key.stream(sample);
            for value in values {
                let one = stream.uniform() < f64::from(*value);
                *value = if one { 1.0 } else { 0.0 };
            }
        }
    }
}
