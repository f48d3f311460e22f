//! `autoencode infer`.

mod report;

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Format, Names, Writer};
use autoencode::evaluate::psnr_db;
use autoencode::file::Publish;
use autoencode::picture::{Picture, png_bytes, write_png, write_rgb};
use candle_core::{Device, Tensor};
use clap::Args;

use report::{SHEET_ROWS, SHEET_SCALE, print_report, sheet};

use super::files::{claim, make_folders, name_outputs, png_file};
use super::inputs::{Inputs, is_standard};
use super::model::{Loaded, Model};
use super::output::print_bytes;
use super::pictures::{Fitting, Noise, Prepared, Previews, at_a_time, batch, check_all};
use super::shared::Shared;
use crate::cli::wording::FORCE;

/// Denoise PNG digits: the network reconstructs each and writes it as a PNG.
///
/// Pictures of any size, bit depth or colour are first fitted to the network's input. With --noise,
/// the fitted picture is the clean reference, and the signal-to-noise ratio is measured before and after.
#[derive(Debug, Args)]
pub struct Infer {
    /// PNG files, folders of them with the folders inside, or - for a PNG on standard input.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    model: Model,

    /// Folder for the results: one PNG per input, with the input's name and its subfolder. With -, the only
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
        let outputs = self.outputs(&inputs)?;
        let read = inputs.paths.iter().chain([&loaded.origin]);
        claim(self.files(&outputs), read, self.force)?;
        if let Some(path) = &self.npy
            && Format::of(path) != Some(Format::Npy)
        {
            let expected = "a file whose name ends in .npy";
            return Err(Error::argument("--npy", expected, path.display()).into());
        }
        let mut outcomes = Vec::with_capacity(outputs.len());
        if let Err(error) = self.denoise(&inputs, &outputs, &loaded, &mut outcomes) {
            return Err(match (outcomes.len(), outputs.len()) {
                (0, _) => error,
                (done, all) => {
                    error.context(format!("after {done} of {all} pictures were written"))
                }
            });
        }
        shared.note_network(&loaded.network);
        if let Some(path) = &self.sheet {
            let sheet = sheet(&outcomes, &loaded).render()?;
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

    /// Where each result goes.
    fn outputs(&self, inputs: &Inputs) -> Result<Vec<PathBuf>> {
        if !is_standard(&self.output) {
            return Ok(name_outputs(&inputs.names, &self.output));
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
