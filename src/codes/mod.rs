//! Codes outside a network: files of them, interpolation between them, and planes through them.
//!
//! Three kinds of files, identified by the extension, each with one row per code:
//!
//! | file | codes | what identifies them |
//! | --- | --- | --- |
//! | `NAME.npy` | `(N, ...)`, the code's own shape | labels in `NAME-labels.npy`, `(N)` |
//! | `NAME.csv` | columns `code_0`, `code_1`, ..., row-major | a column `label` or `file` before them |
//! | `NAME.safetensors` | a tensor `codes`, `(N, ...)` | a tensor `labels`, `(N)` |
//!
//! Where classes have names, a column `class` after `label` holds them. Codes are 32-bit floats, written in text with the shortest digits that parse to the same float;
//! labels are unsigned integers of 1, 2 or 4 bytes, the fewest that hold them all. Files of codes may be
//! larger than memory: they are read and written a few rows at a time.
//! Tables of spreadsheets and pandas are read as well, with other separators and names, in any order of columns.

mod between;
mod csv;
mod floats;
mod heading;
mod labelled;
mod lines;
mod mixture;
mod npy;
mod plane;
mod prior;
mod reader;
mod safetensors;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use between::Course;
pub use labelled::Labelled;
pub use mixture::Mixture;
pub use plane::{prior_quantiles, spread};
pub use prior::from_prior;
pub use reader::{Reader, Rows, Survey, survey};
pub use writer::Writer;

use crate::data::python::tuple;
use crate::{Error, Result};

/// The kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A NumPy array.
    Npy,
    /// Comma-separated text.
    Csv,
    /// Named tensors.
    Safetensors,
}

impl Format {
    /// The kind for a file's extension, in any case.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "npy" => Some(Self::Npy),
            "csv" => Some(Self::Csv),
            "safetensors" => Some(Self::Safetensors),
            _ => None,
        }
    }

    fn required(path: &Path) -> Result<Self> {
        Self::of(path).ok_or_else(|| {
            let expected = "a file of codes, whose name ends in .npy, .csv or .safetensors";
            Error::file(path, expected, "another name")
        })
    }
}

/// The identification of the codes in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// The class of each code.
    Labels {
        /// A number for each code.
        labels: Vec<u32>,
        /// The names of the labels that have one; only `.csv` files store them.
        class_names: BTreeMap<u32, String>,
    },
    /// The picture of each code; only `.csv` files store them.
    Files(Vec<String>),
}

impl Names {
    /// Number of codes.
    pub fn len(&self) -> usize {
        match self {
            Self::Labels { labels, .. } => labels.len(),
            Self::Files(files) => files.len(),
        }
    }

    /// Whether there are no codes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All files that are written for codes with these names.
    pub fn paths(&self, path: &Path) -> Vec<PathBuf> {
        let mut paths = vec![path.to_path_buf()];
        if let (Self::Labels { .. }, Some(Format::Npy)) = (self, Format::of(path)) {
            paths.push(labels_path(path));
        }
        paths
    }
}

/// The file with the labels of an array of codes: `NAME-labels.npy` for `NAME.npy`.
fn labels_path(path: &Path) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push("-labels.npy");
    path.with_file_name(name)
}

/// Number of values in a code of this shape.
fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// The shape of the codes that an array of this shape holds: `shape`, as it is or flattened, or any for `None`.
fn shape_of_codes(found: &[u64], shape: Option<&[usize]>) -> Option<Vec<usize>> {
    let (_, sides) = found.split_first()?;
    let sides: Option<Vec<usize>> = sides.iter().map(|&side| side.try_into().ok()).collect();
    let sides = sides?;
    let Some(shape) = shape else {
        let values = sides
            .iter()
            .try_fold(1usize, |size, &side| size.checked_mul(side))?;
        return (!sides.is_empty() && values > 0).then_some(sides);
    };
    (sides == shape || sides == [size(shape)]).then(|| shape.to_vec())
}

/// The shapes that [`shape_of_codes`] accepts, for errors.
fn expected(shape: Option<&[usize]>) -> String {
    let Some(shape) = shape else {
        return "codes of shape (N, values)".to_string();
    };
    let named = |sides: &[usize]| {
        let sides = sides.iter().map(ToString::to_string);
        let sides: Vec<String> = std::iter::once("N".to_string()).chain(sides).collect();
        tuple(&sides)
    };
    let shapes = match shape {
        [_] => named(shape),
        _ => format!("{} or {}", named(shape), named(&[size(shape)])),
    };
    format!("codes of shape {shapes}, as the network's are")
}
