//! Codes and labels as the tensors of a safetensors file, read and written in parts.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::floats::{FloatReader, FloatWriter, start};
use super::{Names, expected, shape_of_codes, size};
use crate::data::classes::in_fewest_bytes;
use crate::data::python::tuple;
use crate::file::Publish;
use crate::tensor_file::read_header;
use crate::{Error, Result};

/// The names of the tensors with the codes and with the labels.
const CODES: &str = "codes";
const LABELS: &str = "labels";

/// Starts a file with codes of `shape`.
pub fn create(
    path: &Path,
    shape: &[usize],
    names: &Names,
    publish: Publish,
) -> Result<FloatWriter> {
    let (width, labels) = match names {
        Names::Labels { labels, .. } => in_fewest_bytes(labels),
        Names::Files(_) => (1, Vec::new()),
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
        let dtype = match width {
            1 => Dtype::U8,
            2 => Dtype::U16,
            _ => Dtype::U32,
        };
        let info = info(dtype, vec![names.len()], (end, end + labels.len()));
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
        codes: start(path, &first, publish)?,
        end: labels,
        labels: None,
    })
}

/// Opens a file with codes of `shape`, or of any; returns their shape, too.
pub fn open(path: &Path, shape: Option<&[usize]>) -> Result<(FloatReader, Vec<usize>)> {
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
    let own = shape_of_codes(&found, shape).ok_or_else(|| {
        let found = format!("shape {}", tuple(&found));
        Error::file(path, expected(shape), found)
    })?;
    let start = header.start.saturating_add(info.data_offsets.0 as u64);
    input
        .seek(SeekFrom::Start(start))
        .map_err(|source| Error::io("read", path, source))?;
    let floats = FloatReader {
        path: path.to_path_buf(),
        input: Box::new(input),
        width,
        left: found.first().copied().unwrap_or(0),
    };
    Ok((floats, own))
}

/// The labels of a file of `count` codes, if it has any.
pub fn labels(path: &Path, count: usize) -> Result<Option<Vec<String>>> {
    let (mut input, length) = crate::open::open(path)?;
    let header = read_header(path, &mut input, length)?;
    let Some(info) = header.metadata.info(LABELS) else {
        return Ok(None);
    };
    let number: fn(&[u8]) -> i128 = match info.dtype {
        Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64 => |bytes| integer(bytes, 0),
        Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64 => |bytes| {
            let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
            integer(bytes, if negative { 0xff } else { 0 })
        },
        other => {
            let found = format!("{other:?}");
            return Err(Error::file(path, "labels of a type of integers", found));
        }
    };
    if info.shape != [count] {
        let expected = format!("{count} labels, one for each code");
        let found = format!("shape {}", tuple(&info.shape));
        return Err(Error::file(path, expected, found));
    }
    let (from, to) = info.data_offsets;
    let mut bytes = vec![0; to.saturating_sub(from)];
    input
        .seek(SeekFrom::Start(header.start.saturating_add(from as u64)))
        .and_then(|_| input.read_exact(&mut bytes))
        .map_err(|source| Error::io("read", path, source))?;
    let width = (bytes.len() / count.max(1)).max(1);
    let labels = bytes
        .chunks_exact(width)
        .map(|bytes| number(bytes).to_string());
    Ok(Some(labels.collect()))
}

/// A little-endian integer of at most 8 bytes, extended by bytes of its sign.
fn integer(value: &[u8], sign: u8) -> i128 {
    let mut bytes = [sign; 16];
    for (to, from) in bytes.iter_mut().zip(value) {
        *to = *from;
    }
    i128::from_le_bytes(bytes)
}
