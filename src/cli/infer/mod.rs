//! `autoencode infer`.

mod files;
mod report;

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::corruption::NoiseKey;
use autoencode::evaluate::psnr_db;
use autoencode::model::Autoencoder;
use autoencode::picture::{Fit, Picture, fit, read_png, write_png, write_rgb};
use autoencode::random::Purpose;
use candle_core::{Device, Tensor};
use clap::Args;

use files::{collect, name_outputs, refuse_collisions};
use report::{print_report, sheet};

pub use files::{folder_of, refuse_existing};

use super::evaluate::{gaussian, noise_factor};
use super::model::{Loaded, Model};
use super::shared::Shared;

/// Denoise PNG digits: each goes through the network and comes out as a PNG.
///
/// Pictures of any size, bit depth or colour are fitted to the network's input first.
#[derive(Debug, Args)]
pub struct Infer {
    /// PNG files, or folders whose PNG files are taken.
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    model: Model,

    /// Folder for the results, one PNG an input under its name.
    #[arg(long, short, value_name = "DIR", default_value = "denoised")]
    output: PathBuf,

    /// Add Gaussian noise of this factor to the fitted inputs first; the fitted input is then the
    /// clean reference that PSNR is measured against.
    #[arg(long, value_name = "FACTOR", value_parser = noise_factor)]
    add_noise: Option<f64>,

    /// Key of that noise.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Also draw one labelled sheet with input, fitted, noisy and output of each.
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,

    /// Also write the outputs unrounded, as one NumPy array of 32-bit floats (N, C, H, W).
    #[arg(long, value_name = "FILE.npy")]
    npy: Option<PathBuf>,

    /// How a picture is fitted [default: mnist for a network of 28x28 grey images, else resize].
    #[arg(long, value_enum)]
    fit: Option<Fit>,

    /// Overwrite files that exist.
    #[arg(long)]
    force: bool,
}

/// One input on its way.
struct Item {
    input: PathBuf,
    output: PathBuf,
    original: Picture,
    fitted: Picture,
    /// With noise, if it was asked for.
    noisy: Option<Picture>,
}

/// An input with what the network made of it.
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

/// Pictures that go through the network at once.
const BATCH: usize = 64;

impl Infer {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let chosen = shared.device()?;
        let loaded = self.model.load(&chosen)?;
        let inputs = collect(&self.inputs)?;
        let outputs = name_outputs(&inputs, &self.output);
        let written: Vec<&PathBuf> = outputs.iter().chain(&self.sheet).chain(&self.npy).collect();
        refuse_collisions(&written)?;
        if !self.force {
            refuse_existing(written.iter().copied())?;
        }
        let folders: Vec<PathBuf> = written.iter().filter_map(|path| folder_of(path)).collect();
        // Everything is read before anything is written: a wrong input leaves no half of the results.
        let mut items = inputs
            .into_iter()
            .zip(outputs)
            .map(|(input, output)| self.read(input, output, &loaded))
            .collect::<Result<Vec<_>>>()?;
        if let Some(factor) = self.add_noise {
            self.add_noise(&mut items, factor)?;
        }
        let reconstructions = reconstruct(&loaded.model, &items, &chosen.device)?;
        let pictures = Picture::from_batch(&reconstructions)?;
        let outcomes: Vec<Outcome> = items
            .into_iter()
            .zip(pictures)
            .map(|(item, picture)| Outcome { item, picture })
            .collect();

        for folder in folders {
            std::fs::create_dir_all(&folder)
                .map_err(|source| Error::io("create the folder", folder, source))?;
        }
        for outcome in &outcomes {
            write_png(&outcome.item.output, &outcome.picture)?;
        }
        if let Some(path) = &self.npy {
            write_npy(path, &reconstructions)?;
        }
        if let Some(path) = &self.sheet {
            write_rgb(path, &sheet(&outcomes, &loaded).render()?)?;
        }
        print_report(&outcomes, self.sheet.as_deref(), &loaded, shared)
    }

    fn read(&self, input: PathBuf, output: PathBuf, loaded: &Loaded) -> Result<Item> {
        let (channels, height, width) = match *loaded.model.input_shape() {
            [channels, height, width] => (channels, height, width),
            ref other => {
                return Err(Error::layer(
                    "input",
                    "channels, height and width",
                    format!("{other:?}"),
                )
                .into());
            }
        };
        let how = self.fit.unwrap_or(match (channels, height, width) {
            (1, 28, 28) => Fit::Mnist,
            _ => Fit::Resize,
        });
        // In colour, so that the sheet shows what was passed in.
        let original = read_png(&input, 3)?;
        let fitted = fit(&original, channels, height, width, how, &input)?;
        Ok(Item {
            input,
            output,
            original,
            fitted,
            noisy: None,
        })
    }

    fn add_noise(&self, items: &mut [Item], factor: f64) -> Result<()> {
        for (index, item) in (0u64..).zip(items) {
            let key = NoiseKey {
                seed: self.seed,
                purpose: Purpose::Picture,
                epoch: 0,
            };
            let mut values = item.fitted.values().to_vec();
            gaussian(factor).apply(key, index, &mut values);
            let (channels, height, width) = (
                item.fitted.channels(),
                item.fitted.height(),
                item.fitted.width(),
            );
            item.noisy = Some(Picture::new(channels, height, width, values)?);
        }
        Ok(())
    }
}

impl Item {
    /// What the network sees.
    fn seen(&self) -> &Picture {
        self.noisy.as_ref().unwrap_or(&self.fitted)
    }
}

impl Outcome {
    /// Only where noise was added to a known reference.
    fn gain(&self) -> Option<Gain> {
        let noisy = self.item.noisy.as_ref()?;
        let clean = self.item.fitted.values();
        Some(Gain {
            noisy: psnr_db(noisy.values(), clean),
            result: psnr_db(self.picture.values(), clean),
        })
    }
}

/// What the network makes of every item, `(N, C, H, W)` on the CPU.
fn reconstruct(model: &Autoencoder, items: &[Item], device: &Device) -> Result<Tensor> {
    let mut outputs = Vec::new();
    for items in items.chunks(BATCH) {
        let seen: Vec<Picture> = items.iter().map(|item| item.seen().clone()).collect();
        let output = model.reconstruct(&Picture::to_batch(&seen, device)?)?;
        outputs.push(output.to_device(&Device::Cpu)?);
    }
    Ok(Tensor::cat(&outputs, 0)?)
}

fn write_npy(path: &Path, array: &Tensor) -> Result<()> {
    array
        .write_npy(path)
        .map_err(|error| Error::io("write", path, std::io::Error::other(error)).into())
}
