//! Codes outside of a network: files of them, ways between them, and planes through them.
//!
//! Three kinds of files, told by the ends of their names, each with one row a code:
//!
//! | file | codes | what tells them apart |
//! | --- | --- | --- |
//! | `NAME.npy` | `(N, ...)`, the code's own shape | labels in `NAME-labels.npy`, `(N)` |
//! | `NAME.csv` | columns `code_0` on, row-major | a column `label` or `file` before them |
//! | `NAME.safetensors` | a tensor `codes`, `(N, ...)` | a tensor `labels`, `(N)` |
//!
//! Codes are 32-bit floats, in text the shortest digits that give the same float back; labels are bytes.
//! Files of codes may be larger than the memory: they are read and written some rows at a time.

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
    /// An array of NumPy.
    Npy,
    /// Text with commas.
    Csv,
    /// Named tensors.
    Safetensors,
}

impl Format {
    /// The kind that a file's name ends in; capitals count as small letters.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
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

/// What tells the codes of a file apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// The class of each.
    Labels(Vec<u8>),
    /// The picture of each; only `.csv` keeps them.
    Files(Vec<String>),
}

impl Names {
    /// How many codes there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Labels(labels) => labels.len(),
            Self::Files(files) => files.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every file that codes with these names are written to.
    pub fn paths(&self, path: &Path) -> Vec<PathBuf> {
        let mut paths = vec![path.to_path_buf()];
        if let (Self::Labels(_), Some(Format::Npy)) = (self, Format::of(path)) {
            paths.push(labels_path(path));
        }
        paths
    }
}

/// Where the labels of an array of codes stand: `NAME-labels.npy` for `NAME.npy`.
fn labels_path(path: &Path) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_os_string();
    name.push("-labels.npy");
    path.with_file_name(name)
}

/// Number of values of a code of this shape.
fn size(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Whether an array of this shape holds codes of `shape`, as they are or laid flat.
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
    match shape {
        [_] => format!("codes of shape {}, as the network's are", named(shape)),
        _ => format!(
            "codes of shape {} or {}, as the network's are",
            named(shape),
            named(&[size(shape)])
        ),
    }
}
