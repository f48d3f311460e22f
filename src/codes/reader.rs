//! Reading codes from a file of any kind.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use super::floats::FloatReader;
use super::lines::{Beside, Lines};
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
    Floats(FloatReader),
    Lines(Box<Lines>),
}

/// A few rows of a file.
pub struct Rows {
    /// `(n, ...)` on the CPU, 32-bit.
    pub codes: Tensor,
    /// The pictures of the codes, if the file names them.
    pub files: Vec<String>,
    /// The classes of the codes, if the file is a table and names them.
    pub classes: Vec<String>,
}

/// The contents of a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The number of codes.
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
        Self::open_as(path, Some(shape))
    }

    /// The same for codes of `shape`, or of any.
    pub(super) fn open_as(path: &Path, shape: Option<&[usize]>) -> Result<Self> {
        let floats = |(floats, shape)| (Source::Floats(floats), shape);
        let (rows, shape) = match Format::required(path)? {
            Format::Npy => floats(npy::open(path, shape)?),
            Format::Safetensors => floats(safetensors::open(path, shape)?),
            Format::Csv => {
                let lines = Lines::open(path, shape.map(size))?;
                let shape = shape.map_or_else(|| vec![lines.size()], <[usize]>::to_vec);
                (Source::Lines(Box::new(lines)), shape)
            }
        };
        Ok(Self {
            path: path.to_path_buf(),
            shape,
            rows,
            at: 0,
        })
    }

    /// Number of values in a code.
    pub(super) fn size(&self) -> usize {
        size(&self.shape)
    }

    /// The next rows, at most `most`; `None` after the last.
    ///
    /// # Errors
    /// If the file cannot be read, or a value is not a finite 32-bit number.
    pub fn read(&mut self, most: usize) -> Result<Option<Rows>> {
        let size = self.size();
        let mut beside = Beside::default();
        let values = match &mut self.rows {
            Source::Floats(floats) => floats.read(most, size)?,
            Source::Lines(lines) => lines.read(most, &mut beside)?,
        };
        if values.is_empty() {
            return Ok(None);
        }
        let mut placed = values.iter().enumerate();
        if let Some((place, value)) = placed.find(|(_, value)| !value.is_finite()) {
            let row = grouped(self.at + (place / size) as u64);
            let found = format!("{value} in row {row} (from 0), value {}", place % size);
            return Err(Error::file(&self.path, "finite 32-bit numbers", found));
        }
        let count = values.len() / size;
        self.at += count as u64;
        let shape = [&[count], self.shape.as_slice()].concat();
        Ok(Some(Rows {
            codes: Tensor::from_vec(values, shape, &Device::Cpu)?,
            files: beside.files,
            classes: beside.classes,
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
        let expected = format!("more than {} codes", grouped(row));
        let found = format!("{} (rows count from 0)", grouped(self.at));
        Err(Error::file(self.path, expected, found))
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
    if count == 0 {
        return Err(Error::file(path, "one code or more", "none"));
    }
    let files = named.then_some(files);
    Ok(Survey { count, files })
}
