//! `autoencode infer`.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::corruption::NoiseKey;
use autoencode::evaluate::psnr_db;
use autoencode::model::Autoencoder;
use autoencode::picture::{ContactSheet, Fit, Picture, fit, read_png, write_png, write_rgb};
use autoencode::random::Purpose;
use candle_core::{Device, Tensor};
use clap::Args;
use serde_json::json;

use super::evaluate::{gaussian, noise_factor};
use super::model::{Loaded, Model};
use super::output::{print, print_json, table};
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

/// The signal-to-noise ratio before and after the network, in dB.
#[derive(Clone, Copy)]
struct Gain {
    noisy: f64,
    result: f64,
}

/// Pictures that go through the network at once.
const BATCH: usize = 64;
/// Pixels a side on a sheet for each of the network's.
const SHEET_SCALE: usize = 4;

impl Infer {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let chosen = shared.device()?;
        let loaded = self.model.load(&chosen)?;
        let inputs = collect(&self.inputs)?;
        let outputs = name_outputs(&inputs, &self.output);
        if !self.force {
            refuse_existing(outputs.iter().chain(&self.sheet).chain(&self.npy))?;
        }
        // Everything is read before anything is written: a wrong input leaves no half of the results.
        let mut items = inputs
            .into_iter()
            .zip(outputs)
            .map(|(input, output)| self.read(input, output, &loaded))
            .collect::<Result<Vec<_>>>()?;
        if let Some(factor) = self.add_noise {
            self.add_noise(&mut items, factor)?;
        }
        let output = reconstruct(&loaded.model, &items, &chosen.device)?;
        let results = Picture::from_batch(&output)?;

        std::fs::create_dir_all(&self.output)
            .map_err(|source| Error::io("create the folder", &self.output, source))?;
        for (item, result) in items.iter().zip(&results) {
            write_png(&item.output, result)?;
        }
        if let Some(path) = &self.npy {
            write_npy(path, &output)?;
        }
        let gains: Vec<Option<Gain>> = items
            .iter()
            .zip(&results)
            .map(|(item, result)| item.gain(result))
            .collect();
        if let Some(path) = &self.sheet {
            write_rgb(path, &sheet(&loaded, &items, &results, &gains)?.render()?)?;
        }
        self.report(shared, &loaded, &items, &gains)
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

    fn report(
        &self,
        shared: &Shared,
        loaded: &Loaded,
        items: &[Item],
        gains: &[Option<Gain>],
    ) -> Result<()> {
        if shared.json {
            let files: Vec<_> = items
                .iter()
                .zip(gains)
                .map(|(item, gain)| {
                    json!({
                        "input": item.input.to_string_lossy(),
                        "output": item.output.to_string_lossy(),
                        "noisy_psnr_db": gain.map(|gain| gain.noisy),
                        "psnr_db": gain.map(|gain| gain.result),
                    })
                })
                .collect();
            return print_json(&json!({
                "checkpoint": loaded.origin,
                "files": files,
                "sheet": self.sheet,
            }));
        }
        if !shared.talks() {
            return Ok(());
        }
        let mut rows = Vec::new();
        if self.add_noise.is_some() {
            let heading = ["", "noisy (dB)", "output (dB)"];
            rows.push(heading.map(str::to_string).to_vec());
        }
        for (item, gain) in items.iter().zip(gains) {
            let mut row = vec![format!(
                "{} -> {}",
                item.input.display(),
                item.output.display()
            )];
            if let Some(gain) = gain {
                row.push(format!("{:.2}", gain.noisy));
                row.push(format!("{:.2}", gain.result));
            }
            rows.push(row);
        }
        print(&table(&rows))?;
        if let Some(path) = &self.sheet {
            print(&format!("sheet: {}", path.display()))?;
        }
        Ok(())
    }
}

impl Item {
    /// What the network sees.
    fn seen(&self) -> &Picture {
        self.noisy.as_ref().unwrap_or(&self.fitted)
    }

    /// Only where noise was added to a known reference.
    fn gain(&self, result: &Picture) -> Option<Gain> {
        let noisy = self.noisy.as_ref()?;
        Some(Gain {
            noisy: psnr_db(noisy.values(), self.fitted.values()),
            result: psnr_db(result.values(), self.fitted.values()),
        })
    }
}

/// The files named, and the PNG files of the folders named, in order of name.
fn collect(inputs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        if !input.is_dir() {
            files.push(input.clone());
            continue;
        }
        let entries = std::fs::read_dir(input)
            .map_err(|source| Error::io("read the folder", input, source))?;
        let mut found = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|source| Error::io("read the folder", input, source))?
                .path();
            let is_png = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
            if is_png && path.is_file() {
                found.push(path);
            }
        }
        if found.is_empty() {
            return Err(Error::file(input, "a folder with PNG files", "none").into());
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// `DIR/name.png` for each; equal names get `-2`, `-3`, ...
fn name_outputs(inputs: &[PathBuf], folder: &Path) -> Vec<PathBuf> {
    let mut taken = HashSet::new();
    inputs
        .iter()
        .map(|input| {
            let stem = input.file_stem().unwrap_or(input.as_os_str());
            (1usize..)
                .map(|number| {
                    let mut name = OsString::from(stem);
                    if number > 1 {
                        name.push(format!("-{number}"));
                    }
                    name.push(".png");
                    folder.join(name)
                })
                .find(|path| taken.insert(path.clone()))
                .unwrap_or_else(|| folder.join(stem))
        })
        .collect()
}

/// Nothing is overwritten unasked.
pub fn refuse_existing<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<()> {
    for path in paths {
        if path.exists() {
            let expected = "a file that does not exist yet (or --force to overwrite it)";
            return Err(Error::file(path, expected, "one that does").into());
        }
    }
    Ok(())
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

fn sheet(
    loaded: &Loaded,
    items: &[Item],
    results: &[Picture],
    gains: &[Option<Gain>],
) -> Result<ContactSheet> {
    let with_noise = items.iter().any(|item| item.noisy.is_some());
    let mut columns = vec!["input", "fitted"];
    if with_noise {
        columns.push("noisy");
    }
    columns.push("output");
    let mut rows = Vec::new();
    let mut captions = Vec::new();
    let mut labels = Vec::new();
    for ((item, result), gain) in items.iter().zip(results).zip(gains) {
        let mut row = vec![item.original.clone(), item.fitted.clone()];
        let mut under = vec![
            format!("{}x{}", item.original.width(), item.original.height()),
            String::new(),
        ];
        if let (Some(noisy), Some(gain)) = (&item.noisy, gain) {
            row.push(noisy.clone());
            under.push(format!("{:.1} dB", gain.noisy));
        }
        row.push(result.clone());
        under.push(gain.map_or(String::new(), |gain| format!("{:.1} dB", gain.result)));
        rows.push(row);
        captions.push(under);
        labels.push(file_name(&item.input));
    }
    Ok(ContactSheet::new(loaded.checkpoint.recipe.name.clone())
        .rows(rows)
        .row_labels(labels)
        .column_labels(columns)
        .captions(captions)
        .scale(SHEET_SCALE))
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
