//! Codes as a NumPy array, with their labels in a second one beside it.

use std::path::Path;

use super::floats::{FloatReader, FloatWriter, start};
use super::{Names, expected, fits, labels_path};
use crate::Result;
use crate::data::npy::Array;
use crate::data::npy_header::{self, Kind};

/// Starts an array of codes of `shape`.
pub fn create(path: &Path, shape: &[usize], names: &Names) -> Result<FloatWriter> {
    let shape = [&[names.len()], shape].concat();
    let codes = start(path, &npy_header::write(Kind::Float(4), &shape))?;
    let labels = match names {
        Names::Labels(labels) => {
            let header = npy_header::write(Kind::Unsigned(1), &[labels.len()]);
            let bytes = [header.as_slice(), labels].concat();
            Some(start(&labels_path(path), &bytes)?)
        }
        Names::Files(_) => None,
    };
    let end = Vec::new();
    Ok(FloatWriter { codes, end, labels })
}

/// Opens an array of codes of `shape`.
pub fn open(path: &Path, shape: &[usize]) -> Result<FloatReader> {
    let (file, length) = crate::open::open(path)?;
    let (left, width, input) = Array::open(path.to_path_buf(), file, length)?
        .floats(|found| fits(found, shape), &expected(shape))?;
    Ok(FloatReader {
        path: path.to_path_buf(),
        input,
        width,
        left,
    })
}
