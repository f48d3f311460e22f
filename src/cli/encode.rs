//! `autoencode encode`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Format, Names, Writer};
use autoencode::data::{Dataset, Images, grouped};
use autoencode::network::Code;
use autoencode::picture::Picture;
use autoencode::train::Interrupt;
use candle_core::{Device, Tensor};
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::counter::Counter;
use super::data::Data;
use super::files::{claim, collect, make_folders};
use super::model::{Loaded, Model};
use super::output::{print, print_json, shape};
use super::pictures::{Fitting, Noise};
use super::shared::Shared;

/// Encode PNG files or a data set, and write the codes to a file.
///
/// PNG files are fitted as in `infer`. Without INPUTS, the images of a data set are encoded, with
/// their labels. The codes of a variational autoencoder are the means of their distributions.
/// `decode` turns the file back into images.
///
/// NAME.npy: the codes, 32-bit floats (N, code...); labels in NAME-labels.npy, bytes (N).
/// NAME.csv: a column `label` or `file`, then code_0, code_1, ... row-major.
/// NAME.safetensors: tensors `codes` and `labels` of the same shapes.
/// Rows follow the order of the inputs; for a data set without labels, all labels are 0.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Encode {
    /// PNG files, or folders of PNG files [default: a data set].
    #[arg(value_name = "INPUT", conflicts_with_all = ["data", "offline", "part"])]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    model: Model,

    #[command(flatten)]
    data: Data,

    /// The part of the data set.
    #[arg(long, value_enum, default_value_t = Part::Test)]
    part: Part,

    /// The file to write: .npy, .csv or .safetensors.
    #[arg(long, short, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(code_file))]
    output: PathBuf,

    #[command(flatten)]
    fitting: Fitting,

    #[command(flatten)]
    noise: Noise,

    /// Overwrite existing files.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The images networks learn from, without the validation images.
    Train,
    /// The held-out images, which choose the best epoch.
    Validation,
    /// The images for the final figures.
    Test,
    /// All three, in this order.
    All,
}

/// A path whose extension is a known format of codes.
pub fn code_file(path: PathBuf) -> Result<PathBuf, String> {
    match Format::of(&path) {
        Some(_) => Ok(path),
        None => Err("expected a name that ends in .npy, .csv or .safetensors".to_string()),
    }
}

/// Images per encoder pass.
const BATCH: usize = 250;

/// The images to encode.
struct Work<'a> {
    names: Names,
    /// The source of the codes in words, and the plural noun for the inputs.
    of: String,
    noun: &'static str,
    /// The network's inputs, `(n, C, H, W)`, in the order of the names.
    batches: Box<dyn Iterator<Item = Result<Tensor>> + 'a>,
}

impl Encode {
    pub fn run(&self, shared: &Shared) -> Result<ExitCode> {
        let chosen = shared.device()?;
        let loaded = self.model.load(&chosen)?;
        let work = match self.inputs.as_slice() {
            [] => self.data_set(&loaded, &chosen.device, shared)?,
            _ => {
                loaded.of_images()?;
                self.pictures(&loaded, &chosen.device)?
            }
        };
        self.claim(&work.names, &loaded)?;
        let paths = work.names.paths(&self.output);
        make_folders(&paths)?;
        // On a signal, stop cleanly, so that the unfinished file is removed.
        let interrupt = Interrupt::install()?;
        let mut writer = Writer::create(&self.output, loaded.model().code_shape(), &work.names)?;
        let mut counter = Counter::new(shared, work.noun, work.names.len());
        for batch in work.batches {
            let codes = loaded.network.encode(&batch?)?;
            writer.write(&codes)?;
            counter.add(codes.dim(0)?);
            if interrupt.requested() {
                shared.remark(&format!(
                    "stopped; {} was not written",
                    self.output.display()
                ));
                return Ok(ExitCode::from(interrupt.exit_code()));
            }
        }
        writer.finish()?;
        drop(counter);
        shared.note_network(&loaded.network);
        self.report(&work.names, &work.of, &loaded, shared)?;
        Ok(ExitCode::SUCCESS)
    }

