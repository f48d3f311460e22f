//! `autoencode decode`.

mod manifold;

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::codes::{Reader, Survey, survey};
use autoencode::data::grouped;
use autoencode::device::Chosen;
use autoencode::picture::{ContactSheet, Picture, write_png, write_rgb};
use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use serde_json::json;

use super::counter::Counter;
use super::encode::code_file;
use super::files::{claim, make_folders, name_outputs};
use super::model::{Loaded, Model};
use super::output::{print, print_json};
use super::shared::Shared;

/// Make images of codes: of a file that `encode` or another program wrote, or of a plane of codes.
///
/// CODES.npy: floats of 32 or 64 bits, (N, code...) or (N, values).
/// CODES.csv: columns code_0, code_1, ..., a column `label` or `file` before them if you like.
/// CODES.safetensors: a tensor `codes` like the array.
/// The images are decoded-0001.png and on, or named as in the column `file`.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Decode {
    /// The file of codes: .npy, .csv or .safetensors.
    #[arg(value_name = "CODES", required_unless_present = "manifold", value_parser = PathBufValueParser::new().try_map(code_file))]
    codes: Option<PathBuf>,

    #[command(flatten)]
    model: Model,

    /// Folder for the results, one PNG a code [default: decoded, if neither --sheet nor --manifold is
    /// asked for].
    #[arg(long, short, value_name = "DIR", requires = "codes")]
    output: Option<PathBuf>,

    /// Draw the images on one sheet, at most 400 of them.
    #[arg(long, value_name = "FILE.png", requires = "codes")]
    sheet: Option<PathBuf>,

    #[command(flatten)]
    manifold: manifold::Manifold,

    /// Overwrite files that exist.
    #[arg(long)]
    force: bool,
}

/// Codes that go through the decoder at once.
const BATCH: usize = 250;
/// The most images a side of a sheet, and about the most pixels; more would be too large a picture to
/// open.
const ON_SHEET: usize = 20;
const SHEET_SIDE: usize = 8000;
/// Pixels a side that an image should about have on the sheet.
const TILE: usize = 84;
/// The longest name of a file, in bytes, that no file system refuses with an ending and a number.
const LONGEST_NAME: usize = 200;

impl Decode {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let chosen = shared.device()?;
        let loaded = self.model.load(&chosen)?;
        loaded.of_images()?;
        // All of the file is read before anything is written: a wrong row leaves no half of the results.
        let shape = loaded.model().code_shape();
        let survey = match &self.codes {
            Some(path) => Some(survey(path, shape)?),
            None => None,
        };
        let drawing = self.manifold.file();
        let folder = match (&self.output, &self.sheet, drawing) {
            (None, None, None) => Some(PathBuf::from("decoded")),
            (output, ..) => output.clone(),
        };
        let files = match (&folder, &survey) {
            (Some(folder), Some(survey)) => name_outputs(&names(survey), folder),
            _ => Vec::new(),
        };
        let written: Vec<&PathBuf> = files.iter().chain(&self.sheet).chain(drawing).collect();
        let read = self.codes.iter().chain([&loaded.origin]);
        claim(written.iter().copied(), read, self.force)?;
        let manifold = self
            .manifold
            .draw(self.codes.as_deref(), &loaded, &chosen)?;
        make_folders(written)?;
        if let (Some(path), Some(survey)) = (&self.codes, &survey)
            && (folder.is_some() || self.sheet.is_some())
        {
            self.decode(path, survey, &files, &loaded, &chosen, shared)?;
        }
        if let Some(manifold) = &manifold {
            write_rgb(&manifold.file, &manifold.picture)?;
        }
        shared.note_network(&loaded.network);
        let count = survey.map_or(0, |survey| survey.count);
        if shared.json {
            return print_json(&json!({
                "checkpoint": loaded.origin.to_string_lossy(),
                "codes": self.codes.as_ref().map(|path| path.to_string_lossy()),
                "count": count,
                "files": files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
                "sheet": self.sheet.as_ref().map(|path| path.to_string_lossy()),
                "manifold": manifold.as_ref().map(|manifold| manifold.to_json()),
            }));
        }
        if !shared.talks() {
            return Ok(());
        }
        let pictures = folder.iter().chain(&self.sheet);
        let pictures: Vec<String> = pictures.map(|path| path.display().to_string()).collect();
        if !pictures.is_empty() {
            let noun = if count == 1 { "code" } else { "codes" };
            print(&format!(
                "{} {noun} -> {}",
                grouped(count),
                pictures.join(", ")
            ))?;
        }
        manifold.map_or(Ok(()), |manifold| print(&manifold.to_string()))
    }

    fn decode(
        &self,
        path: &Path,
        survey: &Survey,
        files: &[PathBuf],
        loaded: &Loaded,
        chosen: &Chosen,
        shared: &Shared,
    ) -> Result<()> {
        let mut reader = Reader::open(path, loaded.model().code_shape())?;
        let mut counter = Counter::new(shared, "codes", survey.count);
        let mut files = files.iter();
        let (mut shown, most) = (Vec::new(), on_sheet(loaded));
        while let Some(rows) = reader.read(BATCH)? {
            let codes = rows.codes.to_device(&chosen.device)?;
            let pictures = Picture::from_batch(&loaded.network.decode(&codes)?)?;
            counter.add(pictures.len());
            for (picture, file) in pictures.iter().zip(&mut files) {
                write_png(file, picture)?;
            }
            let room = most.saturating_sub(shown.len());
            shown.extend(pictures.into_iter().take(room));
            if files.as_slice().is_empty() && shown.len() == most {
                break;
            }
        }
        match &self.sheet {
            Some(sheet) => Ok(write_rgb(sheet, &draw(shown, survey, loaded).render()?)?),
            None => Ok(()),
        }
    }
}

