//! `autoencode plot codes`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use autoencode::Error;
use autoencode::data::{Images, grouped};
use autoencode::evaluate::{Pca, codes};
use autoencode::picture::{Panel, ScatterOptions, Series, scatter};
use clap::Args;
use serde_json::json;

use super::{drawing, write};
use crate::cli::data::Data;
use crate::cli::files::claim;
use crate::cli::model::{Loaded, Model};
use crate::cli::shared::Shared;

/// Draw the codes of the test images, coloured by label.
///
/// Codes of two values are drawn directly; for a variational autoencoder they are the means. Larger codes are
/// projected onto their first two principal components, and the axes show the share of variance that each
/// explains. Codes of one value get a row per label, spread within the row to keep them apart.
#[derive(Debug, Args)]
pub struct Codes {
    #[command(flatten)]
    model: Model,

    #[command(flatten)]
    data: Data,

    /// The picture to write; its extension, .svg or .png, sets the format.
    #[arg(long, short, value_name = "FILE", default_value = "codes.png", value_parser = drawing)]
    output: PathBuf,

    /// Overwrite the file if it exists.
    #[arg(long)]
    force: bool,
}

/// The largest number of values in all codes together: a gigabyte.
const MOST_VALUES: usize = 1 << 28;

/// Codes as points, with the labels of the axes.
struct PlacedCodes {
    points: Vec<(f64, f64)>,
    x_label: String,
    y_label: String,
    explained: Option<[f64; 2]>,
}

impl Codes {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let loaded = self.model.load(shared)?;
        let read = self.data.files().into_iter().chain([loaded.origin.clone()]);
        claim([&self.output], read, self.force)?;
        let recipe = &loaded.checkpoint.recipe;
        let dataset = self.data.load(&recipe.data, shared)?;
        let images = &dataset.test;
        let labels = images.labels();
        let size = loaded.code_len();
        let codes = encode(&loaded, images)?;
        shared.note_network(&loaded.network);
        let plane = plane(&codes, size, labels)?;

        let mut classes: BTreeMap<u8, Vec<(f64, f64)>> = BTreeMap::new();
        for (label, point) in labels.iter().zip(&plane.points) {
            classes.entry(*label).or_default().push(*point);
        }
        let labelled = classes.len() > 1;
        let series: Vec<Series> = classes
            .into_iter()
            .map(|(label, points)| {
                let name = labelled.then(|| label.to_string());
                Series::new(name.unwrap_or_default(), points)
            })
            .collect();
        let labels_drawn = series.len();
        let options = ScatterOptions {
            equal_scale: size > 1,
            names_at_medians: labelled,
        };
        let title = format!(
            "{}: codes of the {} test images",
            recipe.name,
            grouped(labels.len())
        );
        let panel = Panel {
            x_label: plane.x_label,
            y_label: plane.y_label,
            series,
            ..Panel::default()
        };
        let chart = scatter(&title, &[panel], options)?;
        write(&chart, &self.output)?;
        let json = json!({
            "checkpoint": loaded.origin.to_string_lossy(),
            "recipe": recipe.name,
            "data": dataset.origin.to_string(),
            "images": labels.len(),
            "labels": labels_drawn,
            "code_values": size,
            "explained_variance": plane.explained,
            "output": self.output,
        });
        shared.report(&json, || {
            let how = match plane.explained {
                Some([first, second]) => format!(
                    ", two principal components with {:.1}% of the variance",
                    100.0 * (first + second)
                ),
                None => String::new(),
            };
            format!(
                "codes of {size} {} of {} images{how} -> {}",
                if size == 1 { "value" } else { "values" },
                grouped(labels.len()),
                self.output.display()
            )
        })
    }
}

/// The codes of all images, concatenated.
fn encode(loaded: &Loaded, images: &Images) -> Result<Vec<f32>> {
    let size = loaded.code_len();
    let values = size.saturating_mul(images.len());
    if images.is_empty() || values > MOST_VALUES {
        let expected = format!("1 to {} of them", MOST_VALUES / size.max(1));
        let what = format!("test images with codes of {size} values");
        return Err(Error::argument(what, expected, images.len()).into());
    }
    let codes = codes(&loaded.network, images, &loaded.device, &mut |_| {})?;
    if let Some(bad) = codes.iter().find(|value| !value.is_finite()) {
        return Err(Error::argument("codes", "finite values", bad).into());
    }
    Ok(codes)
}

/// Two coordinates for each code.
fn plane(codes: &[f32], size: usize, labels: &[u8]) -> Result<PlacedCodes> {
    let values = codes.iter().map(|value| f64::from(*value));
    Ok(match size {
        1 => {
            let spread = |(place, &label): (usize, &u8)| {
                // Multiples of the golden ratio spread evenly for any number of points.
                const GOLDEN: f64 = 0.618_033_988_749_894_9;
                f64::from(label) + 0.7 * ((place as f64 * GOLDEN).fract() - 0.5)
            };
            PlacedCodes {
                points: values.zip(labels.iter().enumerate().map(spread)).collect(),
                x_label: "code".to_string(),
                y_label: "label (spread within its row)".to_string(),
                explained: None,
            }
        }
        2 => PlacedCodes {
            points: pairs(values),
            x_label: "code_0".to_string(),
            y_label: "code_1".to_string(),
            explained: None,
        },
        _ => {
            let pca = Pca::fit(codes, size, 2)?;
            let total = pca.total_variance().max(f64::MIN_POSITIVE);
            let variance = |component: usize| pca.explained_variance().get(component).copied();
            let explained = [0, 1].map(|component| variance(component).unwrap_or(0.0) / total);
            let label = |number: usize, share: f64| format!("PC {number} ({:.0}%)", 100.0 * share);
            let [first, second] = explained;
            PlacedCodes {
                points: pairs(pca.project_rows(codes)?.into_iter()),
                x_label: label(1, first),
                y_label: label(2, second),
                explained: Some(explained),
            }
        }
    })
}

/// Pairs of successive values as points.
fn pairs(mut values: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
    std::iter::from_fn(|| values.next().zip(values.next())).collect()
}
