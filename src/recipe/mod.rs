//! Recipes: everything that determines a trained model besides the data, as plain data read from
//! TOML.

mod builtin;
mod corruption;
mod custom_corruption;
mod data;
mod family;
mod fraction;
mod limits;
mod lists;
mod network;
mod objective;
mod optimizer;
mod place;
mod points;
mod restoration;
mod sampling;
mod setting;
mod training;
mod vae;
mod wording;

use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use builtin::{Builtin, builtin};
pub use corruption::{Corruption, CustomNoise, Draw, Noise, Strength, Target};
pub use custom_corruption::CustomCorruption;
pub use data::{
    Binarization, Class, DataConfig, ImageKind, ImageSize, NamedSet, Resize, ValidationSet,
};
pub use fraction::parse as fraction;
use limits::check;
pub use lists::LayersConfig;
pub use network::{ConvConfig, DenseConfig, NetworkConfig};
pub use objective::{CodePenalty, Elbo, Objective, Reconstruction};
pub use optimizer::{Adadelta, Adam, AdamW, Optimizer, RmsProp, Sgd};
pub use points::Points;
pub use restoration::{ResidualConfig, UnetConfig};
pub use sampling::Sampling;
pub use training::{Precision, Schedule, Training, Unit};
pub use vae::{Body, VaeConfig};

use crate::activation::Activation;
use crate::open::{read_text, text_of};
use crate::run_files::RECIPE;
use crate::{Error, Result};

/// The settings of one training run. The same recipe on the same data gives the same weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Names the run folder.
    pub name: String,
    /// A sentence for people.
    #[serde(default)]
    pub description: String,
    /// The seed of everything random: initial weights, order of the samples, noise.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// The images, and how pictures become images.
    #[serde(default, skip_serializing_if = "is_default")]
    pub data: DataConfig,
    /// The layers.
    pub network: NetworkConfig,
    /// The noise of the inputs.
    #[serde(default)]
    pub corruption: Corruption,
    /// What training minimises.
    pub objective: Objective,
    /// How it does.
    pub optimizer: Optimizer,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Length, batches and precision.
    pub training: Training,
    /// The density of the codes, if one is fitted.
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
const WHAT: &str = "a recipe in TOML";
/// The length limit of a name in UTF-8: with a number behind it, it is the name of a folder.
const MAX_NAME: usize = 200;
/// The length limit of an error message about a recipe, in characters.
const MAX_MESSAGE: usize = 500;

impl Recipe {
    /// A recipe with defaults: seed 1; no noise; as the objective an ELBO for a variational network, binary cross-entropy
    /// for another that ends in a sigmoid, else the mean squared error; Adam at a rate of 1e-3, 10 epochs of batches of
    /// 128. Fields can be set freely; the trainer checks them.
    ///
    /// ```
    /// use autoencode::recipe::{Adam, Corruption, DenseConfig, Noise, Recipe, Training};
    ///
    /// let recipe = Recipe {
    ///     corruption: Corruption::Gaussian(Noise::of(0.3)),
    ///     optimizer: Adam::new(4e-3).into(),
    ///     training: Training { patience: Some(3), ..Training::new(20, 64) },
    ///     ..Recipe::new("denoise-32", DenseConfig::new([128, 32]))
    /// };
    /// assert!(recipe.validate().is_ok());
    /// // The same as in a file:
    /// assert!(recipe.to_toml()?.contains("encoder = [128, 32]"));
    /// # Ok::<(), autoencode::Error>(())
    /// ```
    pub fn new(name: &str, network: impl Into<NetworkConfig>) -> Self {
        let network = network.into();
        Self {
            name: name.to_string(),
            description: String::new(),
            seed: default_seed(),
            data: DataConfig::default(),
            corruption: Corruption::default(),
            objective: Objective {
                elbo: network.is_variational().then(Elbo::default),
                ..Objective::of(match network.output_activation() {
                    Activation::Sigmoid => Reconstruction::Bce,
                    _ => Reconstruction::Mse,
                })
            },
            network,
            optimizer: Adam::new(1e-3).into(),
            schedule: Schedule::default(),
            training: Training::new(10, 128),
            sampling: None,
        }
    }

