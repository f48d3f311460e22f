//! Codes and labels as the tensors of a safetensors file, read and written in parts.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::floats::Floats;
use super::npy::put_floats;
use super::{Names, expected, fits, size};
use crate::data::python::tuple;
use crate::file::Replacement;
use crate::open::open as open_file;
use crate::tensor_file::read_header;
use crate::{Error, Result};

/// The names of the tensors with the codes and with the labels.
const CODES: &str = "codes";
const LABELS: &str = "labels";

/// A file being written.
pub struct Safetensors {
    file: Replacement,
    /// Written after the codes.
    labels: Vec<u8>,
}

impl Safetensors {
    pub fn create(path: &Path, shape: &[usize], names: &Names) -> Result<Self> {
        let labels = match names {
            Names::Labels(labels) => labels.clone(),
            Names::Files(_) => Vec::new(),
        };
        let shape = [&[names.len()], shape].concat();
        let end = 4 * size(&shape);
        let mut tensors = vec![(
            CODES.to_string(),
            TensorInfo {
                dtype: Dtype::F32,
                shape,
                data_offsets: (0, end),
            },
        )];
        if !labels.is_empty() {
            let info = TensorInfo {
                dtype: Dtype::U8,
                shape: vec![labels.len()],
                data_offsets: (end, end + labels.len()),
            };
            tensors.push((LABELS.to_string(), info));
        }
        let mut header = Metadata::new(None, tensors)
            .and_then(|metadata| Ok(serde_json::to_string(&metadata)?))
            .map_err(candle_core::Error::from)?;
        // The values start at a multiple of 8 bytes.
        let length = header.len().next_multiple_of(8);
        header.extend(std::iter::repeat_n(' ', length - header.len()));
        let mut file = Replacement::create(path)?;
        file.write_all(&(length as u64).to_le_bytes())
            .and_then(|()| file.write_all(header.as_bytes()))
            .map_err(|source| file.failed(source))?;
        Ok(Self { file, labels })
    }

    pub fn write(&mut self, values: &[f32]) -> Result<()> {
        put_floats(&mut self.file, values)
    }

    pub fn finish(mut self) -> Result<()> {
        self.file
            .write_all(&self.labels)
            .map_err(|source| self.file.failed(source))?;
        self.file.finish()
    }
}

/// Opens a file with codes of `shape`; returns their number.
pub fn open(path: &Path, shape: &[usize]) -> Result<(u64, Floats<BufReader<File>>)> {
    let (mut file, length) = open_file(path)?;
    let header = read_header(path, &mut file, length)?;
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
    file.seek(SeekFrom::Start(start))
        .map_err(|source| Error::io("read", path, source))?;
    let count = found.first().copied().unwrap_or(0);
    Ok((count, Floats::new(path, file, width)))
}
