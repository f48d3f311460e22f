//! `autoencode activations`.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::network::{ActivationCurve, curves, draw_curves};
use clap::Args;
use serde_json::json;

use super::files::claim;
use super::output::{columns, print, print_json};
use super::plot::{drawing, write};
use super::shared::Shared;
use super::wording::FORCE;

/// Draw every activation and its derivative from -3 to 3, and list how recipes write them.
///
/// Forms named `as printed` appear in print and hold for x >= 0 only: they are drawn there, and no
/// recipe can name them.
#[derive(Debug, Args)]
pub struct Activations {
    /// The picture to write; its extension, .svg or .png, sets the format.
    #[arg(long, short, value_name = "FILE", default_value = "activations.png", value_parser = drawing)]
    output: PathBuf,

    #[arg(long, help = FORCE)]
    force: bool,
}

impl Activations {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        claim([&self.output], [""; 0], self.force)?;
        let curves = curves()?;
        let chart = draw_curves(&curves)?;
        write(&chart, &self.output, self.force, shared)?;
        if shared.json {
            let activations: Vec<_> = curves
                .iter()
                .map(|curve| {
                    json!({
                        "name": curve.name,
                        "formula": curve.formula,
                        "range": curve.range,
                        "recipe": curve.activation,
                    })
                })
                .collect();
            return print_json(&json!({ "activations": activations, "output": self.output }));
        }
        print(&columns(&rows(&curves), usize::MAX))?;
        if shared.talks() {
            print(&format!(
                "\n{} activations -> {}",
                curves.len(),
                self.output.display()
            ))?;
        }
        Ok(())
    }
}

/// Name, range, formula and recipe spelling, in columns of text.
fn rows(curves: &[ActivationCurve]) -> Vec<Vec<String>> {
    let head = ["activation", "range", "function", "in a recipe"].map(String::from);
    let rows = curves.iter().map(|curve| {
        let recipe = curve.activation.as_ref().map(|one| one.to_toml());
        let (range, formula) = (curve.range.clone(), curve.formula.clone());
        let recipe = recipe.unwrap_or_else(|| "-".to_string());
        vec![curve.name.clone(), range, formula, recipe]
    });
    std::iter::once(head.to_vec()).chain(rows).collect()
}
