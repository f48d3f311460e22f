//! Little-endian floats in a file, read and written in parts.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::data::npy_header::failed;
use crate::file::{Output, Publish};

/// Codes being read: floats of 4 or 8 bytes, rounded to 32 bits.
pub struct FloatReader {
    /// For error messages.
    pub path: PathBuf,
    /// At the first value not read yet; holds all codes that are left.
    pub input: Box<dyn Read>,
    /// Bytes of one value.
    pub width: u8,
    /// Codes not read yet.
    pub left: u64,
}

impl FloatReader {
    /// The values of the next codes of `size` values each, at most `most` codes.
    pub fn read(&mut self, most: usize, size: usize) -> Result<Vec<f32>> {
        let count = usize::try_from(self.left).map_or(most, |left| left.min(most));
        self.left -= count as u64;
        let mut bytes = vec![0; count * size * usize::from(self.width)];
        self.input
            .read_exact(&mut bytes)
            .map_err(|source| failed(&self.path, source))?;
        Ok(match self.width {
            8 => (bytes.as_chunks().0.iter())
                .map(|bytes| f64::from_le_bytes(*bytes) as f32)
                .collect(),
            _ => (bytes.as_chunks().0.iter())
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
        })
    }
}

/// Codes being written as 32-bit floats.
pub struct FloatWriter {
    pub codes: Output,
    /// The bytes after the last code.
    pub end: Vec<u8>,
    /// A second file, complete but for its move to its path.
    pub labels: Option<Output>,
}

impl FloatWriter {
    pub fn write(&mut self, values: &[f32]) -> Result<()> {
        let mut bytes = Vec::with_capacity(4 * values.len());
        for value in values {
            bytes.extend(value.to_le_bytes());
        }
        put(&mut self.codes, &bytes)
    }

    pub fn finish(mut self) -> Result<()> {
        put(&mut self.codes, &self.end)?;
        self.codes.finish()?;
        self.labels.map_or(Ok(()), Output::finish)
    }
}

/// Starts a file with these bytes.
pub fn start(path: &Path, bytes: &[u8], publish: Publish) -> Result<Output> {
    let mut file = Output::create(path, publish)?;
    put(&mut file, bytes)?;
    Ok(file)
}

fn put(file: &mut Output, bytes: &[u8]) -> Result<()> {
    file.write_all(bytes).map_err(|source| file.failed(source))
}
