//! Recipes: everything that determines a trained model besides the data, as plain data read from
//! TOML.

mod builtin;
mod corruption;
mod data;
mod family;
mod limits;
mod lists;
mod network;
mod objective;
mod optimizer;
mod place;
mod points;
mod sampling;
mod setting;
mod training;
mod vae;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use builtin::{Builtin, builtin};
pub use corruption::{Corruption, Draw, Noise, Strength, Target};
pub use data::{Binarization, DataConfig, ImageSize, NamedSet, Resize, ValidationSet};
use limits::check;
pub use lists::LayersConfig;
pub use network::{ConvConfig, DenseConfig, NetworkConfig};
pub use objective::{CodePenalty, Elbo, Objective, Reconstruction};
pub use optimizer::{Adadelta, Adam, AdamW, Optimizer, RmsProp, Sgd};
pub use points::Points;
pub use sampling::Sampling;
pub use training::{Precision, Schedule, Training, Unit};
pub use vae::{Body, VaeConfig};

use crate::activation::Activation;
use crate::open::read_text;
use crate::{Error, Result};

/// The settings of one training run. The same recipe on the same data gives the same weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Names the run folder.
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// The seed of everything random: initial weights, order of the samples, noise.
    #[serde(default = "default_seed")]
    pub seed: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub data: DataConfig,
    pub network: NetworkConfig,
    #[serde(default)]
    pub corruption: Corruption,
    pub objective: Objective,
    pub optimizer: Optimizer,
    #[serde(default)]
    pub schedule: Schedule,
    pub training: Training,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
}

/// A default, written as `number::<3>`.
fn number<const N: usize>() -> usize {
    N
}

fn default_seed() -> u64 {
    1
}

/// Whether a value is the default, so that it need not be written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The size limit of a recipe; real ones are a few hundred bytes.
const MAX_BYTES: u64 = 1 << 20;
/// The length limit of an error message about a recipe, in characters.
const MAX_MESSAGE: usize = 500;

impl Recipe {
    /// Loads the recipe with that name, or in that file, and applies the `key=value` settings.
    ///
    /// # Errors
    /// If there is no such recipe, it is not valid TOML, or it has unknown keys or values out of
    /// range.
    pub fn load(name_or_path: &str, settings: &[String]) -> Result<Self> {
        if let Some(shipped) = builtin().iter().find(|r| r.name == name_or_path) {
            return Self::parse(shipped.text, Path::new(shipped.name), settings);
        }
        let path = Path::new(name_or_path);
        if !path.is_file() {
            let names: Vec<&str> = builtin().iter().map(|r| r.name).collect();
            let expected = format!("a TOML file or one of {}", names.join(", "));
            let found = format!("`{name_or_path}`");
            return Err(Error::argument("recipe", expected, found));
        }
        let text = read_text(path, MAX_BYTES, "a recipe in TOML")?;
        Self::parse(&text, path, settings)
    }

    /// Reads a recipe from TOML text; `origin` names it in errors.
    ///
    /// # Errors
    /// As for [`Recipe::load`].
    pub fn parse(text: &str, origin: &Path, settings: &[String]) -> Result<Self> {
        let mut table: toml::Table = text
            .parse()
            .map_err(|error| Error::file(origin, "a recipe in TOML", located(&error, text)))?;
        for setting in settings {
            setting::put(&mut table, setting)?;
        }
        let recipe = place::read(&table).map_err(|place::Wrong { key, message }| {
            let found = format!("at key `{key}`: {message}");
            Error::file(origin, "a valid recipe", found)
        })?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// The recipe as TOML; [`Recipe::parse`] reads it back to an equal one.
    ///
    /// # Errors
    /// If the seed is too large for TOML; [`Recipe::validate`] refuses such a seed.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::recipe("seed", "a value TOML can hold", e))
    }

    /// Checks every value and the relations between values.
    ///
    /// # Errors
    /// Names the first invalid key.
    pub fn validate(&self) -> Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        check(
            (1..=100).contains(&self.name.len())
                && !self.name.starts_with('.')
                && self.name.chars().all(plain),
            "name",
            "1 to 100 letters, digits, `-`, `_` or `.`, not starting with a dot",
            format!("{:?}", self.name),
        )?;
        let expected = format!("0 to {}", i64::MAX);
        let holds = i64::try_from(self.seed).is_ok();
        check(holds, "seed", expected, self.seed)?;
        self.data.validate()?;
        self.network.validate()?;
        self.corruption.validate()?;
        self.objective.validate()?;
        let variational = self.network.is_variational();
        let (expected, found) = match variational {
            true => (
                "a table, as the network is variational (even an empty one)",
                "none",
            ),
            false => ("none, as the network is not variational", "a table"),
        };
        let holds = variational == self.objective.elbo.is_some();
        check(holds, "objective.elbo", expected, found)?;
        self.optimizer.validate()?;
        self.schedule.validate()?;
        self.training.validate()?;
        if let Some(sampling) = self.sampling {
            sampling.validate(&self.network, &self.data)?;
        }
        if self.objective.reconstruction != Reconstruction::Bce {
            return Ok(());
        }
        check(
            matches!(
                self.data.points,
                None | Some(Points::OneHot { leading: None, .. })
            ),
            "objective.reconstruction",
            "mse or mae, as the points are not from 0 to 1",
            "bce",
        )?;
        let output = self.network.output_activation();
        check(
            *output == Activation::Sigmoid,
            "network.output_activation",
            "sigmoid, as objective.reconstruction is bce (or set that to mse or mae)",
            output,
        )
    }
}

/// The parser's message, without the excerpt of the file.
fn located(error: &toml::de::Error, text: &str) -> String {
    let message = one_line(error.message());
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return message;
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{message} in line {line}, column {column}")
}

/// A message on one line, cut to a limit, so that a hostile file cannot make it long.
fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
