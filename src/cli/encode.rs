//! `autoencode encode`.

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Format, Names, Writer};
use autoencode::data::{Dataset, Images, grouped};
use autoencode::network::Code;
use autoencode::train::Interrupt;
use candle_core::Tensor;
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::data::Data;
use super::files::{claim, collect, lossy, make_folders};
use super::model::{Loaded, Model};
use super::output::{listed, shape};
use super::pictures::{Fitting, Noise, batch};
use super::shared::Shared;
use super::status::Counter;

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
        let of_data_set = self.inputs.is_empty();
        let loaded = match of_data_set {
            true => self.model.load(shared)?,
            false => self.model.load_for_images(shared)?,
        };
        let work = match of_data_set {
            true => self.data_set(&loaded, shared)?,
            false => self.pictures(&loaded)?,
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
                let output = self.output.display();
                shared.remark(&format!("stopped; {output} was not written"));
                return Ok(ExitCode::from(interrupt.exit_code()));
            }
        }
        writer.finish()?;
        drop(counter);
        shared.note_network(&loaded.network);
        self.report(&work.names, &work.of, &loaded, shared)?;
        Ok(ExitCode::SUCCESS)
    }

    fn pictures<'a>(&'a self, loaded: &'a Loaded) -> Result<Work<'a>> {
        let inputs = collect(&self.inputs)?;
        let names = lossy(&inputs).into_iter().map(Cow::into_owned);
        let names = Names::Files(names.collect());
        let batches = (0..inputs.len()).step_by(BATCH).map(move |first| {
            let end = inputs.len().min(first + BATCH);
            let paths = inputs.get(first..end).unwrap_or_default();
            let (noise, model) = (&self.noise, loaded.model());
            let prepared = self.fitting.read_all(paths, first, noise, model, false)?;
            batch(&prepared, &loaded.device)
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

    fn data_set<'a>(&'a self, loaded: &'a Loaded, shared: &Shared) -> Result<Work<'a>> {
        if self.fitting.fit.is_some() {
            let expected = "PNG files to fit";
            return Err(Error::argument("--fit", expected, "a data set").into());
        }
        // Refuse a bad output path before any download.
        self.claim(&Names::Labels(Vec::new()), loaded)?;
        let dataset = self.data.load(&loaded.checkpoint.recipe.data, shared)?;
        let mut labels = Vec::new();
        let mut chunks = Vec::new();
        for &part in self.part.parts() {
            let images = part.of(&dataset);
            labels.extend_from_slice(images.labels());
            let indices = images.indices();
            let indices = indices.chunks(BATCH);
            chunks.extend(indices.map(|indices| (part, indices.to_vec())));
        }
        let count = grouped(labels.len());
        let (all, kind) = match self.part {
            Part::Train => ("", "training "),
            Part::Validation => ("", "validation "),
            Part::Test => ("", "test "),
            Part::All => ("all ", ""),
        };
        let of = format!("{all}{count} {kind}images of {}", dataset.origin);
        let batches = chunks.into_iter().map(move |(part, indices)| {
            // Each part has its own noise.
            let key = self.noise.key(1 + part as u64);
            self.noise
                .batch(part.of(&dataset), &indices, key, &loaded.device)
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
        let are_means = matches!(model.code(), Code::Gaussian { .. });
        let labels = match names {
            Names::Labels(_) => Some(paths.last().unwrap_or(&self.output)),
            Names::Files(_) => None,
        };
        let json = json!({
            "checkpoint": loaded.origin.to_string_lossy(),
            "of": of,
            "count": names.len(),
            "code": model.code_shape(),
            "means": are_means,
            "output": self.output.to_string_lossy(),
            "labels": labels.map(|path| path.to_string_lossy()),
        });
        shared.report(&json, || {
            let means = match are_means {
                true => ", the means of their distributions",
                false => "",
            };
            let (values, written) = (shape(model.code_shape()), listed(&paths));
            format!("{of}: codes of {values} values{means} -> {written}")
        })
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
