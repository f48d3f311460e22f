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
//! Codes are 32-bit floats, written in text with the shortest digits that parse to the same float;
//! labels are bytes. Files of codes may be larger than memory: they are read and written a few rows at a
//! time.

mod between;
mod csv;
mod floats;
mod mixture;
mod npy;
mod plane;
mod prior;
mod reader;
mod safetensors;
mod writer;

use std::path::{Path, PathBuf};

pub use between::Course;
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
    Labels(Vec<u8>),
    /// The picture of each code; only `.csv` files store them.
    Files(Vec<String>),
}

impl Names {
    /// Number of codes.
    pub fn len(&self) -> usize {
        match self {
            Self::Labels(labels) => labels.len(),
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
        if let (Self::Labels(_), Some(Format::Npy)) = (self, Format::of(path)) {
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

/// Whether an array of this shape holds codes of `shape`, unchanged or flattened.
fn fits(found: &[u64], shape: &[usize]) -> bool {
    let Some((_, sides)) = found.split_first() else {
        return false;
    };
    let same = |wanted: &[usize]| {
        let sides = sides.iter().map(|&side| usize::try_from(side).ok());
        sides.eq(wanted.iter().map(|&side| Some(side)))
    };
    same(shape) || same(&[size(shape)])
}

/// The shapes that [`fits`] accepts, for errors.
fn expected(shape: &[usize]) -> String {
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
