//! `autoencode encode`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Format, Names, Writer};
use autoencode::data::counted;
use autoencode::file::Publish;
use autoencode::network::Code;
use autoencode::train::Interrupt;
use candle_core::Tensor;
use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use serde_json::json;

use super::data::Data;
use super::files::{claim, lossy, make_folders};
use super::inputs::{Inputs, is_standard};
use super::model::{Loaded, Model};
use super::output::{complain, listed, shape};
use super::part::{Part, PartFlag};
use super::pictures::{Fitting, Noise, Previews, at_a_time, batch};
use super::shared::Shared;
use super::status::Counter;
use super::trained_data::{Found, Relation, TrainedData};
use super::wording::FORCE;

/// Encode pictures or a data set, and write the codes to a file.
///
/// Pictures are fitted as in `infer`. Without INPUTS, the images of a data set are encoded, with
/// their labels. The codes of a variational autoencoder are the means of their distributions.
/// `decode` turns the file back into images.
///
/// NAME.npy: the codes, 32-bit floats (N, code...); labels in NAME-labels.npy, integers (N): bytes, or
/// larger ones where a label is above 255.
/// NAME.csv: a column `label` or `file`, then code_0, code_1, ... row-major. Where classes have names (those
/// of subfolders, or of Fashion-MNIST), a column `class` after `label` holds them.
/// NAME.safetensors: tensors `codes` and `labels` of the same shapes.
/// Rows follow the order of the inputs; for a data set without labels, all labels are 0.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Encode {
    /// Picture files, folders of them with the folders inside, or - for one on standard input [default: a data
    /// set].
    #[arg(value_name = "INPUT", conflicts_with_all = ["data", "offline", "part"])]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    model: Model,

    #[command(flatten)]
    data: Data,

    #[command(flatten)]
    part: PartFlag,

    /// The file to write: .npy, .csv or .safetensors; - writes CSV on standard output.
    #[arg(long, short, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(code_file_or_standard))]
    output: PathBuf,

    #[command(flatten)]
    fitting: Fitting,

    #[command(flatten)]
    noise: Noise,

    #[arg(long, help = FORCE)]
    force: bool,
}

/// A path whose extension is a known format of codes.
pub fn code_file(path: PathBuf) -> Result<PathBuf, String> {
    match Format::of(&path) {
        Some(_) => Ok(path),
        None => Err("expected a name that ends in .npy, .csv or .safetensors".to_string()),
    }
}

