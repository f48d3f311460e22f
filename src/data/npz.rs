//! A zip archive of NumPy arrays (.npz) with a training and a test set, like Keras' `mnist.npz`.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::idx::MAX_GZIP_RATIO;
use super::npy::Array;
use super::python::excerpt;
use super::{Images, grouped};
use crate::error::listed;
use crate::open::open;
use crate::{Error, Result};

/// The most names of an archive that an error lists.
const LISTED: usize = 8;

/// Reads the training and the test images.
///
/// The arrays are `x_train`, `y_train`, `x_test` and `y_test`; others are ignored, and nothing is
/// written to disk.
pub fn load(path: &Path) -> Result<(Images, Images)> {
    let (file, length) = open(path)?;
    let archive = ZipArchive::new(file).map_err(|error| refused(path, error))?;
    let mut arrays = Arrays {
        path,
        length,
        archive,
    };
    let train = arrays.part("x_train", "y_train")?;
    let test = arrays.part("x_test", "y_test")?;
    if train.shape() != test.shape() {
        let size = |(channels, height, width)| format!("images of {channels}x{height}x{width}");
        let expected = format!("{} as in x_train", size(train.shape()));
        let found = size(test.shape());
        return Err(Error::file(arrays.name("x_test"), expected, found));
    }
    Ok((train, test))
}

struct Arrays<'a> {
    path: &'a Path,
    /// Bytes of the archive.
    length: u64,
    archive: ZipArchive<BufReader<File>>,
}

impl Arrays<'_> {
    fn part(&mut self, images: &str, labels: &str) -> Result<Images> {
        let pixels = self.array(images)?.images()?;
        let labels = self.array(labels)?.labels(pixels.count)?;
        Images::new(pixels.shape, pixels.values, labels)
    }

    /// Opens the array of a key.
    fn array(&mut self, key: &str) -> Result<Array<impl io::Read>> {
        let entry = format!("{key}.npy");
        let Some(index) = self.archive.index_for_name_raw(entry.as_bytes()) else {
            let holds = match self.archive.is_empty() {
                true => "is empty".to_string(),
                false => {
                    let names = self.archive.file_names_raw().map(excerpt);
                    format!("holds {}", listed(names, LISTED, ", "))
                }
            };
            let expected = "the arrays x_train, y_train, x_test and y_test";
            let found = format!("no {key} (it {holds})");
            return Err(Error::file(self.path, expected, found));
        };
        let name = self.name(key);
        let file = self.archive.by_index(index);
        let file = file.map_err(|error| refused(&name, error))?;
        // Check the archive's claims about an entry against the archive's size first: an entry cannot
        // be larger than the archive, nor unpack to more than deflate's maximum.
        let (stored, unpacked) = (file.compressed_size(), file.size());
        if stored > self.length || unpacked / MAX_GZIP_RATIO > stored {
            let [length, unpacked, stored] = [self.length, unpacked, stored].map(grouped);
            return Err(Error::file(
                name,
                format!("an array that fits into an archive of {length} bytes"),
                format!("one of {unpacked} bytes stored in {stored}"),
            ));
        }
        Array::open(name, file, unpacked)
    }

    /// The name of a key's array in error messages.
    fn name(&self, key: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_os_string();
        name.push(format!(": {key}"));
        name.into()
    }
}

/// Why an archive or an entry cannot be read.
fn refused(name: &Path, error: ZipError) -> Error {
    match error {
        // The reader reports its own errors as read errors, too.
        ZipError::Io(source) if source.raw_os_error().is_some() => Error::io("read", name, source),
        other => {
            let reason = other.to_string();
            let reason: Vec<&str> = reason.split_whitespace().collect();
            let found = format!("a damaged one ({})", reason.join(" "));
            Error::file(name, "a zip archive of NumPy arrays (.npz)", found)
        }
    }
}
