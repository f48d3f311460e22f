//! Sources of images, loaded as one data set in memory.
//!
//! A data set has three parts: networks learn from `train`; `validation`, held out of the training set,
//! chooses the best epoch; `test` is only for the final figures.

mod batch;
mod batches;
mod classes;
mod fingerprint;
mod folder;
pub mod hub;
mod idx;
mod image_files;
mod image_folder;
mod images;
mod listing;
pub(crate) mod npy;
pub(crate) mod npy_header;
mod npy_values;
mod npz;
mod origin;
mod path;
mod points;
pub(crate) mod python;
mod sample;
mod split;

use std::path::PathBuf;

pub use batch::{Batch, Keys, Preparation};
pub use batches::Batches;
pub use images::{Images, Sample};
pub use origin::{Origin, grouped};

use crate::recipe::{DataConfig, NamedSet, Points, ValidationSet};
use crate::{Error, Result};
use origin::Place;

/// Where the images come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A known set. MNIST and Fashion-MNIST come from the Hugging Face hub through candle-datasets; if the
    /// hub cannot provide MNIST, the built-in sample takes its place.
    Set(NamedSet),
    /// A file or folder, whose kind is detected from its contents:
    ///
    /// - A folder with four IDX files named as MNIST's, raw or gzipped.
    /// - A folder of PNG pictures, either directly inside or in one folder per class: labels count from 0
    ///   in the order of the names, or are the names if all are numbers from 0 to 255. Folders `train` and
    ///   `test` hold the two sets; without them `test_fraction` of the images become the test set. Files of
    ///   other types are left out, and [`Origin`] reports them.
    /// - An `.npz` file with the arrays `x_train`, `y_train`, `x_test` and `y_test`.
    /// - An `.npy` file, without labels (all are 0); `test_fraction` of it becomes the test set.
    ///
    /// Arrays of images are `(N, H, W)`, `(N, C, H, W)` or `(N, H, W, C)` with C 1 or 3, bytes or floats
    /// in [0, 1]. Floats are rounded to the nearest byte.
    Path(PathBuf),
    /// A synthetic set.
    Points(Points),
}

impl Source {
    /// The known set of this name, else the data at this path. `./mnist` is always a path.
    pub fn named(name_or_path: PathBuf) -> Self {
        let of_name = |set: &NamedSet| name_or_path.as_os_str() == set.name();
        match NamedSet::ALL.into_iter().find(of_name) {
            Some(set) => Self::Set(set),
            None => Self::Path(name_or_path),
        }
    }
}

impl From<&DataConfig> for Source {
    /// The source that a recipe names, used if no other is given.
    fn from(config: &DataConfig) -> Self {
        match config.points {
            Some(points) => Self::Points(points),
            None => Self::Set(config.set),
        }
    }
}

/// A data set in memory.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// The samples that networks learn from.
    pub train: Images,
    /// Held out of the training set; chooses the best epoch.
    pub validation: Images,
    /// Only for the final figures.
    pub test: Images,
    /// A description of the source, for people.
    pub origin: Origin,
}

/// Loads a data set as for a recipe without a `[data]` table; with `offline` nothing is downloaded.
///
/// # Errors
/// As for [`load_with`].
pub fn load(source: &Source, offline: bool) -> Result<Dataset> {
    load_with(source, &DataConfig::default(), offline)
}

/// Loads a data set with the classes, size and channels of the recipe; with `offline` nothing is
/// downloaded, but a set in the hub client's cache is used.
///
/// For MNIST an unreachable hub is no error: the built-in sample takes its place, and [`Origin::notice`]
/// says so. Images of other classes are dropped first; then one tenth of the training images, up to 5,000,
/// become the validation images, unless the recipe validates on the test images. They are drawn regardless
/// of their labels, and are the same for every run.
///
/// # Errors
/// When a file or folder is missing, damaged, of another kind or does not fit the others, when the hub
/// does not provide Fashion-MNIST, and when the data lacks the classes, size or channels of the recipe.
pub fn load_with(source: &Source, config: &DataConfig, offline: bool) -> Result<Dataset> {
    let ((train, test), place) = match source {
        Source::Points(points) => return points::generate(points),
        Source::Path(path) => {
            let (parts, left_out) = path::load(path, config)?;
            (parts, Place::Path(path, left_out))
        }
        Source::Set(NamedSet::Sample) => (sample::load()?, Place::Sample(None)),
        Source::Set(set) => match hub::load(*set, offline, hub::SILENCE) {
            Ok(parts) => (parts, Place::Hub(*set)),
            Err(reason) if *set == NamedSet::Mnist => {
                (sample::load()?, Place::Sample(Some(reason)))
            }
            Err(reason) => return Err(Error::argument(set.title(), FASHION_MNIST, reason)),
        },
    };
    check_shape(config, train.shape())?;
    let (train, test) = match &config.classes {
        Some(classes) => (
            classes::keep(&train, classes, "training")?,
            classes::keep(&test, classes, "test")?,
        ),
        None => (train, test),
    };
    let origin = Origin::new(place, &train, &test, config.classes.as_deref());
    let path = match source {
        Source::Path(path) => Some(path.as_path()),
        _ => None,
    };
    let (train, validation) = match config.validation {
        ValidationSet::HeldOut => split::hold_out(&train, path)?,
        ValidationSet::Test => (train, test.clone()),
    };
    Ok(Dataset {
        train,
        validation,
        test,
        origin,
    })
}

/// The remedy if the hub does not provide Fashion-MNIST.
const FASHION_MNIST: &str = "an answer of the Hugging Face hub, or --data DIR with its four IDX files \
     (Debian's package dataset-fashion-mnist puts them into /usr/share/datasets/fashion-mnist)";

/// Checks the size and channels that the recipe requires; pictures were already converted to them.
fn check_shape(config: &DataConfig, shape: (usize, usize, usize)) -> Result<()> {
    let (channels, height, width) = shape;
    if let Some(size) = config.size
        && size.height_width() != (height, width)
    {
        let (wanted_height, wanted_width) = size.height_width();
        return Err(Error::recipe(
            "data.size",
            format!(
                "{height}x{width}, the size of the data (only folders of pictures are resized)"
            ),
            format!("{wanted_height}x{wanted_width}"),
        ));
    }
    if let Some(wanted) = config.channels
        && wanted != channels
    {
        let expected =
            format!("{channels}, as the data has (only folders of pictures are converted)");
        return Err(Error::recipe("data.channels", expected, wanted));
    }
    Ok(())
}