/// The same, or standard output.
fn code_file_or_standard(path: PathBuf) -> Result<PathBuf, String> {
    match is_standard(&path) {
        true => Ok(path),
        false => code_file(path).map_err(|expected| expected + ", or - for standard output"),
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
    /// The files that are read.
    read: Vec<PathBuf>,
    /// Files of other types in folders of pictures.
    left_out: Option<usize>,
    /// For a data set, how it relates to the checkpoint.
    relation: Option<Relation>,
    /// The network's inputs, `(n, C, H, W)`, in the order of the names.
    batches: Box<dyn Iterator<Item = Result<Tensor>> + 'a>,
}

impl Encode {
    pub fn run(&self, shared: &Shared) -> Result<ExitCode> {
        let of_data_set = self.inputs.is_empty();
        let loaded = match of_data_set {
            true => self.model.load_for_codes(true, shared)?,
            false => self.model.load_for_codes(false, shared)?,
        };
        let work = match of_data_set {
            true => self.data_set(&loaded, shared)?,
            false => self.pictures(&loaded, shared)?,
        };
        self.claim(&work.names, &work.read, &loaded)?;
        make_folders(&self.files(&work.names))?;
        // On a signal, stop cleanly, so that the unfinished file is removed.
        let interrupt = Interrupt::install()?;
        let (code, publish) = (loaded.model().code_shape(), Publish::forced(self.force));
        let mut writer = match is_standard(&self.output) {
            true => Writer::stream(std::io::stdout(), "standard output", code, &work.names)?,
            false => Writer::create(&self.output, code, &work.names, publish)?,
        };
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
        let (relation, left_out) = (work.relation.as_ref(), work.left_out);
        self.report(&work.names, &work.of, relation, left_out, &loaded, shared)?;
        Ok(ExitCode::SUCCESS)
    }

    fn pictures<'a>(&'a self, loaded: &'a Loaded, shared: &Shared) -> Result<Work<'a>> {
        let inputs = Inputs::find(&self.inputs, None, shared)?;
        let left_out = inputs.left_out;
        let names = lossy(&inputs.shown).into_iter().map(Cow::into_owned);
        let names = Names::Files(names.collect());
        let size = BATCH.min(at_a_time(loaded));
        let batches = (0..inputs.paths.len()).step_by(size).map(move |first| {
            // All of it stays until the last is read: it also holds standard input.
            let inputs = &inputs;
            let end = inputs.paths.len().min(first + size);
            let paths = inputs.paths.get(first..end).unwrap_or_default();
            let (noise, none) = (&self.noise, Previews::default());
            let prepared = self.fitting.read_all(paths, first, noise, loaded, none)?;
            batch(&prepared, &loaded.device)
        });
        Ok(Work {
            of: counted(names.len(), "pictures"),
            names,
            noun: "pictures",
            read: self.inputs.clone(),
            left_out: Some(left_out),
            relation: None,
            batches: Box::new(batches),
        })
    }

    fn data_set<'a>(&'a self, loaded: &'a Loaded, shared: &Shared) -> Result<Work<'a>> {
        if self.fitting.fit.is_some() {
            let expected = "picture files to fit";
            return Err(Error::argument("--fit", expected, "a data set").into());
        }
        // Refuse a bad output path before any download.
        let none = Names::Labels {
            labels: Vec::new(),
            class_names: BTreeMap::new(),
        };
        let data = TrainedData::find(&self.data, &loaded.checkpoint, &loaded.origin, shared)?;
        self.claim(&none, &data.files(), loaded)?;
        let Found { dataset, relation } = data.load(shared)?;
        let part = self.part.part;
        let (mut labels, mut chunks, mut sets) = (Vec::new(), Vec::new(), Vec::new());
        for &one in part.parts() {
            let images = one.measured().images(&dataset)?;
            labels.extend_from_slice(images.labels());
            let indices = images.indices();
            let indices = indices.chunks(BATCH).map(<[u32]>::to_vec);
            chunks.extend(indices.map(|indices| (sets.len(), indices)));
            sets.push((one, images));
        }
        if labels.is_empty() {
            return Err(Part::without_images(&dataset).into());
        }
        let count = part.described(labels.len(), "images");
        let other = relation.other();
        let other = other.map_or(String::new(), |other| format!(", {other}"));
        let of = format!("{count} of {}{other}", dataset.origin);
        let class_names = dataset.train.class_names().clone();
        let batches = chunks.into_iter().filter_map(move |(set, indices)| {
            let (part, images) = sets.get(set)?;
            // Each part has its own noise.
            let key = self.noise.key(1 + *part as u64);
            Some(self.noise.batch(images, &indices, key, &loaded.device))
        });
        Ok(Work {
            names: Names::Labels {
                labels,
                class_names,
            },
            of,
            noun: "images",
            read: data.files(),
            left_out: None,
            relation: Some(relation),
            batches: Box::new(batches),
        })
    }

    fn claim(&self, names: &Names, read: &[PathBuf], loaded: &Loaded) -> Result<()> {
        claim(
            &self.files(names),
            read.iter().chain([&loaded.origin]),
            self.force,
        )
    }

    /// The files to write; none on standard output.
    fn files(&self, names: &Names) -> Vec<PathBuf> {
        match is_standard(&self.output) {
            true => Vec::new(),
            false => names.paths(&self.output),
        }
    }

    fn report(
        &self,
        names: &Names,
        of: &str,
        relation: Option<&Relation>,
        left_out: Option<usize>,
        loaded: &Loaded,
        shared: &Shared,
    ) -> Result<()> {
        let paths = names.paths(&self.output);
        let model = loaded.model();
        let are_means = matches!(model.code(), Code::Gaussian { .. });
        let (labels, class_names) = match names {
            Names::Labels { class_names, .. } => (
                Some(paths.last().unwrap_or(&self.output)),
                Some(class_names),
            ),
            Names::Files(_) => (None, None),
        };
        let json = json!({
            "checkpoint": loaded.origin.to_string_lossy(),
            "of": of,
            "left_out": left_out,
            "same_data": relation.map(|relation| relation.same_data),
            "trained_on": relation.map(|relation| &relation.trained_on),
            "count": names.len(),
            "code": model.code_shape(),
            "means": are_means,
            "output": self.output.to_string_lossy(),
            "labels": labels.map(|path| path.to_string_lossy()),
            "class_names": class_names,
        });
        // The file has no place for it, and nobody asked for other data.
        if shared.quiet
            && !shared.json
            && !self.data.is_given()
            && relation.is_some_and(|relation| !relation.same_data)
        {
            complain(of);
        }
        let beside = is_standard(&self.output);
        shared.report_beside(beside, &json, || {
            let means = match are_means {
                true => ", the means of their distributions",
                false => "",
            };
            let values = match model.code_shape() {
                [one] => counted(*one, "values"),
                several => format!("{} values", shape(several)),
            };
            let written = match beside {
                true => "standard output".to_string(),
                false => listed(&paths),
            };
            format!("{of}: codes of {values}{means} -> {written}")
        })
    }
}
