//! Writing codes to a file of any kind.

use std::io::Write;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};

use super::csv::{Csv, Sink};
use super::floats::FloatWriter;
use super::{Format, Names, npy, safetensors};
use crate::file::{Output, Publish};
use crate::{Error, Result};

/// A file of codes being written; it appears at its path once it is complete.
pub struct Writer {
    path: PathBuf,
    /// The shape of one code.
    shape: Vec<usize>,
    count: usize,
    written: usize,
    file: File,
}

enum File {
    // Boxed because their buffers are large.
    Floats(Box<FloatWriter>),
    Csv(Box<Csv>),
}

impl Writer {
    /// Starts a file of codes of `shape`, one for each name.
    ///
    /// # Errors
    /// If the extension is not one of [`Format`]'s, or the folder cannot be written to.
    pub fn create(path: &Path, shape: &[usize], names: &Names, publish: Publish) -> Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            shape: shape.to_vec(),
            count: names.len(),
            written: 0,
            file: match Format::required(path)? {
                Format::Npy => File::Floats(npy::create(path, shape, names, publish)?.into()),
                Format::Safetensors => {
                    File::Floats(safetensors::create(path, shape, names, publish)?.into())
                }
                Format::Csv => {
                    let sink = Sink::File(Output::create(path, publish)?);
                    File::Csv(Csv::create(path, sink, shape, names)?.into())
                }
            },
        })
    }

    /// Starts codes of `shape` as the text of a `.csv` file; `called` is what errors call the stream.
    ///
    /// # Errors
    /// If the stream does not take the heading.
    pub fn stream(
        stream: impl Write + Send + 'static,
        called: &str,
        shape: &[usize],
        names: &Names,
    ) -> Result<Self> {
        let path = PathBuf::from(called);
        let sink = Sink::Stream(Box::new(stream));
        Ok(Self {
            file: File::Csv(Csv::create(&path, sink, shape, names)?.into()),
            path,
            shape: shape.to_vec(),
            count: names.len(),
            written: 0,
        })
    }

    /// Adds codes `(n, ...)`, in the order of the names.
    ///
    /// # Errors
    /// If their shape differs, there are more codes than names, or they cannot be written.
    pub fn write(&mut self, codes: &Tensor) -> Result<()> {
        let left = self.count - self.written;
        match codes.dims().split_first() {
            Some((&count, shape)) if shape == self.shape && count <= left => self.written += count,
            _ => {
                let expected = format!("at most {left} of shape {:?}", self.shape);
                let found = format!("a tensor of shape {:?}", codes.dims());
                return Err(Error::argument("codes", expected, found));
            }
        }
        let codes = codes.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
        let values: Vec<f32> = codes.flatten_all()?.to_vec1()?;
        match &mut self.file {
            File::Floats(file) => file.write(&values),
            File::Csv(file) => file.write(&values),
        }
    }

    /// Completes the file and moves it to its path.
    ///
    /// # Errors
    /// If there are fewer codes than names, the last data cannot be written, or the place is taken by a file
    /// that is not to be replaced.
    pub fn finish(self) -> Result<()> {
        if self.written != self.count {
            let expected = format!("{} codes", self.count);
            return Err(Error::file(self.path, expected, self.written.to_string()));
        }
        match self.file {
            File::Floats(file) => file.finish(),
            File::Csv(file) => file.finish(),
        }
    }
}