    /// Loads the recipe with that name, in that TOML file or of that run folder, and applies the `key=value`
    /// settings.
    ///
    /// # Errors
    /// If there is no such recipe, it is not valid TOML, or it has unknown keys or values out of
    /// range.
    pub fn load(name_or_path: &str, settings: &[String]) -> Result<Self> {
        if let Some(shipped) = builtin().iter().find(|r| r.name == name_or_path) {
            return Self::parse(shipped.text, Path::new(shipped.name), settings);
        }
        let path = Path::new(name_or_path);
        if path.is_dir() {
            let file = path.join(RECIPE);
            if !file.exists() {
                let expected = format!("a run folder, with {RECIPE}, or a recipe in TOML");
                return Err(Error::file(path, expected, "a folder without it"));
            }
            return Self::read(&file, settings);
        }
        if !path.is_file() {
            let names: Vec<&str> = builtin().iter().map(|r| r.name).collect();
            let names = names.join(", ");
            let expected = format!("a TOML file, a run folder or one of {names}");
            let found = format!("`{name_or_path}`");
            return Err(Error::argument("recipe", expected, found));
        }
        Self::read(path, settings)
    }

    /// Reads a recipe from a file, and applies the `key=value` settings.
    ///
    /// # Errors
    /// As for [`Recipe::load`].
    pub fn read(path: &Path, settings: &[String]) -> Result<Self> {
        let text = read_text(path, MAX_BYTES, WHAT)?;
        Self::parse(&text, path, settings)
    }

    /// Reads a recipe in TOML from any input; `origin` names it in errors.
    ///
    /// # Errors
    /// As for [`Recipe::load`].
    pub fn read_from(input: impl Read, origin: &Path, settings: &[String]) -> Result<Self> {
        let text = text_of(input, origin, MAX_BYTES, WHAT)?;
        Self::parse(&text, origin, settings)
    }

    /// Reads a recipe from TOML text; `origin` names it in errors.
    ///
    /// # Errors
    /// As for [`Recipe::load`].
    pub fn parse(text: &str, origin: &Path, settings: &[String]) -> Result<Self> {
        let mut table: toml::Table = text
            .parse()
            .map_err(|error| Error::file(origin, WHAT, wording::located(&error, text)))?;
        for setting in settings {
            setting::put(&mut table, setting)?;
        }
        let recipe = from_table::<Self>(&table);
        let valid = recipe.and_then(|recipe| recipe.validate().map(|()| recipe));
        valid.map_err(|error| match &error {
            Error::Recipe { key, .. } if settings.iter().any(|setting| is_set_by(setting, key)) => {
                error
            }
            _ => error.inside(origin),
        })
    }

    /// The recipe as TOML; [`Recipe::parse`] reads it back to an equal one.
    ///
    /// # Errors
    /// If it has a custom function that is not registered, or the seed is too large for TOML; [`Recipe::validate`]
    /// refuses such a seed.
    pub fn to_toml(&self) -> Result<String> {
        let expected = "values that TOML can hold, and registered functions";
        toml::to_string(self).map_err(|e| Error::argument("recipe", expected, e))
    }

    /// Checks every value and the relations between values.
    ///
    /// # Errors
    /// Names the first invalid key.
    pub fn validate(&self) -> Result<()> {
        check(
            (1..=MAX_NAME).contains(&self.name.len())
                && !self.name.starts_with('.')
                && self.name.chars().all(is_in_names),
            "name",
            format!(
                "letters and digits of any script, `-`, `_` or `.`, not starting with a dot, at most {MAX_NAME} bytes"
            ),
            format!("{:?}", self.name),
        )?;
        let expected = format!("0 to {}, the largest in TOML", i64::MAX);
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

/// Reads a recipe, or what holds one, from a table. An error names the first wrong key.
pub(crate) fn from_table<T: DeserializeOwned>(table: &toml::Table) -> Result<T> {
    place::read(table).map_err(|wrong| wording::worded(&wrong, table))
}

/// Whether a character may be in a name. Outside of ASCII, words of many scripts have marks that are no letters;
/// characters that turn the direction of writing could disguise a name.
fn is_in_names(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "-_.".contains(c),
        false => !(c.is_control() || c.is_whitespace() || turns),
    }
}

/// Whether a key was set by a setting, or is in a table that was, or has a key that was.
fn is_set_by(setting: &str, key: &str) -> bool {
    let set = setting::key(setting);
    let is_in = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    is_in(key, set) || is_in(set, key)
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
