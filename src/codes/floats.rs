//! Little-endian floats from a file, read in parts.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::data::npy::failed;

/// Floats of 4 or 8 bytes, rounded to 32 bits.
pub struct Floats<R> {
    /// For error messages.
    path: PathBuf,
    input: R,
    width: u8,
    bytes: Vec<u8>,
}

impl<R: Read> Floats<R> {
    pub fn new(path: &Path, input: R, width: u8) -> Self {
        Self {
            path: path.to_path_buf(),
            input,
            width,
            bytes: Vec::new(),
        }
    }

    /// The next `count` values; the caller guarantees that the file has them.
    pub fn read(&mut self, count: usize) -> Result<Vec<f32>> {
        self.bytes.resize(count * usize::from(self.width), 0);
        self.input
            .read_exact(&mut self.bytes)
            .map_err(|source| failed(&self.path, source))?;
        Ok(match self.width {
            8 => (self.bytes.as_chunks().0.iter())
                .map(|bytes| f64::from_le_bytes(*bytes) as f32)
                .collect(),
            _ => (self.bytes.as_chunks().0.iter())
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
        })
    }
}
