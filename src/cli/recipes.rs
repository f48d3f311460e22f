//! `autoencode recipes`.

use anyhow::Result;
use autoencode::recipe::{Recipe, builtin};
use clap::Args;

use super::output::{print, print_json};
use super::recipe;
use super::shared::Shared;
use super::wording::SET;

/// List the recipes that ship with the program, or print one.
#[derive(Debug, Args)]
pub struct Recipes {
    /// Print this recipe with all its keys, as TOML to start your own from: a name, a TOML file, a run folder, or
    /// `-` for standard input.
    #[arg(value_name = "RECIPE")]
    name: Option<String>,

    #[arg(long = "set", value_name = "KEY=VALUE", help = SET, requires = "name")]
    settings: Vec<String>,
}

impl Recipes {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        if let Some(name) = &self.name {
            let recipe = recipe::load(name, &self.settings, shared)?;
            return match shared.json {
                true => print_json(&recipe),
                false => print(recipe.to_toml()?.trim_end()),
            };
        }
        let recipes = builtin()
            .iter()
            .map(|shipped| Ok((shipped, Recipe::load(shipped.name, &[])?)))
            .collect::<autoencode::Result<Vec<_>>>()?;
        if shared.json {
            let recipes: Vec<&Recipe> = recipes.iter().map(|(_, recipe)| recipe).collect();
            return print_json(&recipes);
        }
        let names = recipes.iter().map(|(_, recipe)| recipe.name.len());
        let width = names.max().unwrap_or(0);
        for tutorial in [false, true] {
            if tutorial {
                print("\nfrom tutorials, with their settings:")?;
            }
            for (_, recipe) in recipes.iter().filter(|(one, _)| one.tutorial == tutorial) {
                print(&format!("{:<width$}  {}", recipe.name, recipe.description))?;
            }
        }
        Ok(())
    }
}
