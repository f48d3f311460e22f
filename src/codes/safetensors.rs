//! Codes and labels as the tensors of a safetensors file, read and written in parts.

use std::io::{Seek, SeekFrom};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::floats::{FloatReader, FloatWriter, start};
use super::{Names, expected, fits, size};
use crate::data::python::tuple;
use crate::tensor_file::read_header;
use crate::{Error, Result};

/// The names of the tensors with the codes and with the labels.
const CODES: &str = "codes";
const LABELS: &str = "labels";

/// Starts a file with codes of `shape`.
pub fn create(path: &Path, shape: &[usize], names: &Names) -> Result<FloatWriter> {
    let labels = match names {
        Names::Labels(labels) => labels.clone(),
        Names::Files(_) => Vec::new(),
    };
    let info = |dtype, shape, data_offsets| TensorInfo {
        dtype,
        shape,
        data_offsets,
    };
    let shape = [&[names.len()], shape].concat();
    let end = 4 * size(&shape);
    let mut tensors = vec![(CODES.to_string(), info(Dtype::F32, shape, (0, end)))];
    if !labels.is_empty() {
        let info = info(Dtype::U8, vec![labels.len()], (end, end + labels.len()));
        tensors.push((LABELS.to_string(), info));
    }
    let header = Metadata::new(None, tensors)
        .and_then(|metadata| Ok(serde_json::to_string(&metadata)?))
        .map_err(candle_core::Error::from)?;
    // The values start at a multiple of 8 bytes.
    let length = header.len().next_multiple_of(8);
    let mut first = (length as u64).to_le_bytes().to_vec();
    first.extend(header.into_bytes());
    first.resize(8 + length, b' ');
    Ok(FloatWriter {
        codes: start(path, &first)?,
        end: labels,
        labels: None,
    })
}

/// Opens a file with codes of `shape`.
pub fn open(path: &Path, shape: &[usize]) -> Result<FloatReader> {
    let (mut input, length) = crate::open::open(path)?;
    let header = read_header(path, &mut input, length)?;
    let info = header
        .metadata
        .info(CODES)
        .ok_or_else(|| Error::file(path, "a tensor `codes`", header.listing()))?;
    let width = match info.dtype {
        Dtype::F32 => 4,
        Dtype::F64 => 8,
        other => {
            let found = format!("{other:?}");
            return Err(Error::file(path, "codes of type F32 or F64", found));
        }
    };
    let found: Vec<u64> = info.shape.iter().map(|&side| side as u64).collect();
    if !fits(&found, shape) {
        let found = format!("shape {}", tuple(&found));
        return Err(Error::file(path, expected(shape), found));
    }
    let start = header.start.saturating_add(info.data_offsets.0 as u64);
    input
        .seek(SeekFrom::Start(start))
        .map_err(|source| Error::io("read", path, source))?;
    Ok(FloatReader {
        path: path.to_path_buf(),
        input,
        width,
        left: found.first().copied().unwrap_or(0),
    })
}
