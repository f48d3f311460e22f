//! `autoencode infer`.

mod report;

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Format, Names, Writer};
use autoencode::engine::Inference;
use autoencode::evaluate::psnr_db;
use autoencode::picture::{Picture, write_png, write_rgb};
use candle_core::{Device, Tensor};
use clap::Args;

use report::{print_report, sheet};

use super::files::{claim, collect, make_folders, name_outputs};
use super::model::Model;
use super::pictures::{Fitting, Noise, Prepared};
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

/// One input with its output path.
struct Item {
    input: PathBuf,
    output: PathBuf,
    prepared: Prepared,
}

/// An input with its reconstruction.
struct Outcome {
    item: Item,
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
        let chosen = shared.device()?;
        let loaded = self.model.load(&chosen)?;
        loaded.of_images()?;
        let inputs = collect(&self.inputs)?;
        let outputs = name_outputs(&inputs, &self.output);
        let written: Vec<&PathBuf> = outputs.iter().chain(&self.sheet).chain(&self.npy).collect();
        let read = inputs.iter().chain([&loaded.origin]);
        claim(written, read, self.force)?;
        if let Some(path) = self
            .npy
            .as_ref()
            .filter(|path| Format::of(path) != Some(Format::Npy))
        {
            let expected = "a file whose name ends in .npy";
            return Err(Error::argument("--npy", expected, path.display()).into());
        }
        // Everything is read before anything is written: a wrong input leaves no half of the results.
        let model = loaded.model();
        let prepared = {
            let keep = self.sheet.is_some();
            self.fitting
                .read_all(&inputs, 0, &self.noise, model, keep)?
        };
        let items: Vec<Item> = (inputs.into_iter().zip(outputs).zip(prepared))
            .map(|((input, output), prepared)| Item {
                input,
                output,
                prepared,
            })
            .collect();
        let reconstructions = reconstruct(&loaded.network, &items, &chosen.device)?;
        shared.note_network(&loaded.network);
        let pictures = Picture::from_batch(&reconstructions)?;
        let outcomes: Vec<Outcome> = items
            .into_iter()
            .zip(pictures)
            .map(|(item, picture)| Outcome { item, picture })
            .collect();

        let written = outcomes.iter().map(|outcome| &outcome.item.output);
        make_folders(written.chain(&self.sheet).chain(&self.npy))?;
        for outcome in &outcomes {
            write_png(&outcome.item.output, &outcome.picture)?;
        }
        if let Some(path) = &self.npy {
            write_npy(path, &outcomes, &reconstructions)?;
        }
        if let Some(path) = &self.sheet {
            write_rgb(path, &sheet(&outcomes, &loaded).render()?)?;
        }
        print_report(&outcomes, self.sheet.as_deref(), &loaded, shared)
    }
}

impl Outcome {
    /// The gain; `None` unless noise was added to a known reference.
    fn gain(&self) -> Option<Gain> {
        let noisy = self.item.prepared.noisy.as_ref()?;
        let clean = self.item.prepared.fitted.values();
        Some(Gain {
            noisy: psnr_db(noisy.values(), clean),
            result: psnr_db(self.picture.values(), clean),
        })
    }
}

/// The reconstructions of all items, `(N, C, H, W)` on the CPU.
fn reconstruct(network: &Inference, items: &[Item], device: &Device) -> Result<Tensor> {
    let mut outputs = Vec::new();
    for items in items.chunks(BATCH) {
        let seen: Vec<Picture> = items
            .iter()
            .map(|item| item.prepared.seen().clone())
            .collect();
        let output = network.reconstruct(&Picture::to_batch(&seen, device)?)?;
        outputs.push(output.to_device(&Device::Cpu)?);
    }
    Ok(Tensor::cat(&outputs, 0)?)
}

fn write_npy(path: &Path, outcomes: &[Outcome], array: &Tensor) -> Result<()> {
    let inputs = outcomes.iter().map(|outcome| &outcome.item.input);
    let names = inputs.map(|input| input.display().to_string());
    let names = Names::Files(names.collect());
    let mut file = Writer::create(path, array.dims().get(1..).unwrap_or_default(), &names)?;
    file.write(array)?;
    Ok(file.finish()?)
}
