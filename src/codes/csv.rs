//! Codes as text: a heading, then one line per code.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::{Names, size};
use crate::data::python::excerpt;
use crate::file::Replacement;
use crate::open::open;
use crate::{Error, Result};

/// The column before the values.
const LABEL: &str = "label";
const FILE: &str = "file";

/// A file being written.
pub struct Csv {
    path: PathBuf,
    file: csv::Writer<Replacement>,
    /// Values per code.
    size: usize,
    names: std::vec::IntoIter<String>,
}

impl Csv {
    pub fn create(path: &Path, shape: &[usize], names: &Names) -> Result<Self> {
        let size = size(shape);
        let (column, names) = match names {
            Names::Labels(labels) => (LABEL, labels.iter().map(u8::to_string).collect()),
            Names::Files(files) => (FILE, files.clone()),
        };
        let mut csv = Self {
            path: path.to_path_buf(),
            file: csv::Writer::from_writer(Replacement::create(path)?),
            size,
            names: names.into_iter(),
        };
        let values = (0..size).map(|place| format!("code_{place}"));
        csv.put(std::iter::once(column.to_string()).chain(values))?;
        Ok(csv)
    }

    pub fn write(&mut self, values: &[f32]) -> Result<()> {
        for code in values.chunks(self.size.max(1)) {
            let name = self.names.next().unwrap_or_default();
            // Debug writes the fewest digits that parse to the same float, with an exponent for very large
            // or small values.
            let values = code.iter().map(|value| format!("{value:?}"));
            self.put(std::iter::once(name).chain(values))?;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<()> {
        let failed = |error: std::io::Error| Error::io("write", &self.path, error);
        let file = self.file.into_inner();
        file.map_err(|error| failed(error.into_error()))?.finish()
    }

    fn put(&mut self, fields: impl Iterator<Item = String>) -> Result<()> {
        self.file.write_record(fields).map_err(|error| {
            let source = match error.into_kind() {
                ErrorKind::Io(source) => source,
                other => std::io::Error::other(format!("{other:?}")),
            };
            Error::io("write", &self.path, source)
        })
    }
}

/// A file being read.
pub struct Lines {
    path: PathBuf,
    lines: csv::Reader<BufReader<File>>,
    /// The column before the values.
    before: Option<&'static str>,
    size: usize,
}

impl Lines {
    pub fn open(path: &Path, shape: &[usize]) -> Result<Self> {
        let (file, _) = open(path)?;
        let mut lines = ReaderBuilder::new()
            .trim(csv::Trim::Headers)
            .from_reader(file);
        let size = size(shape);
        let heading = lines
            .byte_headers()
            .map_err(|error| refused(path, size, error))?;
        let first = heading.get(0).unwrap_or_default();
        let mut names = [LABEL, FILE].into_iter();
        let before = names.find(|name| name.as_bytes() == first);
        let values = heading.iter().skip(usize::from(before.is_some()));
        let wrong = (0..size)
            .zip(values.clone())
            .find(|(place, name)| *name != format!("code_{place}").as_bytes());
        let found = match wrong {
            Some((place, name)) => format!("`{}` where code_{place} should stand", excerpt(name)),
            None => format!("{} columns of values", values.clone().count()),
        };
        if wrong.is_some() || values.count() != size {
            return Err(Error::file(path, columns(size), found));
        }
        Ok(Self {
            path: path.to_path_buf(),
            lines,
            before,
            size,
        })
    }

    /// Whether the codes are identified by their pictures.
    pub fn has_files(&self) -> bool {
        self.before == Some(FILE)
    }

    /// The values of the next codes, at most `most`; appends their pictures if the file names them.
    pub fn read(&mut self, most: usize, files: &mut Vec<String>) -> Result<Vec<f32>> {
        let mut values = Vec::new();
        let mut record = ByteRecord::new();
        for _ in 0..most {
            let more = self.lines.read_byte_record(&mut record);
            if !more.map_err(|error| refused(&self.path, self.size, error))? {
                break;
            }
            let mut fields = record.iter();
            if self.before.is_some() {
                let name = fields.next().unwrap_or_default();
                if self.has_files() {
                    files.push(String::from_utf8_lossy(name).into_owned());
                }
            }
            for field in fields {
                let text = std::str::from_utf8(field.trim_ascii()).ok();
                let number = text.and_then(|text| text.parse().ok());
                values.push(number.ok_or_else(|| {
                    let line = record.position().map_or(0, csv::Position::line);
                    let found = format!("`{}` in line {line}", excerpt(field));
                    Error::file(&self.path, "numbers", found)
                })?);
            }
        }
        Ok(values)
    }
}

/// The heading for codes of this size.
fn columns(size: usize) -> String {
    let last = size.saturating_sub(1);
    format!("columns code_0 to code_{last} as the network's codes, after `label` or `file` if any")
}

fn refused(path: &Path, size: usize, error: csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(source) => Error::io("read", path, source),
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            let expected = format!("{expected_len} columns in every line");
            Error::file(path, expected, format!("{len} in line {line}"))
        }
        other => {
            let found = format!("another kind of file ({other:?})");
            Error::file(path, columns(size), found)
        }
    }
}
