//! Codes as a NumPy array, with their labels in a second one beside it.

use std::path::Path;

use super::floats::{FloatReader, FloatWriter, start};
use super::{Names, expected, labels_path, shape_of_codes};
use crate::Result;
use crate::data::classes::in_fewest_bytes;
use crate::data::npy::Array;
use crate::data::npy_header::{self, Kind};
use crate::file::Publish;

/// Starts an array of codes of `shape`.
pub fn create(
    path: &Path,
    shape: &[usize],
    names: &Names,
    publish: Publish,
) -> Result<FloatWriter> {
    let shape = [&[names.len()], shape].concat();
    let codes = start(path, &npy_header::write(Kind::Float(4), &shape), publish)?;
    let labels = match names {
        Names::Labels { labels, .. } => {
            let (width, values) = in_fewest_bytes(labels);
            let header = npy_header::write(Kind::Unsigned(width), &[labels.len()]);
            let bytes = [header, values].concat();
            Some(start(&labels_path(path), &bytes, publish)?)
        }
        Names::Files(_) => None,
    };
    let end = Vec::new();
    Ok(FloatWriter { codes, end, labels })
}

/// Opens an array of codes of `shape`, or of any; returns their shape, too.
pub fn open(path: &Path, shape: Option<&[usize]>) -> Result<(FloatReader, Vec<usize>)> {
    let (file, length) = crate::open::open(path)?;
    let array = Array::open(path.to_path_buf(), file, length)?;
    let own = shape_of_codes(array.dims(), shape);
    let (left, width, input) = array.floats(|_| own.is_some(), &expected(shape))?;
    let floats = FloatReader {
        path: path.to_path_buf(),
        input,
        width,
        left,
    };
    Ok((floats, own.unwrap_or_default()))
}

/// The labels beside an array of `count` codes, if there are any.
pub fn labels(path: &Path, count: usize) -> Result<Option<Vec<String>>> {
    let path = labels_path(path);
    if !path.exists() {
        return Ok(None);
    }
    let (file, length) = crate::open::open(&path)?;
    let labels = Array::open(path, file, length)?.labels(count)?;
    Ok(Some(labels.iter().map(ToString::to_string).collect()))
}
