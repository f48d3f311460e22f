//! The data for a command that has a checkpoint: what `--data` gives, else what the network was trained on.

use std::path::{Path, PathBuf};

use autoencode::Error;
use autoencode::checkpoint::Checkpoint;
use autoencode::data::{Dataset, Source, load_to_use, load_with};
use autoencode::recipe::{DataConfig, NamedSet};
use autoencode::train::data_of_run;
use serde::Serialize;

use super::data::Data;
use super::files::data_files;
use super::output::shape;
use super::shared::Shared;

/// The content of all of MNIST, as most recipes use it. The built-in sample may take its place if the hub cannot be
/// reached, also for a checkpoint that was trained on all of it.
const ALL_OF_MNIST: &str = "55,000 + 5,000 + 10,000 images of 1x28x28, SHA-256 da21b7c9d749165c...";

/// Where the data for a checkpoint is.
pub struct TrainedData {
    source: Source,
    is_given: bool,
    config: DataConfig,
    offline: bool,
    /// As [`Checkpoint::data`].
    trained_on: String,
    /// The shape that the network takes.
    input: Option<[usize; 3]>,
    checkpoint: PathBuf,
}

/// The data, and whether the checkpoint was trained on it.
pub struct Found {
    pub dataset: Dataset,
    pub relation: Relation,
}

/// What a result says about the data beside its origin.
#[derive(Debug, Clone, Serialize)]
pub struct Relation {
    /// Whether the checkpoint was trained on a set with the same content, all parts taken together.
    pub same_data: bool,
    /// The content of the data that it was trained on.
    pub trained_on: String,
}

impl Relation {
    /// A phrase for data that the checkpoint was not trained on.
    pub fn other(&self) -> Option<String> {
        let phrase = || {
            format!(
                "other data than the network was trained on ({})",
                self.trained_on
            )
        };
        (!self.same_data).then(phrase)
    }
}

impl TrainedData {
    /// Finds the data for a checkpoint, read from `file`; announces a download, which may take long.
    ///
    /// # Errors
    /// If the data is not where its run found it, or `--data` is wrong.
    pub fn find(
        data: &Data,
        checkpoint: &Checkpoint,
        file: &Path,
        shared: &Shared,
    ) -> autoencode::Result<Self> {
        let config = &checkpoint.recipe.data;
        let kept = data_of_run(file).filter(|_| config.points.is_none());
        let default = kept.map_or_else(|| Source::from(config), Source::named);
        if let (false, Source::Path(path)) = (data.is_given(), &default)
            && path.symlink_metadata().is_err()
        {
            let expected = format!("the data that {} was trained on", file.display());
            let found = "nothing (if it has moved, pass --data with its new place)";
            return Err(Error::file(path, expected, found));
        }
        Ok(Self {
            source: data.source_or(default, config, shared)?,
            is_given: data.is_given(),
            config: config.clone(),
            offline: data.offline,
            trained_on: checkpoint.data.clone(),
            input: checkpoint.recipe.network.input(),
            checkpoint: file.to_path_buf(),
        })
    }

    /// The files to read, which no result may replace.
    pub fn files(&self) -> Vec<PathBuf> {
        match &self.source {
            Source::Path(path) => data_files(path),
            Source::Set(_) | Source::Points(_) => Vec::new(),
        }
    }

    /// Loads the data, and notes if it is not the full set that was asked for.
    ///
    /// # Errors
    /// As [`TrainedData::load_quietly`].
    pub fn load(&self, shared: &Shared) -> autoencode::Result<Found> {
        let found = self.load_quietly()?;
        if self.is_given || !found.relation.same_data {
            shared.note_origin(&found.dataset);
        }
        Ok(found)
    }

    /// Loads the data as the recipe's `[data]` says.
    ///
    /// # Errors
    /// If it cannot be read, or is not what the checkpoint was trained on though nobody gave it.
    pub fn load_quietly(&self) -> autoencode::Result<Found> {
        let loaded = load_to_use(&self.source, &self.config, self.offline);
        let dataset = loaded.map_err(|error| match (&error, &self.source) {
            _ if self.is_given => error,
            // The recipe's set lacks the size, channels or classes that the recipe has from other data.
            (Error::Recipe { .. }, Source::Set(set)) => self.not(set.title()),
            (_, Source::Path(_)) if error.is_input() => {
                self.not(&format!("data that cannot be used: {error}"))
            }
            _ => error,
        })?;
        self.check_shape(&dataset)?;
        let found = self.relate(dataset);
        if found.relation.same_data || self.is_given || found.dataset.train.are_points() {
            return Ok(found);
        }
        if self.source == Source::Set(NamedSet::Mnist) {
            if found.dataset.origin.is_sample() && self.trained_on == ALL_OF_MNIST {
                return Ok(found);
            }
            // A run that could not reach the hub was trained on the sample.
            let sample = Source::Set(NamedSet::Sample);
            if let Ok(sample) = load_with(&sample, &self.config, true)
                && sample.content() == self.trained_on
            {
                return Ok(self.relate(sample));
            }
        }
        Err(self.not(&match &self.source {
            Source::Path(_) => found.dataset.content(),
            Source::Set(_) | Source::Points(_) => found.dataset.origin.to_string(),
        }))
    }

    /// Refuses images that the network does not take.
    fn check_shape(&self, dataset: &Dataset) -> autoencode::Result<()> {
        let (channels, height, width) = dataset.test.shape();
        let dims = [channels, height, width];
        let Some(input) = self.input.filter(|input| *input != dims) else {
            return Ok(());
        };
        let expected = format!(
            "{} of {}, as the network in {} takes",
            self.config.noun(),
            shape(&input),
            self.checkpoint.display()
        );
        let found = format!("{} of {}", self.config.noun(), shape(&dims));
        Err(match &self.source {
            Source::Path(path) => Error::file(path, expected, found),
            Source::Set(_) | Source::Points(_) => Error::argument("--data", expected, found),
        })
    }

    fn relate(&self, dataset: Dataset) -> Found {
        let relation = Relation {
            same_data: dataset.content() == self.trained_on,
            trained_on: self.trained_on.clone(),
        };
        Found { dataset, relation }
    }

    /// The error for data that is not what the checkpoint was trained on.
    fn not(&self, found: &str) -> Error {
        let (checkpoint, trained_on) = (self.checkpoint.display(), &self.trained_on);
        let found = format!("{found} (pass --data with the data to use)");
        match &self.source {
            Source::Path(path) => {
                let expected = format!("the data that {checkpoint} was trained on, {trained_on}");
                Error::file(path, expected, found)
            }
            Source::Set(_) | Source::Points(_) => {
                let expected = format!("its training data, {trained_on}");
                Error::file(&self.checkpoint, expected, format!("only {found}"))
            }
        }
    }
}
