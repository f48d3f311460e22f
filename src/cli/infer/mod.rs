//! `autoencode infer`.

mod report;
mod whole;

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Format, Names, Writer};
use autoencode::evaluate::psnr_db;
use autoencode::file::Publish;
use autoencode::picture::{Fit, Picture, PictureFormat, png_bytes, write_png, write_rgb};
use candle_core::{Device, Tensor};
use clap::Args;
use clap::builder::TypedValueParser;

use report::{SHEET_ROWS, SHEET_SCALE, WHOLE_ROWS, print_report, sheet};
use whole::Restorer;

use super::files::{claim, make_folders, name_outputs, png_file};
use super::inputs::{Inputs, is_standard};
use super::model::{Loaded, Model};
use super::output::print_bytes;
use super::pictures::{Fitting, Noise, Prepared, Previews, at_a_time, batch, check_all};
use super::shared::Shared;
use crate::cli::wording::FORCE;

/// Denoise pictures: the network reconstructs each and writes it.
///
/// A network of convolutions that was trained on patches restores pictures in their own size, depth, format and colours.
/// For others, pictures of any size, bit depth or colour are first fitted to the network's input, and results are PNG.
/// With --noise, the picture is the clean reference, and the signal-to-noise ratio is measured before and after.
#[derive(Debug, Args)]
pub struct Infer {
    /// Pictures (PNG, JPEG, TIFF, WebP or BMP), folders of them with the folders inside, or - for one on standard input.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    model: Model,

    /// Folder for the results: one picture per input, with the input's name and its subfolder. With -, the only
    /// result goes to standard output.
    #[arg(long, short, value_name = "DIR", default_value = "denoised")]
    output: PathBuf,

    #[command(flatten)]
    noise: Noise,

    /// Also draw one labelled sheet with the input, fitted, noisy and output images.
    #[arg(long, value_name = "FILE.png", value_parser = png_file())]
    sheet: Option<PathBuf>,

    /// Also write the outputs unrounded, as one NumPy array of 32-bit floats (N, C, H, W).
    #[arg(long, value_name = "FILE.npy")]
    npy: Option<PathBuf>,

    #[command(flatten)]
    fitting: Fitting,

    /// Clean pictures of the same names, or one for one input: their signal-to-noise ratio is measured before and after.
    #[arg(long, value_name = "FILE|DIR")]
    target: Option<PathBuf>,

    /// Format of the results of pictures in their own size [default: that of each input].
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<PictureFormat>,

    /// Height and width of the parts in which pictures in their own size are computed [default: by a moderate amount of
    /// memory]. Results do not depend on it, but for the rounding of sums (about 1e-6).
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..).map(|tile| tile as usize))]
    tile: Option<usize>,

    #[arg(long, help = FORCE)]
    force: bool,
}

/// An input with its output path.
struct Outcome {
    input: PathBuf,
    output: PathBuf,
    gain: Option<Gain>,
    /// What the sheet shows of it.
    shown: Option<(Prepared, Picture)>,
}

/// The signal-to-noise ratio before and after the network, in dB.
#[derive(Clone, Copy)]
struct Gain {
    noisy: f64,
    result: f64,
}

/// Pictures per pass through the network.
const BATCH: usize = 64;