/// What the images are called: as the pictures that the codes come from, or by their numbers.
fn names(survey: &Survey) -> Vec<PathBuf> {
    // As long as the last one, so that they sort as they stand in the file.
    let digits = survey.count.to_string().len().max(4);
    let numbered = (1..=survey.count).map(|number| format!("decoded-{number:0digits$}.png"));
    let numbered = numbered.map(PathBuf::from);
    match &survey.files {
        // A name that no file can have gives way to the number.
        Some(files) => numbered
            .zip(files)
            .map(|(numbered, file)| match Path::new(file).file_stem() {
                Some(stem) if stem.len() <= LONGEST_NAME && !file.contains('\0') => file.into(),
                _ => numbered,
            })
            .collect(),
        None => numbered.collect(),
    }
}

/// Pixels a side on a sheet for each of an image's.
fn scale(loaded: &Loaded) -> usize {
    (TILE / longest(loaded)).clamp(1, TILE)
}

/// How many images a sheet takes.
fn on_sheet(loaded: &Loaded) -> usize {
    let tile = longest(loaded).saturating_mul(scale(loaded));
    (SHEET_SIDE / tile).clamp(1, ON_SHEET).pow(2)
}

fn longest(loaded: &Loaded) -> usize {
    let sides = loaded.model().input_shape().iter().skip(1);
    sides.copied().max().unwrap_or(1).max(1)
}

/// The images in a nearly square grid, with the names that are known.
fn draw(pictures: Vec<Picture>, survey: &Survey, loaded: &Loaded) -> ContactSheet {
    let columns = (1..=pictures.len())
        .find(|columns| columns * columns >= pictures.len())
        .unwrap_or(1);
    let first = match survey.count > pictures.len() {
        true => format!("first {} of ", pictures.len()),
        false => String::new(),
    };
    let name = &loaded.checkpoint.recipe.name;
    let title = format!("{name}: {first}{} codes, decoded", grouped(survey.count));
    let sheet = ContactSheet::new(title)
        .rows(pictures.chunks(columns).map(<[Picture]>::to_vec).collect())
        .scale(scale(loaded));
    match &survey.files {
        Some(files) => {
            let stem = |file: &String| {
                let stem = Path::new(file).file_stem().unwrap_or_default();
                stem.to_string_lossy().into_owned()
            };
            let stems: Vec<String> = files.iter().take(pictures.len()).map(stem).collect();
            sheet.captions(stems.chunks(columns).map(<[String]>::to_vec))
        }
        None => sheet,
    }
}
