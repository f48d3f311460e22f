//! Writing codes as text: a heading, then one line per code.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use csv::ErrorKind;

use super::heading::{CLASS, FILE, LABEL};
use super::{Names, size};
use crate::file::Output;
use crate::{Error, Result};

/// Where the text goes.
pub enum Sink {
    File(Output),
    Stream(Box<dyn Write + Send>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stream(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stream(stream) => stream.flush(),
        }
    }
}

/// Text being written.
pub struct Csv {
    /// The file, or what a stream is called in errors.
    path: PathBuf,
    file: csv::Writer<Sink>,
    /// Values per code.
    size: usize,
    names: Names,
    /// Codes written so far.
    at: usize,
}

impl Csv {
    pub fn create(path: &Path, sink: Sink, shape: &[usize], names: &Names) -> Result<Self> {
        let size = size(shape);
        let before: &[&str] = match names {
            Names::Labels { class_names, .. } if class_names.is_empty() => &[LABEL],
            Names::Labels { .. } => &[LABEL, CLASS],
            Names::Files(_) => &[FILE],
        };
        let mut csv = Self {
            path: path.to_path_buf(),
            file: csv::Writer::from_writer(sink),
            size,
            names: names.clone(),
            at: 0,
        };
        let values = (0..size).map(|place| format!("code_{place}"));
        let before = before.iter().map(ToString::to_string);
        csv.put(before.chain(values))?;
        Ok(csv)
    }

    pub fn write(&mut self, values: &[f32]) -> Result<()> {
        for code in values.chunks(self.size.max(1)) {
            let before = self.before_code();
            self.at += 1;
            // Debug writes the fewest digits that parse to the same float, with an exponent for very large
            // or small values.
            let values = code.iter().map(|value| format!("{value:?}"));
            self.put(before.into_iter().chain(values))?;
        }
        Ok(())
    }

    /// The fields before the values of the next code.
    fn before_code(&self) -> Vec<String> {
        match &self.names {
            Names::Labels {
                labels,
                class_names,
            } => {
                let label = labels.get(self.at).copied().unwrap_or_default();
                let mut fields = vec![label.to_string()];
                if !class_names.is_empty() {
                    fields.push(class_names.get(&label).cloned().unwrap_or_default());
                }
                fields
            }
            Names::Files(files) => files.get(self.at).cloned().into_iter().collect(),
        }
    }

    pub fn finish(self) -> Result<()> {
        let failed = |error: io::Error| Error::io("write", &self.path, error);
        let sink = self.file.into_inner();
        match sink.map_err(|error| failed(error.into_error()))? {
            Sink::File(file) => file.finish(),
            Sink::Stream(mut stream) => stream.flush().map_err(failed),
        }
    }

    fn put(&mut self, fields: impl Iterator<Item = String>) -> Result<()> {
        self.file.write_record(fields).map_err(|error| {
            let source = match error.into_kind() {
                ErrorKind::Io(source) => source,
                other => io::Error::other(format!("{other:?}")),
            };
            Error::io("write", &self.path, source)
        })
    }
}
