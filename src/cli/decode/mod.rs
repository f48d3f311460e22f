//! `autoencode decode`.

mod manifold;

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::codes::{Reader, Survey, survey};
use autoencode::data::{counted, grouped};
use autoencode::file::Publish;
use autoencode::picture::{ContactSheet, Picture, write_png, write_rgb};
use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use manifold::DrawnManifold;
use serde_json::json;

use super::encode::code_file;
use super::files::{claim, lossy, make_folders, name_outputs, png_file};
use super::model::{Loaded, Model};
use super::output::listed;
use super::pictures::square;
use super::shared::Shared;
use super::status::Counter;
use crate::cli::wording::FORCE;

/// Decode codes into images: from a file that `encode` or another program wrote, or over a plane of
/// codes.
///
/// CODES.npy: 32-bit or 64-bit floats, (N, code...) or (N, values).
/// CODES.csv: columns code_0, code_1, ..., or as many columns of numbers as a code has values, beside
/// columns `file`, `label`, `class` and an index without a name. Columns are separated by commas,
/// semicolons (then the decimal comma is read, too) or tabs.
/// CODES.safetensors: a tensor `codes` of the same shape as the array.
/// The images are named decoded-0001.png and so on, or as in the column `file`.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Decode {
    /// The file of codes: .npy, .csv or .safetensors.
    #[arg(value_name = "CODES", required_unless_present = "manifold", value_parser = PathBufValueParser::new().try_map(code_file))]
    codes: Option<PathBuf>,

    #[command(flatten)]
    model: Model,

    /// Folder for the results, one PNG per code [default: decoded, unless --sheet or --manifold is
    /// given].
    #[arg(long, short, value_name = "DIR", requires = "codes")]
    output: Option<PathBuf>,

    /// Draw the images on one sheet of at most 400.
    #[arg(long, value_name = "FILE.png", value_parser = png_file(), requires = "codes")]
    sheet: Option<PathBuf>,

    #[command(flatten)]
    manifold: manifold::Manifold,

    #[arg(long, help = FORCE)]
    force: bool,
}

/// Codes per decoder pass.
const BATCH: usize = 250;
/// The largest number of images per side of a sheet, and the approximate limit of its side in pixels:
/// larger pictures are hard to open.
const ON_SHEET: usize = 20;
const SHEET_SIDE: usize = 8000;
/// Approximate side of an image on the sheet, in pixels.
const TILE: usize = 84;
/// The longest file name, in bytes, that every file system accepts with an extension and a number added.
const LONGEST_NAME: usize = 200;

