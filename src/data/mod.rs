//! Sources of images, brought into one data set in memory.
//!
//! A data set has three parts. Networks learn from `train`; `validation`, held out of the training
//! set, chooses the best epoch; `test` is for the final figures alone.

mod batch;
mod batches;
mod fingerprint;
mod folder;
pub mod hub;
mod idx;
mod images;
mod origin;
mod sample;
#[cfg(feature = "hub")]
mod silence;
mod split;

use std::path::PathBuf;

pub use batch::Batch;
pub use batches::Batches;
pub use images::Images;
pub use origin::{Origin, grouped};

use crate::Result;

/// Where the images come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// MNIST from the Hugging Face hub through candle-datasets; where that cannot be had, the
    /// built-in sample.
    Mnist,
    /// The built-in sample of MNIST.
    Sample,
    /// A folder with the four IDX files of MNIST or a data set like it, raw or gzipped.
    Folder(PathBuf),
}

/// A data set in memory.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// What the networks learn from.
    pub train: Images,
    /// Held out of the training set; chooses the best epoch.
    pub validation: Images,
    /// For the final figures alone.
    pub test: Images,
    /// Where the images come from, for people.
    pub origin: Origin,
}

/// Loads a data set; with `offline` the hub is not asked.
///
/// A hub that cannot be reached is no error: the built-in sample takes its place, and
/// [`Origin::notice`] says so. The validation images are drawn without a look at their labels, one
/// tenth of the training set up to 5,000, and are the same for every run.
///
/// # Errors
/// When a folder lacks one of the files, or a file is damaged or does not fit the others.
pub fn load(source: &Source, offline: bool) -> Result<Dataset> {
    let (train, test, origin) = match source {
        Source::Folder(folder) => {
            let (train, test) = folder::load(folder)?;
            let origin = Origin::folder(&train, &test, folder);
            (train, test, origin)
        }
        Source::Sample => load_sample(None)?,
        Source::Mnist if offline => load_sample(Some("--offline skips the hub".into()))?,
        Source::Mnist => match hub::load(hub::SILENCE) {
            Ok((train, test)) => {
                let origin = Origin::hub(&train, &test);
                (train, test, origin)
            }
            Err(reason) => load_sample(Some(reason))?,
        },
    };
    let (train, validation) = split::hold_out(&train)?;
    Ok(Dataset {
        train,
        validation,
        test,
        origin,
    })
}

fn load_sample(reason: Option<String>) -> Result<(Images, Images, Origin)> {
    let (train, test) = sample::load()?;
    let origin = Origin::sample(&train, &test, reason);
    Ok((train, test, origin))
}
