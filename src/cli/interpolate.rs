//! `autoencode interpolate`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Course, Format, Reader};
use autoencode::file::Publish;
use autoencode::network::Code;
use autoencode::picture::{ContactSheet, Picture, write_png, write_rgb};
use candle_core::{Device, Tensor};
use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use serde_json::json;

use super::files::{claim, file_name, lossy, make_folders, numbered, png_file};
use super::inputs::Inputs;
use super::model::{Loaded, Model};
use super::output::listed;
use super::pictures::{Fitting, Prepared, batch};
use super::shared::Shared;
use super::wording::FORCE;

/// Interpolate between two codes, and decode each step.
///
/// FROM and TO are picture files, which are encoded (- for one on standard input), or rows of a file of codes: codes.npy:0 is the first
/// code of codes.npy (see `encode`).
#[derive(Debug, Args)]
pub struct Interpolate {
    /// A picture file, or a row of a file of codes, such as codes.npy:0.
    #[arg(value_parser = PathBufValueParser::new().try_map(End::parse))]
    from: End,

    /// The other end, in the same form.
    #[arg(value_parser = PathBufValueParser::new().try_map(End::parse))]
    to: End,

    #[command(flatten)]
    model: Model,

    /// The picture of all steps.
    #[arg(long, short, value_name = "FILE.png", value_parser = png_file())]
    output: PathBuf,

    /// Number of steps, both ends included.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=1000))]
    steps: u16,

    /// The kind of interpolation.
    #[arg(long, value_enum, default_value_t = Course::default())]
    path: Course,

    #[command(flatten)]
    fitting: Fitting,

    /// Folder for one PNG per step, frame-0001.png and so on.
    #[arg(long, value_name = "DIR")]
    frames: Option<PathBuf>,

    #[arg(long, help = FORCE)]
    force: bool,
}

/// One end of the interpolation, as typed.
#[derive(Debug, Clone)]
enum End {
    Picture(PathBuf),
    Row { file: PathBuf, row: u64 },
}

/// An end with its code.
struct Met {
    /// `(1, ...)` on the CPU.
    code: Tensor,
    name: String,
    /// The input picture, if the end is one.
    picture: Option<Prepared>,
}

/// Codes per decoder pass.
const BATCH: usize = 250;
/// Images per row of the picture: the default number of steps and an input at either end.
const COLUMNS: usize = 12;
/// Approximate side of an image in the picture, in pixels.
const TILE: usize = 112;

impl End {
    /// The part after the last colon is a row if a file of codes precedes it.
    fn parse(path: PathBuf) -> Result<Self, String> {
        let expected = "expected a picture file, or a row of a file of codes from 0 on, as codes.npy:0 \
             (-c takes a checkpoint)";
        if Format::of(&path).is_some() {
            return Err(expected.to_string());
        }
        match path.to_str().and_then(|text| text.rsplit_once(':')) {
            Some((file, row)) if Format::of(Path::new(file)).is_some() => Ok(Self::Row {
                file: PathBuf::from(file),
                row: row.parse().map_err(|_| expected.to_string())?,
            }),
            _ => Ok(Self::Picture(path)),
        }
    }

    fn file(&self) -> &Path {
        match self {
            Self::Picture(file) | Self::Row { file, .. } => file,
        }
    }

    fn meet(&self, loaded: &Loaded, fitting: &Fitting) -> Result<Met> {
        Ok(match self {
            Self::Picture(path) => {
                let tile = loaded.tile(loaded.scale(TILE));
                let input = Inputs::one(path)?;
                let picture = fitting.read(input.path(), loaded, Some(tile))?;
                let input = batch(std::slice::from_ref(&picture), &loaded.device)?;
                Met {
                    code: loaded.network.encode(&input)?.to_device(&Device::Cpu)?,
                    name: file_name(path),
                    picture: Some(picture),
                }
            }
            Self::Row { file, row } => Met {
                code: Reader::open(file, loaded.model().code_shape())?.row(*row)?,
                name: format!("{}:{row}", file_name(file)),
                picture: None,
            },
        })
    }

    fn to_text(&self) -> String {
        match self {
            Self::Picture(path) => path.to_string_lossy().into_owned(),
            Self::Row { file, row } => format!("{}:{row}", file.to_string_lossy()),
        }
    }
}

impl Interpolate {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let loaded = self.model.load_for_codes(false, shared)?;
        if self.path == Course::Spherical && loaded.model().code() == Code::Plain {
            let expected = "linear, as the codes of this network have no prior around 0";
            return Err(Error::argument("--path", expected, "spherical").into());
        }
        let steps = usize::from(self.steps);
        let frames = numbered(self.frames.as_ref(), "frame", steps);
        let written: Vec<&PathBuf> = frames.iter().chain([&self.output]).collect();
        let read = [self.from.file(), self.to.file(), &loaded.origin];
        claim(written.iter().copied(), read, self.force)?;
        let from = self.from.meet(&loaded, &self.fitting)?;
        let to = self.to.meet(&loaded, &self.fitting)?;
        let codes = self.path.codes(&from.code, &to.code, steps)?;
        let mut pictures = Vec::with_capacity(steps);
        for first in (0..steps).step_by(BATCH) {
            let codes = codes.narrow(0, first, BATCH.min(steps - first))?;
            pictures.extend(loaded.decode(&codes)?);
        }
        shared.note_network(&loaded.network);
        let sheet = self.draw(&from, &to, &pictures, &loaded).render()?;

        make_folders(written)?;
        let publish = Publish::forced(self.force);
        for (file, picture) in frames.iter().zip(&pictures) {
            write_png(file, picture, publish)?;
        }
        write_rgb(&self.output, &sheet, publish)?;
        let (from, to, path) = (self.from.to_text(), self.to.to_text(), self.course());
        let json = json!({
            "checkpoint": loaded.origin.to_string_lossy(),
            "from": from,
            "to": to,
            "path": path,
            "steps": steps,
            "output": self.output.to_string_lossy(),
            "frames": lossy(&frames),
        });
        shared.report(&json, || {
            let written = listed([&self.output].into_iter().chain(&self.frames));
            format!("{steps} steps from {from} to {to}, {path} -> {written}")
        })
    }

    fn course(&self) -> &'static str {
        match self.path {
            Course::Linear => "linear",
            Course::Spherical => "spherical",
        }
    }

    /// All steps in order, in rows, with the input pictures at the ends.
    fn draw(&self, from: &Met, to: &Met, steps: &[Picture], loaded: &Loaded) -> ContactSheet {
        let input = |met: &Met| Some((met.picture.as_ref()?.preview.clone()?, met.name.clone()));
        let last = (steps.len() - 1).max(1);
        let decimals = if last > 100 { 3 } else { 2 };
        let steps = steps.iter().enumerate().map(|(step, picture)| {
            let t = step as f64 / last as f64;
            let t = match t.fract() == 0.0 {
                true => format!("t = {t}"),
                false => format!("t = {t:.decimals$}"),
            };
            (picture.clone(), t)
        });
        let tiles = input(from).into_iter().chain(steps).chain(input(to));
        let tiles: Vec<(Picture, String)> = tiles.collect();
        let rows = tiles.chunks(COLUMNS).map(|row| row.iter().cloned().unzip());
        let (rows, captions): (Vec<Vec<_>>, Vec<Vec<_>>) = rows.unzip();
        ContactSheet::new(format!(
            "{}: {} to {}, {}",
            loaded.name(),
            from.name,
            to.name,
            self.course()
        ))
        .captions(captions)
        .rows(rows)
        .scale(loaded.scale(TILE))
    }
}
