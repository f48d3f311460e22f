//! `autoencode infer`.

mod report;

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Format, Names, Writer};
use autoencode::evaluate::psnr_db;
use autoencode::picture::{Picture, write_png, write_rgb};
use candle_core::{Device, Tensor};
use clap::Args;

use report::{print_report, sheet};

use super::files::{claim, collect, make_folders, name_outputs};
use super::model::{Loaded, Model};
use super::pictures::{Fitting, Noise, Prepared, batch};
use super::shared::Shared;

/// Denoise PNG digits: the network reconstructs each and writes it as a PNG.
///
/// Pictures of any size, bit depth or colour are first fitted to the network's input. With --add-noise,
/// the fitted picture is the clean reference, and the signal-to-noise ratio is measured before and after.
#[derive(Debug, Args)]
pub struct Infer {
    /// PNG files, or folders of PNG files.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    model: Model,

    /// Folder for the results, one PNG per input, with the input's name.
    #[arg(long, short, value_name = "DIR", default_value = "denoised")]
    output: PathBuf,

    #[command(flatten)]
    noise: Noise,

    /// Also draw one labelled sheet with the input, fitted, noisy and output images.
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,

    /// Also write the outputs unrounded, as one NumPy array of 32-bit floats (N, C, H, W).
    #[arg(long, value_name = "FILE.npy")]
    npy: Option<PathBuf>,

    #[command(flatten)]
    fitting: Fitting,

    /// Overwrite existing files.
    #[arg(long)]
    force: bool,
}

/// An input with its output path and its reconstruction.
struct Outcome {
    input: PathBuf,
    output: PathBuf,
    prepared: Prepared,
    picture: Picture,
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
        let inputs = collect(&self.inputs)?;
        let outputs = name_outputs(&inputs, &self.output);
        let written: Vec<&PathBuf> = outputs.iter().chain(&self.sheet).chain(&self.npy).collect();
        let read = inputs.iter().chain([&loaded.origin]);
        claim(written.iter().copied(), read, self.force)?;
        if let Some(path) = &self.npy
            && Format::of(path) != Some(Format::Npy)
        {
            let expected = "a file whose name ends in .npy";
            return Err(Error::argument("--npy", expected, path.display()).into());
        }
        // Everything is read before anything is written: a wrong input leaves no half of the results.
        let (noise, model, keep) = (&self.noise, loaded.model(), self.sheet.is_some());
        let prepared = self.fitting.read_all(&inputs, 0, noise, model, keep)?;
        let reconstructions = reconstruct(&loaded, &prepared)?;
        shared.note_network(&loaded.network);
        let pictures = Picture::from_batch(&reconstructions)?;

        make_folders(written)?;
        for (output, picture) in outputs.iter().zip(&pictures) {
            write_png(output, picture)?;
        }
        if let Some(path) = &self.npy {
            write_npy(path, &inputs, &reconstructions)?;
        }
        let files = inputs.into_iter().zip(outputs);
        let outcomes: Vec<Outcome> = (files.zip(prepared).zip(pictures))
            .map(|(((input, output), prepared), picture)| Outcome {
                input,
                output,
                prepared,
                picture,
            })
            .collect();
        if let Some(path) = &self.sheet {
            write_rgb(path, &sheet(&outcomes, &loaded).render()?)?;
        }
        print_report(&outcomes, self.sheet.as_deref(), &loaded, shared)
    }
}

impl Outcome {
    /// The gain; `None` unless noise was added to a known reference.
    fn gain(&self) -> Option<Gain> {
        let noisy = self.prepared.noisy.as_ref()?;
        let clean = self.prepared.fitted.values();
        Some(Gain {
            noisy: psnr_db(noisy.values(), clean),
            result: psnr_db(self.picture.values(), clean),
        })
    }
}

/// The reconstructions of all inputs, `(N, C, H, W)` on the CPU.
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

fn write_npy(path: &Path, inputs: &[PathBuf], array: &Tensor) -> Result<()> {
    let names = inputs.iter().map(|input| input.display().to_string());
    let names = Names::Files(names.collect());
    let mut file = Writer::create(path, array.dims().get(1..).unwrap_or_default(), &names)?;
    file.write(array)?;
    Ok(file.finish()?)
}
