//! All codes of a file with their labels, to look at.

use std::path::Path;

use super::reader::Reader;
use super::{Format, npy, safetensors};
use crate::{Error, Result};

/// The codes of a file, of any size.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// Rows of `size` values each.
    pub codes: Vec<f32>,
    /// Number of values in a code.
    pub size: usize,
    /// The class of each code, by name or label; `None` if the file has none.
    pub classes: Option<Vec<String>>,
}

/// Values read at a time.
const VALUES: usize = 1 << 20;

impl Labelled {
    /// Reads a file of at most `most` values: a table with a column `label` or `class`, an array with labels in
    /// `NAME-labels.npy`, or tensors `codes` and `labels`.
    ///
    /// # Errors
    /// As [`Reader::read`], and if the file has no codes, has more values, or other labels than one for each code.
    pub fn read(path: &Path, most: usize) -> Result<Self> {
        let mut reader = Reader::open_as(path, None)?;
        let size = reader.size();
        let (mut codes, mut classes) = (Vec::new(), Vec::new());
        let too_many = |count: usize| {
            let expected = format!("codes of at most {most} values together");
            let found = format!("{count} or more codes of {size} values");
            Error::file(path, expected, found)
        };
        if size > most {
            return Err(too_many(1));
        }
        while let Some(rows) = reader.read((VALUES / size.max(1)).max(1))? {
            let values: Vec<f32> = rows.codes.flatten_all()?.to_vec1()?;
            codes.extend(values);
            classes.extend(rows.classes);
            if codes.len() > most {
                return Err(too_many(codes.len() / size.max(1)));
            }
        }
        let count = codes.len() / size.max(1);
        if count == 0 {
            return Err(Error::file(path, "one code or more", "none"));
        }
        let classes = match Format::of(path) {
            Some(Format::Npy) => npy::labels(path, count)?,
            Some(Format::Safetensors) => safetensors::labels(path, count)?,
            Some(Format::Csv) | None => (classes.len() == count).then_some(classes),
        };
        Ok(Self {
            codes,
            size,
            classes,
        })
    }
}