impl Infer {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let loaded = self.model.load_for_images(shared)?;
        let inputs = Inputs::find(&self.inputs, Some(&self.output), shared)?;
        let restorer = match self.fitting.how(&loaded) {
            Fit::Whole => Some(Restorer::new(self, &loaded)?),
            _ => None,
        };
        if restorer.is_none() {
            self.refuse_for_fitted(&loaded)?;
        } else if self.npy.is_some() {
            let expected = "pictures of one size (--fit resize, crop or none)";
            return Err(Error::argument("--npy", expected, "pictures in their own sizes").into());
        }
        let outputs = self.outputs(&inputs, restorer.is_some())?;
        let read = inputs.paths.iter().chain([&loaded.origin]);
        claim(self.files(&outputs), read, self.force)?;
        if let Some(path) = &self.npy
            && Format::of(path) != Some(Format::Npy)
        {
            let expected = "a file whose name ends in .npy";
            return Err(Error::argument("--npy", expected, path.display()).into());
        }
        let mut outcomes = Vec::with_capacity(outputs.len());
        let done = match &restorer {
            Some(restorer) => {
                let shown = if self.sheet.is_some() { WHOLE_ROWS } else { 0 };
                restorer.restore_all(&inputs, &outputs, shown, &mut outcomes, shared)
            }
            None => self.denoise(&inputs, &outputs, &loaded, &mut outcomes),
        };
        if let Err(error) = done {
            return Err(match (outcomes.len(), outputs.len()) {
                (0, _) => error,
                (done, all) => {
                    error.context(format!("after {done} of {all} pictures were written"))
                }
            });
        }
        shared.note_network(&loaded.network);
        if let Some(path) = &self.sheet {
            let sheet = sheet(&outcomes, &loaded, restorer.is_some()).render()?;
            write_rgb(path, &sheet, Publish::forced(self.force))?;
        }
        print_report(
            &outcomes,
            inputs.left_out,
            self.sheet.as_deref(),
            &loaded,
            shared,
        )
    }

    /// Refuses options that need pictures in their own size.
    fn refuse_for_fitted(&self, loaded: &Loaded) -> Result<()> {
        let given = [
            ("--target", self.target.is_some()),
            ("--format", self.format.is_some()),
            ("--tile", self.tile.is_some()),
        ];
        let Some((option, _)) = given.iter().find(|(_, given)| *given) else {
            return Ok(());
        };
        let expected = "a network that takes pictures in their own size (--fit whole)";
        let found = format!("`{}`, to whose input they are fitted", loaded.name());
        Err(Error::argument(*option, expected, found).into())
    }

    /// Where each result goes.
    fn outputs(&self, inputs: &Inputs, in_own_format: bool) -> Result<Vec<PathBuf>> {
        if !is_standard(&self.output) {
            let ending = |name: &Path| match self.format.or(PictureFormat::named(name)) {
                Some(format) if in_own_format => format.endings().first().copied(),
                _ => None,
            };
            let ending = |name: &Path| ending(name).unwrap_or("png");
            return Ok(name_outputs(&inputs.names, &self.output, ending));
        }
        match inputs.paths.len() {
            1 => Ok(vec![self.output.clone()]),
            count => {
                let expected = "one picture for standard output";
                Err(Error::argument("INPUT", expected, count).into())
            }
        }
    }

    /// The files among these results, and the others to write.
    fn files<'a>(&'a self, outputs: &'a [PathBuf]) -> impl Iterator<Item = &'a PathBuf> {
        let outputs = outputs.iter().filter(|output| !is_standard(output));
        outputs.chain(&self.sheet).chain(&self.npy)
    }

    /// Reads, reconstructs and writes as many pictures at a time as memory is meant for.
    fn denoise(
        &self,
        inputs: &Inputs,
        outputs: &[PathBuf],
        loaded: &Loaded,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<()> {
        let size = at_a_time(loaded);
        // The first pictures are read, and the others checked, before anything is written: a wrong input leaves no half
        // of the results.
        check_all(inputs.paths.get(size..).unwrap_or_default())?;
        let previews = Previews {
            count: if self.sheet.is_some() { SHEET_ROWS } else { 0 },
            tile: loaded.tile(SHEET_SCALE),
        };
        let publish = Publish::forced(self.force);
        let mut array = None;
        let named = inputs.shown.chunks(size).zip(outputs.chunks(size));
        for (paths, (shown, results_to)) in inputs.paths.chunks(size).zip(named) {
            let first = outcomes.len();
            let prepared = self
                .fitting
                .read_all(paths, first, &self.noise, loaded, previews)?;
            let reconstructions = reconstruct(loaded, &prepared)?;
            if first == 0 {
                make_folders(self.files(outputs))?;
                array = self
                    .npy
                    .as_ref()
                    .map(|path| array_file(path, &inputs.shown, loaded, publish))
                    .transpose()?;
            }
            if let Some(array) = &mut array {
                array.write(&reconstructions)?;
            }
            let pictures = Picture::from_batch(&reconstructions)?;
            let results = prepared.into_iter().zip(pictures);
            for ((input, output), (prepared, picture)) in shown.iter().zip(results_to).zip(results)
            {
                match is_standard(output) {
                    true => print_bytes(&png_bytes(&picture)?)?,
                    false => write_png(output, &picture, publish)?,
                }
                let is_shown = outcomes.len() < previews.count;
                outcomes.push(Outcome {
                    input: input.clone(),
                    output: output.clone(),
                    gain: gain(&prepared, &picture),
                    shown: is_shown.then_some((prepared, picture)),
                });
            }
        }
        Ok(array.map_or(Ok(()), Writer::finish)?)
    }
}

/// The gain; `None` unless noise was added to a known reference.
fn gain(prepared: &Prepared, picture: &Picture) -> Option<Gain> {
    let noisy = prepared.noisy.as_ref()?;
    let clean = prepared.fitted.values();
    Some(Gain {
        noisy: psnr_db(noisy.values(), clean),
        result: psnr_db(picture.values(), clean),
    })
}

/// The reconstructions of pictures, `(N, C, H, W)` on the CPU.
fn reconstruct(loaded: &Loaded, prepared: &[Prepared]) -> Result<Tensor> {
    let mut outputs = Vec::new();
    for prepared in prepared.chunks(BATCH) {
        let output = loaded
            .network
            .reconstruct(&batch(prepared, &loaded.device)?)?;
        outputs.push(output.to_device(&Device::Cpu)?);
    }
    Ok(Tensor::cat(&outputs, 0)?)
}

/// The file of the outputs as one array.
fn array_file(
    path: &Path,
    inputs: &[PathBuf],
    loaded: &Loaded,
    publish: Publish,
) -> Result<Writer> {
    let names = inputs.iter().map(|input| input.display().to_string());
    let names = Names::Files(names.collect());
    Ok(Writer::create(
        path,
        loaded.model().input_shape(),
        &names,
        publish,
    )?)
}
