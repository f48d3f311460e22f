//! The recipe of a run that goes on: the keys that may change, and the recipe file that a person edited.

use std::collections::BTreeMap;
use std::path::Path;

use super::trainer::Trainer;
use crate::checkpoint::LAST;
use crate::error::listed;
use crate::recipe::Recipe;
use crate::{Error, Result};

/// The keys that may change during a run: its length, and how often it reports.
const FREE: [&str; 3] = [
    "training.epochs",
    "training.patience",
    "training.report_every",
];

/// The most differing keys that an error lists.
const LISTED: usize = 5;

impl Trainer {
    /// Sets recipe keys that may change during a run: `training.epochs`, `training.patience` and
    /// `training.report_every`. A schedule that ends with the run, such as the cosine, then follows the new
    /// length: its rate jumps to the value for this step.
    ///
    /// # Errors
    /// If another key is changed, a value is out of range, or more epochs are already done.
    pub fn change(&mut self, settings: &[String]) -> Result<()> {
        let text = self.recipe.to_toml()?;
        let recipe = Recipe::parse(&text, Path::new(&self.recipe.name), settings)?;
        self.change_to(recipe)
    }

    /// Like [`Trainer::change`], by a whole recipe.
    ///
    /// # Errors
    /// As [`Trainer::change`].
    pub fn change_to(&mut self, recipe: Recipe) -> Result<()> {
        if let Some(others) = kept_keys_changed(&self.recipe, &recipe)? {
            let [free @ .., last] = FREE;
            let expected = format!(
                "{} or {last}, as a run that goes on keeps the rest of its recipe",
                free.join(", ")
            );
            return Err(Error::argument("--set", expected, others));
        }
        let begun = self.progress.epoch + usize::from(self.progress.position > 0);
        if recipe.training.epochs < begun {
            return Err(Error::recipe(
                "training.epochs",
                format!("at least {begun}, which the run has begun or done"),
                recipe.training.epochs,
            ));
        }
        if recipe != self.recipe {
            self.recipe = recipe;
            self.is_saved = false;
        }
        Ok(())
    }
}

/// The recipe in the file of a run to resume from a checkpoint with the recipe `known`: `None` if there is no
/// file, or it says the same.
///
/// # Errors
/// If the file is no recipe, or another one in keys that a run keeps: what a person wrote there is neither
/// ignored nor overwritten.
pub(super) fn edited(file: &Path, known: &Recipe) -> Result<Option<Recipe>> {
    if !file.exists() {
        return Ok(None);
    }
    let refused = |found: String| {
        let [free @ .., last] = FREE;
        Error::file(
            file,
            format!(
                "the recipe of {LAST}, with other values at most for {} and {last}",
                free.join(", ")
            ),
            format!(
                "{found} (to go on without the changes, move the file away; to train with them, start a new run \
                 from the file)"
            ),
        )
    };
    let recipe = Recipe::read(file, &[]).map_err(|error| match error {
        Error::File { found, .. } => refused(found),
        Error::Inside { error, .. } => refused(error.to_string()),
        other => other,
    })?;
    match kept_keys_changed(known, &recipe)? {
        Some(keys) => Err(refused(keys)),
        None => Ok(Some(recipe).filter(|recipe| recipe != known)),
    }
}

/// The keys, with both values, in which a recipe differs from that of its run though it may not.
fn kept_keys_changed(run: &Recipe, changed: &Recipe) -> Result<Option<String>> {
    let (before, after) = (keys(run)?, keys(changed)?);
    let all = before
        .keys()
        .chain(after.keys().filter(|key| !before.contains_key(*key)));
    let kept = all.filter(|key| !FREE.contains(&key.as_str()));
    let value = |value: Option<&toml::Value>| {
        value.map_or("no value".to_string(), |value| value.to_string())
    };
    let differences: Vec<String> = kept
        .map(|key| (key, before.get(key), after.get(key)))
        .filter(|(_, before, after)| before != after)
        .map(|(key, before, after)| {
            format!("{key} = {} instead of {}", value(after), value(before))
        })
        .collect();
    Ok((!differences.is_empty()).then(|| listed(differences, LISTED, ", ")))
}

/// Every value of a recipe by its dotted key.
fn keys(recipe: &Recipe) -> Result<BTreeMap<String, toml::Value>> {
    let mut keys = BTreeMap::new();
    let table: toml::Table = recipe
        .to_toml()?
        .parse()
        .map_err(|error| Error::argument("recipe", "a recipe in TOML", error))?;
    let mut open = vec![(String::new(), table)];
    while let Some((prefix, table)) = open.pop() {
        for (key, value) in table {
            match value {
                toml::Value::Table(inner) => open.push((format!("{prefix}{key}."), inner)),
                value => {
                    keys.insert(format!("{prefix}{key}"), value);
                }
            }
        }
    }
    Ok(keys)
}
