//! A corruption of the program's own.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

use crate::Result;
use crate::random::Stream;
use crate::registry::{register, registered};

/// A named corruption: a function that changes the values of one sample, given the strength that the recipe sets and
/// random numbers of the sample's own. The same numbers give the same noise, so that a resumed run is the run that it
/// would have been: the function must draw no others. Values of images are then kept from 0 to 1. Batches are made on
/// the host.
///
/// It stays in memory until the program ends, so that recipes can be copied freely.
///
/// ```
/// use autoencode::recipe::{Corruption, CustomCorruption, CustomNoise, Noise};
/// use autoencode::corruption::NoiseKey;
/// use autoencode::random::Purpose;
///
/// // A sensor of 8 columns, some of which are dead.
/// let dead = CustomCorruption::new("dead-columns", |values, strength, random| {
///     let dead: Vec<bool> = (0..8).map(|_| random.uniform() < strength).collect();
///     for (value, column) in values.iter_mut().zip((0..8).cycle()) {
///         if dead[column] {
///             *value = 0.0;
///         }
///     }
/// });
/// let corruption = Corruption::Custom(CustomNoise { name: dead, noise: Noise::of(1.0) });
/// let key = NoiseKey { seed: 1, purpose: Purpose::Corruption, epoch: 1 };
/// let mut values = [0.5f32; 64];
/// corruption.apply(key, 0, &mut values);
/// assert_eq!(values, [0.0; 64]);
/// ```
#[derive(Clone, Copy)]
pub struct CustomCorruption(&'static Function);

struct Function {
    name: String,
    apply: Box<Apply>,
}

type Apply = dyn Fn(&mut [f64], f64, &mut Stream) + Send + Sync;

impl CustomCorruption {
    /// A corruption with the name that messages show. The arguments of `apply` are the values of a sample, row by row of
    /// each channel, the strength, and the random numbers.
    pub fn new(
        name: &str,
        apply: impl Fn(&mut [f64], f64, &mut Stream) + Send + Sync + 'static,
    ) -> Self {
        Self(Box::leak(Box::new(Function {
            name: name.to_string(),
            apply: Box::new(apply),
        })))
    }

    /// Lets recipes, checkpoints and run folders that this process reads or writes name it. A process that reads them
    /// later must register it too.
    ///
    /// # Errors
    /// If the name is not a word, or something else has it.
    pub fn register(self) -> Result<Self> {
        register(self.name(), &self, false)?;
        Ok(self)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        &self.0.name
    }

    /// Changes the values of a sample.
    pub(crate) fn apply(self, values: &mut [f64], strength: f64, random: &mut Stream) {
        (self.0.apply)(values, strength, random);
    }
}

impl fmt::Debug for CustomCorruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomCorruption({})", self.name())
    }
}

/// Copies of one function are equal; two functions of the same name are not.
impl PartialEq for CustomCorruption {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

/// Recipes write the name.
impl Serialize for CustomCorruption {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = self.name();
        if registered(name) == Some(*self) {
            return serializer.serialize_str(name);
        }
        Err(S::Error::custom(format_args!(
            "the corruption {name}, which is not registered (see CustomCorruption::register)"
        )))
    }
}

impl<'de> Deserialize<'de> for CustomCorruption {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        registered(&name).ok_or_else(|| {
            let expected = "expected a corruption that the program has registered";
            D::Error::custom(format_args!("`{name}`, {expected}"))
        })
    }
}
