//! `autoencode plot codes`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use autoencode::Error;
use autoencode::codes::Labelled;
use autoencode::data::{Images, counted, grouped};
use autoencode::evaluate::codes;
use autoencode::picture::{Panel, ScatterOptions, Series, scatter};
use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use serde_json::{Map, Value, json};

use super::plane::plane;
use super::{drawing, write};
use crate::cli::data::Data;
use crate::cli::encode::code_file;
use crate::cli::files::{claim, file_name};
use crate::cli::model::{Loaded, Model};
use crate::cli::part::PartFlag;
use crate::cli::shared::Shared;
use crate::cli::trained_data::{Found, TrainedData};
use crate::cli::wording::FORCE;

/// Draw codes, coloured by class: those in a file, or those of images of a data set.
///
/// Codes of two values are drawn directly; for a variational autoencoder they are the means. Larger codes are
/// projected onto their first two principal components, and the axes show the share of variance that each
/// explains. Codes of one value get a row per label, spread within the row to keep them apart.
#[derive(Debug, Args)]
pub struct Codes {
    /// A file of codes, .npy, .csv or .safetensors, as `encode` and other programs write them, with classes in a
    /// column `label` or `class`, in CODES-labels.npy or in a tensor `labels` [default: the codes of images
    /// of a data set].
    #[arg(value_name = "CODES", conflicts_with_all = ["checkpoint", "data", "offline", "part"], value_parser = PathBufValueParser::new().try_map(codes_not_run))]
    codes: Option<PathBuf>,

    #[command(flatten)]
    model: Model,

    #[command(flatten)]
    data: Data,

    #[command(flatten)]
    part: PartFlag,

    /// The picture to write; its extension, .svg or .png, sets the format.
    #[arg(long, short, value_name = "FILE", default_value = "codes.png", value_parser = drawing)]
    output: PathBuf,

    #[arg(long, help = FORCE)]
    force: bool,
}

/// The largest number of values in all codes together: a gigabyte.
const MOST_VALUES: usize = 1 << 28;
/// The most classes of a file that are coloured: far more than there are colours.
const MOST_CLASSES: usize = 256;

/// The codes to draw, and what is said of them.
struct Drawn {
    title: String,
    /// For the report.
    of: String,
    json: Map<String, Value>,
    /// Rows of `size` values.
    codes: Vec<f32>,
    size: usize,
    /// The class of each code, and the names of the classes that have one.
    labels: Vec<u32>,
    class_names: BTreeMap<u32, String>,
}

impl Codes {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let drawn = match &self.codes {
            Some(file) => self.of_file(file, shared)?,
            None => self.of_images(shared)?,
        };
        let (size, labels) = (drawn.size, &drawn.labels);
        let plane = plane(&drawn.codes, size, labels).with_context(|| drawn.of.clone())?;

