//! Codes and labels as the tensors of a safetensors file, read and written without holding them all.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::floats::Floats;
use super::npy::put_floats;
use super::{Names, expected, fits, size};
use crate::data::grouped;
use crate::data::python::tuple;
use crate::file::Replacement;
use crate::{Error, Result};

/// The tensor with the codes, and the one with the labels.
const CODES: &str = "codes";
const LABELS: &str = "labels";
/// The longest header that is read; that of two tensors is some 150 bytes.
const MAX_HEADER: u64 = 1 << 20;
/// How many names of tensors an error lists.
const LISTED: usize = 8;

/// A file that is being written.
pub struct Safetensors {
    file: Replacement,
    /// They stand behind the codes.
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
        // The values start at a multiple of 8.
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

/// Opens a file with codes of `shape`; says how many there are.
pub fn open(path: &Path, shape: &[usize]) -> Result<(u64, Floats<BufReader<File>>)> {
    let io = |source| Error::io("read", path, source);
    let broken = |found: String| Error::file(path, "a safetensors file", found);
    let mut file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut size = [0; 8];
    if length < 8 {
        return Err(broken(format!("one of {length} bytes")));
    }
    file.read_exact(&mut size).map_err(io)?;
    let header = u64::from_le_bytes(size);
    if header > MAX_HEADER || header > length - 8 {
        let found = format!("a header of {} bytes", grouped(header));
        return Err(broken(format!("{found} in {} bytes", grouped(length))));
    }
    let mut text = Vec::new();
    let read = (&mut file).take(header).read_to_end(&mut text);
    read.map_err(io)?;
    // This checks that every tensor is as long as its shape says and stands behind the one before it.
    let metadata: Metadata = serde_json::from_slice(&text)
        .map_err(|error| broken(format!("a header that cannot be read ({error})")))?;
    let promised = (metadata.data_len() as u64).saturating_add(8 + header);
    if promised != length {
        return Err(Error::file(
            path,
            format!("{} bytes, as the header says", grouped(promised)),
            format!("{} bytes", grouped(length)),
        ));
    }
    let info = metadata
        .info(CODES)
        .ok_or_else(|| Error::file(path, "a tensor `codes`", listing(&metadata)))?;
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
    let start = (info.data_offsets.0 as u64).saturating_add(8 + header);
    file.seek(SeekFrom::Start(start)).map_err(io)?;
    let count = found.first().copied().unwrap_or(0);
    Ok((count, Floats::new(path, BufReader::new(file), width)))
}

/// The names in a file, as far as they are worth a line.
fn listing(metadata: &Metadata) -> String {
    let names = metadata.offset_keys();
    let listed = names.get(..LISTED).unwrap_or(&names);
    match names.len() {
        0 => "no tensors".to_string(),
        count if count > LISTED => format!("{}, ... ({count} in all)", listed.join(", ")),
        _ => listed.join(", "),
    }
}
