//! Noise as a pure function of seed, purpose, epoch and sample, so that every engine and a resumed run
//! see the same noise.

use crate::random::{Purpose, Stream};
use crate::recipe::{Binarization, Corruption, Draw, Strength};
use crate::simd::vectorized;

/// Identifies a draw of noise: the same key gives the same noise for the same sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoiseKey {
    /// The seed of the run, or of the measurement.
    pub seed: u64,
    /// What the noise is for.
    pub purpose: Purpose,
    /// The epoch, counted from 1, or what the purpose puts there.
    pub epoch: u64,
}

impl NoiseKey {
    /// The random numbers of one sample.
    pub fn stream(self, sample: u64) -> Stream {
        Stream::new(self.seed, self.purpose, self.epoch, sample)
    }
}

/// A value that can be corrupted: one of an image (f32), or one of a point (f64).
pub trait Value: Copy + Send + Sync {
    /// Black.
    const ZERO: Self;
    /// White.
    const ONE: Self;

    /// The value plus noise; if it is an image's and `clip` is set, the nearest to that from 0 to 1.
    fn plus(self, noise: f32, clip: bool) -> Self;

    /// For the functions of custom corruptions.
    fn wide(self) -> f64;

    /// The value that such a function gave.
    fn narrowed(value: f64) -> Self;
}

impl Value for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn plus(self, noise: f32, clip: bool) -> Self {
        let sum = self + noise;
        if clip { sum.clamp(0.0, 1.0) } else { sum }
    }

    fn wide(self) -> f64 {
        self.into()
    }

    fn narrowed(value: f64) -> Self {
        (value as f32).clamp(0.0, 1.0)
    }
}

impl Value for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    fn plus(self, noise: f32, _: bool) -> Self {
        self + Self::from(noise)
    }

    fn wide(self) -> f64 {
        self
    }

    fn narrowed(value: f64) -> Self {
        value
    }
}

impl Corruption {
    /// The key of a training epoch (from 1): a new one for each epoch, or the first epoch's for all.
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
        vectorized(
            #[inline(always)]
            || match self {
                Self::None => {}
                Self::Gaussian(_) => {
                    let mut draws = [0f32; DRAWS];
                    for values in values.chunks_mut(DRAWS) {
                        let draws = draws.get_mut(..values.len()).unwrap_or_default();
                        stream.fill_normal(draws);
                        for (value, &mut draw) in values.iter_mut().zip(draws) {
                            *value = value.plus(factor as f32 * draw, noise.clip);
                        }
                    }
                }
                Self::SaltAndPepper(_) => each_with_uniform(&mut stream, values, |value, draw| {
                    if draw < 0.5 * factor {
                        T::ZERO
                    } else if draw < factor {
                        T::ONE
                    } else {
                        value
                    }
                }),
                Self::Masking(_) => each_with_uniform(&mut stream, values, |value, draw| {
                    if draw < factor { T::ZERO } else { value }
                }),
                Self::Custom(custom) => {
                    let mut changed: Vec<f64> = values.iter().map(|value| value.wide()).collect();
                    custom.name.apply(&mut changed, factor, &mut stream);
                    for (value, changed) in values.iter_mut().zip(changed) {
                        *value = T::narrowed(changed);
                    }
                }
            },
        );
    }

    /// Whether inputs are uncorrupted samples.
    pub fn is_none(&self) -> bool {
        self.noise().is_none()
    }
}

/// Sets the values of one image to 0 or 1.
pub fn binarize(how: Binarization, key: NoiseKey, sample: u64, values: &mut [f32]) {
    let one_where = |holds: bool| if holds { 1.0 } else { 0.0 };
    match how {
        Binarization::None => {}
        Binarization::Threshold => {
            for value in values {
                *value = one_where(*value >= 0.5);
            }
        }
        Binarization::Once | Binarization::EveryEpoch => {
            let mut stream = key.stream(sample);
            vectorized(
                #[inline(always)]
                || {
                    each_with_uniform(&mut stream, values, |value, draw| {
                        one_where(draw < f64::from(value))
                    });
                },
            );
        }
    }
}

/// Random numbers drawn at a time. Even, since normal ones are drawn in pairs.
const DRAWS: usize = 256;

/// Replaces each value by a function of it and the next uniform number.
#[inline(always)]
fn each_with_uniform<T: Copy>(
    stream: &mut Stream,
    values: &mut [T],
    replaced: impl Fn(T, f64) -> T,
) {
    let mut draws = [0f64; DRAWS];
    for values in values.chunks_mut(DRAWS) {
        let draws = draws.get_mut(..values.len()).unwrap_or_default();
        stream.fill_uniform(draws);
        for (value, &mut draw) in values.iter_mut().zip(draws) {
            *value = replaced(*value, draw);
        }
    }
}