        let mut classes: BTreeMap<u32, Vec<(f64, f64)>> = BTreeMap::new();
        for (label, point) in labels.iter().zip(&plane.points) {
            classes.entry(*label).or_default().push(*point);
        }
        let labelled = classes.len() > 1;
        let series: Vec<Series> = classes
            .into_iter()
            .map(|(label, points)| {
                let named = drawn.class_names.get(&label).cloned();
                let name = labelled.then(|| named.unwrap_or_else(|| label.to_string()));
                Series::new(name.unwrap_or_default(), points)
            })
            .collect();
        let labels_drawn = series.len();
        let options = ScatterOptions {
            equal_scale: size > 1,
            names_at_medians: labelled,
        };
        let panel = Panel {
            x_label: plane.x_label,
            y_label: plane.y_label,
            series,
            ..Panel::default()
        };
        let chart = scatter(&drawn.title, &[panel], options)?;
        write(&chart, &self.output, self.force, shared)?;
        let mut json = drawn.json;
        json.extend(map([
            ("labels", json!(labels_drawn)),
            ("code_values", json!(size)),
            ("explained_variance", json!(plane.explained)),
            ("output", json!(self.output.to_string_lossy())),
        ]));
        let json = Value::Object(json);
        shared.report(&json, || {
            let how = match plane.explained {
                Some([first, second]) => format!(
                    ", two principal components with {:.1}% of the variance",
                    100.0 * (first + second)
                ),
                None => String::new(),
            };
            format!(
                "codes of {} of {}{how} -> {}",
                counted(size, "values"),
                drawn.of,
                self.output.display()
            )
        })
    }

    /// The codes of images by a checkpoint.
    fn of_images(&self, shared: &Shared) -> Result<Drawn> {
        let loaded = self.model.load_for_codes(true, shared)?;
        let data = TrainedData::find(&self.data, &loaded.checkpoint, &loaded.origin, shared)?;
        let read = data.files().into_iter().chain([loaded.origin.clone()]);
        claim([&self.output], read, self.force)?;
        let Found { dataset, relation } = data.load(shared)?;
        let part = self.part.part;
        let images = &part.images(&dataset)?;
        let codes = encode(&loaded, images)?;
        shared.note_network(&loaded.network);
        let (name, which) = (loaded.name(), part.described(images.len(), "images"));
        let (in_title, in_report) = match relation.other() {
            Some(other) => (
                // At the end, which stays when a title is shortened.
                " (other data)",
                format!(" of {}, {other}", dataset.origin),
            ),
            None => ("", String::new()),
        };
        Ok(Drawn {
            title: format!("{name}: codes of the {which}{in_title}"),
            of: format!("{which}{in_report}"),
            json: map([
                ("checkpoint", json!(loaded.origin.to_string_lossy())),
                ("recipe", json!(name)),
                ("data", json!(dataset.origin.to_string())),
                ("same_data", json!(relation.same_data)),
                ("trained_on", json!(relation.trained_on)),
                ("part", json!(part.measured().name())),
                ("images", json!(images.len())),
            ]),
            codes,
            size: loaded.code_len(),
            labels: images.labels().to_vec(),
            class_names: images.class_names().clone(),
        })
    }

    /// The codes of a file.
    fn of_file(&self, file: &PathBuf, shared: &Shared) -> Result<Drawn> {
        claim([&self.output], [file], self.force)?;
        let read = Labelled::read(file, MOST_VALUES)?;
        let count = read.codes.len() / read.size.max(1);
        let classes = read.classes.unwrap_or_default();
        let names: BTreeSet<&String> = classes.iter().collect();
        let (labels, class_names) = match names.len() {
            0 => Default::default(),
            1..=MOST_CLASSES => numbered(&classes, &names),
            many => {
                shared.note(format_args!(
                    "{}: drawn in one colour, as {} classes could not be told apart",
                    file.display(),
                    grouped(many)
                ));
                Default::default()
            }
        };
        let labels = match labels.is_empty() {
            true => vec![0; count],
            false => labels,
        };
        Ok(Drawn {
            title: format!("{}: {}", file_name(file), counted(count, "codes")),
            of: format!("{} of {}", counted(count, "rows"), file.display()),
            json: map([
                ("codes", json!(file.to_string_lossy())),
                ("count", json!(count)),
            ]),
            codes: read.codes,
            size: read.size,
            labels,
            class_names,
        })
    }
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    Map::from_iter(entries.map(|(key, value)| (key.to_string(), value)))
}

/// Classes as labels: their own numbers if all are numbers, else in order of name.
fn numbered(classes: &[String], names: &BTreeSet<&String>) -> (Vec<u32>, BTreeMap<u32, String>) {
    let numbers: Result<Vec<u32>, _> = classes.iter().map(|class| class.parse()).collect();
    if let Ok(numbers) = numbers {
        return (numbers, BTreeMap::new());
    }
    let places: BTreeMap<&String, u32> = names.iter().copied().zip(0..).collect();
    let labels = classes
        .iter()
        .filter_map(|class| places.get(class).copied());
    let named = places.iter().map(|(name, place)| (*place, (*name).clone()));
    (labels.collect(), named.collect())
}

/// Parses the path of a file of codes.
fn codes_not_run(path: PathBuf) -> Result<PathBuf, String> {
    match path.is_dir() {
        true => Err("expected a file of codes (a run folder goes after --checkpoint)".to_string()),
        false => code_file(path),
    }
}

/// The codes of all images, concatenated.
fn encode(loaded: &Loaded, images: &Images) -> Result<Vec<f32>> {
    let size = loaded.code_len();
    let values = size.saturating_mul(images.len());
    if images.is_empty() || values > MOST_VALUES {
        let expected = format!("1 to {} of them", MOST_VALUES / size.max(1));
        let what = format!("images with codes of {size} values");
        return Err(Error::argument(what, expected, images.len()).into());
    }
    let codes = codes(&loaded.network, images, &loaded.device, &mut |_| {})?;
    if let Some(bad) = codes.iter().find(|value| !value.is_finite()) {
        return Err(Error::argument("codes", "finite values", bad).into());
    }
    Ok(codes)
}
