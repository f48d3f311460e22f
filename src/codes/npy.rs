//! Codes as a NumPy array, with their labels in a second one beside it.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

use super::floats::Floats;
use super::{Names, expected, fits, labels_path};
use crate::Result;
use crate::data::npy::Array;
use crate::data::npy_header::{self, Kind};
use crate::file::Replacement;

/// An array being written.
pub struct Npy {
    codes: Replacement,
    labels: Option<Replacement>,
}

impl Npy {
    pub fn create(path: &Path, shape: &[usize], names: &Names) -> Result<Self> {
        let mut codes = Replacement::create(path)?;
        let shape = [&[names.len()], shape].concat();
        put(&mut codes, &npy_header::write(Kind::Float(4), &shape))?;
        let labels = match names {
            Names::Labels(labels) => {
                let mut file = Replacement::create(&labels_path(path))?;
                put(
                    &mut file,
                    &npy_header::write(Kind::Unsigned(1), &[labels.len()]),
                )?;
                put(&mut file, labels)?;
                Some(file)
            }
            Names::Files(_) => None,
        };
        Ok(Self { codes, labels })
    }

    pub fn write(&mut self, values: &[f32]) -> Result<()> {
        put_floats(&mut self.codes, values)
    }

    pub fn finish(self) -> Result<()> {
        self.codes.finish()?;
        self.labels.map_or(Ok(()), Replacement::finish)
    }
}

fn put(file: &mut Replacement, bytes: &[u8]) -> Result<()> {
    file.write_all(bytes).map_err(|source| file.failed(source))
}

/// Writes little-endian floats.
pub fn put_floats(file: &mut Replacement, values: &[f32]) -> Result<()> {
    let mut bytes = Vec::with_capacity(4 * values.len());
    for value in values {
        bytes.extend(value.to_le_bytes());
    }
    put(file, &bytes)
}

/// Opens an array of codes of `shape`; returns their number.
pub fn open(path: &Path, shape: &[usize]) -> Result<(u64, Floats<BufReader<File>>)> {
    let (file, length) = crate::open::open(path)?;
    let array = Array::open(path.to_path_buf(), file, length)?
        .floats(|found| fits(found, shape), &expected(shape))?;
    let count = array.shape.first().copied().unwrap_or(0);
    Ok((count, Floats::new(path, array.input, array.width)))
}