    fn pictures<'a>(&'a self, loaded: &'a Loaded, device: &'a Device) -> Result<Work<'a>> {
        let inputs = collect(&self.inputs)?;
        let files = inputs
            .iter()
            .map(|path| path.to_string_lossy().into_owned());
        let names = Names::Files(files.collect());
        let batches = (0..inputs.len()).step_by(BATCH).map(move |first| {
            let paths: Vec<PathBuf> = inputs.iter().skip(first).take(BATCH).cloned().collect();
            let prepared =
                self.fitting
                    .read_all(&paths, first, &self.noise, loaded.model(), false)?;
            let seen: Vec<Picture> = prepared.iter().map(|one| one.seen().clone()).collect();
            Ok(Picture::to_batch(&seen, device)?)
        });
        Ok(Work {
            of: match names.len() {
                1 => "1 picture".to_string(),
                count => format!("{} pictures", grouped(count)),
            },
            names,
            noun: "pictures",
            batches: Box::new(batches),
        })
    }

    fn data_set<'a>(
        &'a self,
        loaded: &Loaded,
        device: &'a Device,
        shared: &Shared,
    ) -> Result<Work<'a>> {
        if self.fitting.fit.is_some() {
            let expected = "PNG files to fit";
            return Err(Error::argument("--fit", expected, "a data set").into());
        }
        // Refuse a bad output path before any download.
        self.claim(&Names::Labels(Vec::new()), loaded)?;
        let dataset = self.data.load(&loaded.checkpoint.recipe.data, shared)?;
        shared.note_origin(&dataset);
        let mut labels = Vec::new();
        let mut chunks = Vec::new();
        for &part in self.part.parts() {
            let images = part.of(&dataset);
            labels.extend_from_slice(images.labels());
            let indices = images.indices();
            chunks.extend(
                indices
                    .chunks(BATCH)
                    .map(|indices| (part, indices.to_vec())),
            );
        }
        let count = grouped(labels.len());
        let of = match self.part {
            Part::Train => format!("{count} training images of {}", dataset.origin),
            Part::Validation => format!("{count} validation images of {}", dataset.origin),
            Part::Test => format!("{count} test images of {}", dataset.origin),
            Part::All => format!("all {count} images of {}", dataset.origin),
        };
        let batches = chunks.into_iter().map(move |(part, indices)| {
            // Each part has its own noise.
            let key = self.noise.key(1 + part as u64);
            self.noise.batch(part.of(&dataset), &indices, key, device)
        });
        Ok(Work {
            names: Names::Labels(labels),
            of,
            noun: "images",
            batches: Box::new(batches),
        })
    }

    fn claim(&self, names: &Names, loaded: &Loaded) -> Result<()> {
        let paths = names.paths(&self.output);
        let read = self.inputs.iter().cloned().chain(self.data.files());
        claim(&paths, read.chain([loaded.origin.clone()]), self.force)
    }

    fn report(&self, names: &Names, of: &str, loaded: &Loaded, shared: &Shared) -> Result<()> {
        let paths = names.paths(&self.output);
        let model = loaded.model();
        if shared.json {
            let labels = match names {
                Names::Labels(_) => Some(paths.last().unwrap_or(&self.output)),
                Names::Files(_) => None,
            };
            return print_json(&json!({
                "checkpoint": loaded.origin.to_string_lossy(),
                "of": of,
                "count": names.len(),
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
            of,
            shape(model.code_shape()),
            written.join(", ")
        ))
    }
}

impl Part {
    /// The selected parts, in order.
    fn parts(&self) -> &[Self] {
        match self {
            Self::All => &[Self::Train, Self::Validation, Self::Test],
            one => std::slice::from_ref(one),
        }
    }

    /// The images of one part.
    fn of(self, dataset: &Dataset) -> &Images {
        match self {
            Self::Train => &dataset.train,
            Self::Validation => &dataset.validation,
            Self::Test | Self::All => &dataset.test,
        }
    }
}
