//! Reading codes from a file of any kind.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use super::csv::Lines;
use super::floats::Floats;
use super::{Format, npy, safetensors, size};
use crate::data::grouped;
use crate::{Error, Result};

/// A file of codes being read, a few rows at a time: memory use does not depend on the size that a file
/// claims.
pub struct Reader {
    path: PathBuf,
    /// The shape of one code.
    shape: Vec<usize>,
    rows: Source,
    /// Rows read so far.
    at: u64,
}

enum Source {
    Floats {
        left: u64,
        floats: Floats<BufReader<File>>,
    },
    Lines(Box<Lines>),
}

/// A few rows of a file.
pub struct Rows {
    /// `(n, ...)` on the CPU, 32-bit.
    pub codes: Tensor,
    /// The pictures of the codes, if the file names them.
    pub files: Vec<String>,
}

/// The contents of a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    pub count: usize,
    /// The pictures of the codes, if the file names them.
    pub files: Option<Vec<String>>,
}

/// Rows per read when the whole file is checked.
const ROWS: usize = 256;

impl Reader {
    /// Opens a file of codes of `shape`; arrays and tensors may also hold them flattened.
    ///
    /// # Errors
    /// If the file cannot be read, is not a file of codes, has another length than it says, or its codes
    /// are of another shape or type.
    pub fn open(path: &Path, shape: &[usize]) -> Result<Self> {
        let floats = |(left, floats)| Source::Floats { left, floats };
        Ok(Self {
            path: path.to_path_buf(),
            shape: shape.to_vec(),
            rows: match Format::required(path)? {
                Format::Npy => floats(npy::open(path, shape)?),
                Format::Safetensors => floats(safetensors::open(path, shape)?),
                Format::Csv => Source::Lines(Box::new(Lines::open(path, shape)?)),
            },
            at: 0,
        })
    }

    /// The next rows, at most `most`; `None` after the last.
    ///
    /// # Errors
    /// If the file cannot be read, or a value is not a finite 32-bit number.
    pub fn read(&mut self, most: usize) -> Result<Option<Rows>> {
        let size = size(&self.shape);
        let mut files = Vec::new();
        let values = match &mut self.rows {
            Source::Floats { left, floats } => {
                let count = usize::try_from(*left).map_or(most, |left| left.min(most));
                *left -= count as u64;
                floats.read(count * size)?
            }
            Source::Lines(lines) => {
                let mut values = Vec::new();
                for _ in 0..most {
                    if !lines.read(&mut values, &mut files)? {
                        break;
                    }
                }
                values
            }
        };
        if values.is_empty() {
            return Ok(None);
        }
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let value = values.get(place).copied().unwrap_or(f32::NAN);
            let row = self.at + (place / size) as u64;
            return Err(Error::file(
                &self.path,
                "finite 32-bit numbers",
                format!(
                    "{value} in row {} (from 0), value {}",
                    grouped(row),
                    place % size
                ),
            ));
        }
        let count = values.len() / size;
        self.at += count as u64;
        let shape = [&[count], self.shape.as_slice()].concat();
        Ok(Some(Rows {
            codes: Tensor::from_vec(values, shape, &Device::Cpu)?,
            files,
        }))
    }

    /// One code `(1, ...)`, counted from 0 at the start of the file.
    ///
    /// # Errors
    /// If the file has no such row, or as [`Reader::read`].
    pub fn row(mut self, row: u64) -> Result<Tensor> {
        while let Some(rows) = self.read(ROWS)? {
            if row < self.at {
                let back = usize::try_from(self.at - row).unwrap_or(0);
                let place = rows.codes.dim(0)?.saturating_sub(back);
                return Ok(rows.codes.narrow(0, place, 1)?);
            }
        }
        let count = grouped(self.at);
        let expected = format!("more than {} codes", grouped(row));
        Err(Error::file(
            self.path,
            expected,
            format!("{count} (rows count from 0)"),
        ))
    }
}

/// Reads a file to its end, so that every error in it is found before its codes are used.
///
/// # Errors
/// As [`Reader::open`] and [`Reader::read`], and if the file has no codes.
pub fn survey(path: &Path, shape: &[usize]) -> Result<Survey> {
    let mut reader = Reader::open(path, shape)?;
    let named = matches!(&reader.rows, Source::Lines(lines) if lines.has_files());
    let (mut count, mut files) = (0, Vec::new());
    while let Some(rows) = reader.read(ROWS)? {
        count += rows.codes.dim(0)?;
        files.extend(rows.files);
    }
    match count {
        0 => Err(Error::file(path, "one code or more", "none")),
        _ => Ok(Survey {
            count,
            files: named.then_some(files),
        }),
    }
}
