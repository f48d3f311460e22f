//! Sources of images, loaded as one data set in memory.
//!
//! A data set has three parts: networks learn from `train`; `validation`, held out of the training set,
//! chooses the best epoch; `test` is only for the final figures.

mod batch;
mod batches;
pub(crate) mod classes;
mod fingerprint;
mod folder;
pub mod hub;
mod idx;
mod image_files;
mod image_folder;
mod images;
mod in_patches;
mod listing;
pub(crate) mod npy;
pub(crate) mod npy_header;
mod npy_layout;
mod npy_order;
mod npy_pixels;
mod npy_values;
mod npz;
mod npz_names;
mod origin;
mod parts;
mod patch;
mod path;
mod points;
mod preparation;
pub(crate) mod python;
mod sample;
mod split;
pub(crate) mod table;
mod wholes;

use std::path::PathBuf;

pub use batch::Batch;
pub use batches::Batches;
pub use images::{Images, Sample};
pub use listing::{Pictures, left_out};
pub use origin::{Origin, counted, grouped};
pub use patch::Whole;
pub use preparation::{Keys, PatchDraw, Preparation};

use crate::recipe::{DataConfig, NamedSet, Points, ValidationSet};
pub use crate::run_files::is_of_run;
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
    /// - A folder of pictures (PNG, JPEG, TIFF, WebP or BMP), either directly inside or in one folder per class: labels count from 0
    ///   in the order of the names, or are the names if all are numbers from 0 to 255, or any numbers where
    ///   there are more than 256 classes. Folders `train` and
    ///   `test` hold the two sets; without them `test_fraction` of the images become the test set. Files of
    ///   other types are left out, and [`Origin`] reports them.
    /// - An `.npz` file with the arrays `x_train` and `x_test`, if there are labels also `y_train` and `y_test`, or
    ///   with `images` and `labels`, under these or other usual names; without test images, `test_fraction` of
    ///   the images become the test set.
    /// - An `.npy` file, without labels (all are 0); `test_fraction` of it becomes the test set.
    /// - A picture file: one image, for [`load_to_use`].
    ///
    /// Arrays of images are `(N, H, W)`, `(N, C, H, W)`, `(N, H, W, C)` with C 1 or 3, or `(N, values)`, whose rows
    /// are images of the recipe's size or else squares. Values are bool, integers or floats of any size and
    /// order; what is not a byte is rounded to the nearest one, and white is 1, or else 255 (65,535 in
    /// 16-bit integers). What the array leaves open, [`Origin::notice`] says.
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

/// A data set in memory: [loaded](load), or put together by [`Dataset::new`] or [`Dataset::split`].
///
/// ```
/// use autoencode::data::{Dataset, Images};
///
/// let grey = |count: usize| Images::from_floats((1, 4, 4), vec![0.5; count * 16]);
/// let data = Dataset::new(grey(20)?, grey(5)?, grey(0)?)?;
/// assert_eq!(data.train.shape(), (1, 4, 4));
/// # Ok::<(), autoencode::Error>(())
/// ```
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
    let dataset = load_to_use(source, config, offline)?;
    check_trainable(&dataset, source)?;
    Ok(dataset)
}

/// The same for a network that is already trained, so that parts may be empty: one or two images that are
/// not divided into sets are all test images, and a single training image is not held out.
///
/// # Errors
/// As for [`load_with`], but for sets that are too small to train on.
pub fn load_to_use(source: &Source, config: &DataConfig, offline: bool) -> Result<Dataset> {
    let mut taken = Vec::new();
    let ((train, test), place) = match source {
        Source::Points(points) => return points::generate(points),
        Source::Path(path) => {
            let found = path::load(path, config)?;
            let kind = path::image_kind(path, &found.parts.0)?;
            taken = found.taken;
            (found.parts, Place::Path(path, found.left_out, kind))
        }
        Source::Set(NamedSet::Sample) => (sample::load()?, Place::Sample(None)),
        Source::Set(set) => match hub::load(*set, offline, hub::SILENCE) {
            Ok(parts) => (classes::named(parts, *set), Place::Hub(*set)),
            Err(reason) if *set == NamedSet::Mnist => {
                (sample::load()?, Place::Sample(Some(reason)))
            }
            Err(reason) => return Err(Error::argument(set.title(), FASHION_MNIST, reason)),
        },
    };
    let (train, test) = match config.patch {
        Some(side) if !train.are_wholes() => {
            (train.cut_into_patches(side)?, test.cut_into_patches(side)?)
        }
        _ => (train, test),
    };
    check_shape(config, train.shape())?;
    let (train, test) = match &config.classes {
        Some(classes) => (
            match train.is_empty() {
                true => train,
                false => classes::keep(&train, classes, "training")?,
            },
            classes::keep(&test, classes, "test")?,
        ),
        None => (train, test),
    };
    let mut origin = Origin::new(place, &train, &test, config.classes.as_deref());
    origin.taken = taken;
    let (train, validation) = match config.validation {
        ValidationSet::HeldOut => split::hold_out(&train)?,
        ValidationSet::Test => (train, test.clone()),
    };
    Ok(Dataset {
        train,
        validation,
        test,
        origin,
    })
}

/// Refuses a set too small to learn from one part and to choose the best epoch by another.
fn check_trainable(dataset: &Dataset, source: &Source) -> Result<()> {
    let (expected, found) = match (dataset.train.len(), dataset.validation.is_empty()) {
        (0, _) => ("3 or more images", dataset.test.len()),
        (count, true) => ("2 or more training images", count),
        (_, false) => return Ok(()),
    };
    Err(match source {
        Source::Path(path) => Error::file(path, expected, found.to_string()),
        _ => Error::argument("data", expected, found),
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
