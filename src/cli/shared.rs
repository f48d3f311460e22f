//! Flags that several commands take.

use std::io::IsTerminal;
use std::path::PathBuf;

use autoencode::Error;
use autoencode::data::{Dataset, Source, hub, load_with};
use autoencode::device::{Chosen, DeviceChoice};
use autoencode::recipe::{DataConfig, NamedSet};
use clap::Args;

use super::files::data_files;
use super::output::complain;

#[derive(Debug, Args)]
pub struct Shared {
    /// Where to compute: auto, cpu, cuda, cuda:N or metal.
    #[arg(
        long,
        global = true,
        default_value = "auto",
        value_name = "DEVICE",
        help_heading = "Common options"
    )]
    device: DeviceChoice,

    /// Threads on the CPU [default: one a core]. Results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Common options")]
    threads: Option<u16>,

    /// Print no progress, notes or lists of files: only errors and the result of a query.
    #[arg(long, short, global = true, help_heading = "Common options")]
    pub quiet: bool,

    /// Print the result as one JSON object on standard output.
    #[arg(long, global = true, help_heading = "Common options")]
    pub json: bool,
}

impl Shared {
    pub fn threads(&self) -> usize {
        match self.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// Opens the device, for a command that says which one it is.
    pub fn device_to_name(&self) -> autoencode::Result<Chosen> {
        self.device.open()
    }

    /// Opens the device, with a word where it is not the one that this build is for.
    pub fn device(&self) -> autoencode::Result<Chosen> {
        let chosen = self.device_to_name()?;
        if chosen.is_fallback {
            self.remark(&format!(
                "note: on the CPU, as there is {} (--device cpu asks for it)",
                chosen.reason
            ));
        }
        Ok(chosen)
    }

    /// Whether to print text for people on standard output.
    pub fn talks(&self) -> bool {
        !self.quiet && !self.json
    }

    /// Says if the data is not the full set, and how to get that.
    pub fn note_origin(&self, dataset: &Dataset) {
        if let Some(notice) = dataset.origin.notice() {
            self.remark(&format!("note: {notice}"));
        }
    }

    /// Says something beside the result: on standard error, unless --quiet.
    pub fn remark(&self, text: &str) {
        if !self.quiet {
            complain(text);
        }
    }
}

/// Which images to use.
#[derive(Debug, Args)]
pub struct Data {
    /// Images: a folder with the IDX files of MNIST or a set like it, a folder of PNG pictures
    /// (folders inside it are classes), an .npz or an .npy file of NumPy
    /// [default: the recipe's data.set from the Hugging Face hub; for MNIST, if that cannot be had,
    /// the built-in sample of 12,000 digits].
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,

    /// Download nothing: take the data set from the cache of earlier downloads; for MNIST, if it is
    /// not there, the built-in sample.
    #[arg(long)]
    offline: bool,
}

impl Data {
    /// The files that are read, where data is given by its path.
    pub fn files(&self) -> Vec<PathBuf> {
        self.data.as_deref().map_or_else(Vec::new, data_files)
    }

    /// Loads the data as the recipe's `[data]` says; [`Shared::note_origin`] then says if it is not the
    /// full set.
    pub fn load(&self, config: &DataConfig, shared: &Shared) -> autoencode::Result<Dataset> {
        self.request(config, shared)?.load()
    }

    /// What is to be loaded, after a word on what may take long.
    pub fn request(&self, config: &DataConfig, shared: &Shared) -> autoencode::Result<Request> {
        let source = match (&self.data, config.points) {
            (Some(path), Some(_)) => {
                return Err(Error::argument(
                    "--data",
                    "nothing, as the recipe makes its own points (data.points)",
                    path.display(),
                ));
            }
            (Some(path), None) => Source::Path(path.clone()),
            (None, _) => Source::from(config),
        };
        let set = match source {
            Source::Mnist => Some(NamedSet::Mnist),
            Source::FashionMnist => Some(NamedSet::FashionMnist),
            _ => None,
        };
        if let Some(set) = set
            && hub::downloads(set, self.offline)
            && std::io::stderr().is_terminal()
        {
            shared.remark(&format!(
                "getting {} from the Hugging Face hub (--offline skips this)",
                set.title()
            ));
        }
        Ok(Request {
            source,
            config: config.clone(),
            offline: self.offline,
        })
    }
}

/// Data that is wanted.
pub struct Request {
    source: Source,
    config: DataConfig,
    offline: bool,
}

impl Request {
    pub fn load(&self) -> autoencode::Result<Dataset> {
        load_with(&self.source, &self.config, self.offline)
    }
}
