//! `autoencode encode`.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Format, Names, Writer};
use autoencode::data::{Batch, Dataset, Images, grouped};
use autoencode::model::Code;
use autoencode::picture::Picture;
use candle_core::Device;
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::counter::Counter;
use super::files::{collect, make_folders, refuse_collisions, refuse_existing};
use super::model::{Loaded, Model};
use super::output::{print, print_json, shape};
use super::pictures::{Fitting, Noise};
use super::shared::{Data, Shared};

/// Write the codes of PNG files, or of a data set, to a file.
///
/// PNG files go in as in `infer`. Without INPUTS the images of a data set are taken, with their labels. Of
/// a variational autoencoder the codes are the means of their distributions. `decode` makes images of
/// the file again.
///
/// NAME.npy: the codes, 32-bit floats (N, code...); labels in NAME-labels.npy, bytes (N).
/// NAME.csv: a column `label` or `file`, then code_0, code_1, ... row-major.
/// NAME.safetensors: tensors `codes` and `labels` of the same shapes.
/// Rows stand in the order of the inputs; a data set without labels has 0 for all.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Encode {
    /// PNG files, or folders whose PNG files are taken [default: a data set].
    #[arg(value_name = "INPUT", conflicts_with_all = ["data", "offline", "part"])]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    model: Model,

    #[command(flatten)]
    data: Data,

    /// Which part of the data set.
    #[arg(long, value_enum, default_value_t = Part::Test)]
    part: Part,

    /// The file to write: .npy, .csv or .safetensors.
    #[arg(long, short, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(code_file))]
    output: PathBuf,

    #[command(flatten)]
    fitting: Fitting,

    #[command(flatten)]
    noise: Noise,

    /// Overwrite files that exist.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What networks learn from, without the images held out of it.
    Train,
    /// The images held out, which choose the best epoch.
    Validation,
    Test,
    /// All three, in this order.
    All,
}

/// A path whose name says which kind of file of codes it is.
pub fn code_file(path: PathBuf) -> Result<PathBuf, String> {
    match Format::of(&path) {
        Some(_) => Ok(path),
        None => Err("expected a name that ends in .npy, .csv or .safetensors".to_string()),
    }
}

/// Images that go through the encoder at once.
const BATCH: usize = 250;

/// What was encoded.
struct Done {
    names: Names,
    /// What the codes are of, in words.
    of: String,
}

impl Encode {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let chosen = shared.device()?;
        let loaded = self.model.load(&chosen)?;
        let done = match self.inputs.as_slice() {
            [] => self.data_set(&loaded, &chosen.device, shared)?,
            _ => self.pictures(&loaded, &chosen.device, shared)?,
        };
        self.report(&done, &loaded, shared)
    }

    fn pictures(&self, loaded: &Loaded, device: &Device, shared: &Shared) -> Result<Done> {
        let inputs = collect(&self.inputs)?;
        let files = inputs
            .iter()
            .map(|path| path.to_string_lossy().into_owned());
        let names = Names::Files(files.collect());
        let mut writer = self.start(&names, loaded)?;
        let mut counter = Counter::new(shared, "pictures", inputs.len());
        for (place, paths) in inputs.chunks(BATCH).enumerate() {
            let first = place * BATCH;
            let prepared = self
                .fitting
                .read_all(paths, first, &self.noise, &loaded.model)?;
            let seen: Vec<Picture> = prepared.iter().map(|one| one.seen().clone()).collect();
            writer.write(&loaded.model.encode(&Picture::to_batch(&seen, device)?)?)?;
            counter.add(paths.len());
        }
        writer.finish()?;
        let of = match inputs.len() {
            1 => "1 picture".to_string(),
            count => format!("{} pictures", grouped(count)),
        };
        Ok(Done { names, of })
    }

    fn data_set(&self, loaded: &Loaded, device: &Device, shared: &Shared) -> Result<Done> {
        if self.fitting.fit.is_some() {
            let expected = "PNG files to fit";
            return Err(Error::argument("--fit", expected, "a data set").into());
        }
        // What is there is refused before the hub is asked.
        self.refuse_existing(&Names::Labels(Vec::new()))?;
        let dataset = self.data.load(&loaded.checkpoint.recipe.data, shared)?;
        shared.note_origin(&dataset);
        let parts = self.part.of(&dataset);
        let labels = parts.iter().flat_map(|(_, images)| images.labels());
        let names = Names::Labels(labels.copied().collect());
        let mut writer = self.start(&names, loaded)?;
        let mut counter = Counter::new(shared, "images", names.len());
        for (number, images) in parts {
            let key = self.noise.key(number);
            let corruption = self.noise.corruption();
            let indices: Vec<u32> = (0u32..).take(images.len()).collect();
            for indices in indices.chunks(BATCH) {
                let batch = Batch::prepare(images, indices, &corruption, key, device)?;
                writer.write(&loaded.model.encode(&batch.input)?)?;
                counter.add(indices.len());
            }
        }
        writer.finish()?;
        let count = grouped(names.len());
        let of = match self.part {
            Part::Train => format!("{count} training images of {}", dataset.origin),
            Part::Validation => format!("{count} validation images of {}", dataset.origin),
            Part::Test => format!("{count} test images of {}", dataset.origin),
            Part::All => format!("all {count} images of {}", dataset.origin),
        };
        Ok(Done { names, of })
    }

    fn start(&self, names: &Names, loaded: &Loaded) -> Result<Writer> {
        self.refuse_existing(names)?;
        let paths = names.paths(&self.output);
        make_folders(&paths)?;
        Ok(Writer::create(
            &self.output,
            loaded.model.code_shape(),
            names,
        )?)
    }

    fn refuse_existing(&self, names: &Names) -> Result<()> {
        let paths = names.paths(&self.output);
        refuse_collisions(&paths.iter().collect::<Vec<_>>())?;
        match self.force {
            true => Ok(()),
            false => refuse_existing(&paths),
        }
    }

    fn report(&self, done: &Done, loaded: &Loaded, shared: &Shared) -> Result<()> {
        let paths = done.names.paths(&self.output);
        let model = &loaded.model;
        if shared.json {
            let labels = match done.names {
                Names::Labels(_) => Some(paths.last().unwrap_or(&self.output)),
                Names::Files(_) => None,
            };
            return print_json(&json!({
                "checkpoint": loaded.origin.to_string_lossy(),
                "of": done.of,
                "count": done.names.len(),
                "code": model.code_shape(),
                "means": matches!(model.code(), Code::Gaussian { .. }),
                "output": self.output.to_string_lossy(),
                "labels": labels.map(|path| path.to_string_lossy()),
            }));
        }
        if !shared.talks() {
            return Ok(());
        }
        let means = match model.code() {
            Code::Plain => "",
            Code::Gaussian { .. } => ", the means of their distributions",
        };
        let written: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        print(&format!(
            "{}: codes of {} values{means} -> {}",
            done.of,
            shape(model.code_shape()),
            written.join(", ")
        ))
    }
}

impl Part {
    /// The images, each with the number that keys the noise on them.
    fn of(self, dataset: &Dataset) -> Vec<(u64, &Images)> {
        let (train, validation, test) = (
            (1, &dataset.train),
            (2, &dataset.validation),
            (3, &dataset.test),
        );
        match self {
            Self::Train => vec![train],
            Self::Validation => vec![validation],
            Self::Test => vec![test],
            Self::All => vec![train, validation, test],
        }
    }
}