impl Decode {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let loaded = self.model.load_for_codes(false, shared)?;
        // Read the whole file before writing anything, so that an invalid row leaves no partial results.
        let shape = loaded.model().code_shape();
        let survey = self.codes.as_ref().map(|path| survey(path, shape));
        let survey = survey.transpose()?;
        let drawing = &self.manifold.file;
        let folder = match (&self.output, &self.sheet, drawing) {
            (None, None, None) => Some(PathBuf::from("decoded")),
            (output, ..) => output.clone(),
        };
        let files = match (&folder, &survey) {
            (Some(folder), Some(survey)) => name_outputs(&names(survey), folder, |_| "png"),
            _ => Vec::new(),
        };
        let written: Vec<&PathBuf> = files.iter().chain(&self.sheet).chain(drawing).collect();
        let read = self.codes.iter().chain([&loaded.origin]);
        claim(written.iter().copied(), read, self.force)?;
        let manifold = self.manifold.draw(self.codes.as_deref(), &loaded)?;
        make_folders(written)?;
        let publish = Publish::forced(self.force);
        if let (Some(path), Some(survey)) = (&self.codes, &survey)
            && (folder.is_some() || self.sheet.is_some())
        {
            self.decode(path, survey, &files, &loaded, shared)?;
        }
        if let Some(manifold) = &manifold {
            write_rgb(&manifold.file, &manifold.picture, publish)?;
        }
        shared.note_network(&loaded.network);
        let count = survey.map_or(0, |survey| survey.count);
        let json = json!({
            "checkpoint": loaded.origin.to_string_lossy(),
            "codes": self.codes.as_ref().map(|path| path.to_string_lossy()),
            "count": count,
            "files": lossy(&files),
            "sheet": self.sheet.as_ref().map(|path| path.to_string_lossy()),
            "manifold": manifold.as_ref().map(DrawnManifold::to_json),
        });
        shared.report(&json, || {
            let mut lines = Vec::new();
            let written = listed(folder.iter().chain(&self.sheet));
            if folder.is_some() || self.sheet.is_some() {
                let noun = if count == 1 { "code" } else { "codes" };
                lines.push(format!("{} {noun} -> {written}", grouped(count)));
            }
            lines.extend(manifold.as_ref().map(DrawnManifold::to_text));
            lines.join("\n")
        })
    }

    fn decode(
        &self,
        path: &Path,
        survey: &Survey,
        files: &[PathBuf],
        loaded: &Loaded,
        shared: &Shared,
    ) -> Result<()> {
        let mut reader = Reader::open(path, loaded.model().code_shape())?;
        let mut counter = Counter::new(shared, "codes", survey.count);
        let mut files = files.iter();
        let publish = Publish::forced(self.force);
        let (mut shown, most) = (Vec::new(), on_sheet(loaded));
        while let Some(rows) = reader.read(BATCH)? {
            let pictures = loaded.decode(&rows.codes)?;
            counter.add(pictures.len());
            for (picture, file) in pictures.iter().zip(&mut files) {
                write_png(file, picture, publish)?;
            }
            let room = most.saturating_sub(shown.len());
            shown.extend(pictures.into_iter().take(room));
            if files.as_slice().is_empty() && shown.len() == most {
                break;
            }
        }
        if let Some(sheet) = &self.sheet {
            write_rgb(sheet, &draw(&shown, survey, loaded).render()?, publish)?;
        }
        Ok(())
    }
}

/// The file names of the images: those of the pictures behind the codes, or numbers.
fn names(survey: &Survey) -> Vec<PathBuf> {
    // Pad all numbers to the width of the last, so that names sort in file order.
    let digits = survey.count.to_string().len().max(4);
    let numbered = (1..=survey.count).map(|number| format!("decoded-{number:0digits$}.png").into());
    match &survey.files {
        // A name that cannot be a file name is replaced by the number.
        Some(files) => numbered
            .zip(files)
            .map(|(numbered, file)| match Path::new(file).file_name() {
                Some(name) if name.len() <= LONGEST_NAME && !file.contains('\0') => name.into(),
                _ => numbered,
            })
            .collect(),
        None => numbered.collect(),
    }
}

/// The number of images that fit on a sheet.
fn on_sheet(loaded: &Loaded) -> usize {
    let tile = loaded.longest_side().saturating_mul(loaded.scale(TILE));
    (SHEET_SIDE / tile).clamp(1, ON_SHEET).pow(2)
}

/// The images in a nearly square grid, with their names if known.
fn draw(pictures: &[Picture], survey: &Survey, loaded: &Loaded) -> ContactSheet {
    let first = match survey.count > pictures.len() {
        true => format!("first {} of ", pictures.len()),
        false => String::new(),
    };
    let (name, codes) = (loaded.name(), counted(survey.count, "codes"));
    let files = survey.files.iter().flatten().take(pictures.len());
    let stems = files.map(|file| Path::new(file).file_stem().unwrap_or_default());
    let stems: Vec<_> = stems.map(|stem| stem.to_string_lossy()).collect();
    ContactSheet::new(format!("{name}: {first}{codes}, decoded"))
        .rows(square(pictures))
        .captions(square(&stems))
        .scale(loaded.scale(TILE))
}
