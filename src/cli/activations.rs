//! `autoencode activations`.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::network::{ActivationCurve, curves, draw_curves};
use clap::Args;
use serde_json::json;

use super::files::claim;
use super::output::{print, print_json};
use super::plot::{drawing, write};
use super::shared::Shared;

/// Draw every activation and its derivative from -3 to 3, and list how recipes write them.
///
/// Those with `as printed` in their names are forms found in print that hold for x >= 0 only: they are
/// drawn there, and no recipe can name them.
#[derive(Debug, Args)]
pub struct Activations {
    /// The picture to write, an SVG or a PNG by its ending.
    #[arg(long, short, value_name = "FILE", default_value = "activations.png", value_parser = drawing)]
    output: PathBuf,

    /// Overwrite the file if it exists.
    #[arg(long)]
    force: bool,
}

impl Activations {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        claim([&self.output], [""; 0], self.force)?;
        let curves = curves()?;
        let chart = draw_curves(&curves)?;
        write(&chart, &self.output)?;
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
        print(&table(&curves))?;
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
fn table(curves: &[ActivationCurve]) -> String {
    let head = ["activation", "range", "function", "in a recipe"].map(String::from);
    let mut rows = vec![head];
    rows.extend(curves.iter().map(|curve| {
        let recipe = match &curve.activation {
            Some(activation) => activation.to_toml(),
            None => "-".to_string(),
        };
        let (range, formula) = (curve.range.clone(), curve.formula.clone());
        [curve.name.clone(), range, formula, recipe]
    }));
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_string()
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    lines.join("\n")
}
