//! A recipe as the command line names it.

use std::path::Path;

use autoencode::Result;
use autoencode::data::Source;
use autoencode::recipe::{DataConfig, Recipe, builtin};
use autoencode::train::data_of_run;

use super::shared::Shared;

/// The name of standard input, and what errors call it.
const STDIN: &str = "-";
const STDIN_TITLE: &str = "standard input";

/// Loads the recipe of that name, file or run folder, or from standard input. Notes if a name that means a recipe of
/// this program is also that of a file or folder.
pub fn load(what: &str, settings: &[String], shared: &Shared) -> Result<Recipe> {
    if what == STDIN {
        return Recipe::read_from(std::io::stdin().lock(), Path::new(STDIN_TITLE), settings);
    }
    if builtin().iter().any(|recipe| recipe.name == what) && Path::new(what).exists() {
        shared.note(format_args!(
            "{what} is the recipe that ships with the program; the path is ./{what}"
        ));
    }
    Recipe::load(what, settings)
}

/// The data to train a recipe on if no other is given: for one in a run folder, where that run had its data.
pub fn data(what: &str, config: &DataConfig) -> Source {
    let path = Path::new(what);
    let kept = match path.is_dir() {
        // A recipe that ships is meant, whatever has its name.
        _ if builtin().iter().any(|recipe| recipe.name == what) => None,
        true => data_of_run(&path.join("recipe.toml")),
        false if path.is_file() => data_of_run(path),
        false => None,
    };
    match kept.map(Source::named) {
        Some(kept @ Source::Path(_)) if config.points.is_none() => kept,
        _ => Source::from(config),
    }
}
