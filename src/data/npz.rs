//! A zip archive of NumPy arrays (.npz), like Keras' `mnist.npz`.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::idx::MAX_GZIP_RATIO;
use super::npy::{Array, Pixels};
use super::npz_names::{Key, Names, Part};
use super::python::excerpt;
use super::{Images, grouped, split};
use crate::error::listed;
use crate::open::open;
use crate::recipe::DataConfig;
use crate::{Error, Result};

/// The most names of an archive that an error lists.
const LISTED: usize = 8;

/// Reads the training and the test images, and what was taken for granted. Without test images, a part of the
/// images becomes the test set; without labels, all are 0. Nothing is written to disk.
pub fn load(path: &Path, config: &DataConfig) -> Result<((Images, Images), Vec<String>)> {
    let (file, length) = open(path)?;
    let archive = ZipArchive::new(file).map_err(|error| refused(path, error))?;
    let mut arrays = Arrays {
        path,
        length,
        archive,
        config,
    };
    let entries: Vec<String> = arrays.archive.file_names_raw().map(excerpt).collect();
    let raw = arrays.archive.file_names_raw();
    let names = Names::of(raw).map_err(|(expected, missing)| {
        let holds = match entries.is_empty() {
            true => "is empty".to_string(),
            false => format!("holds {}", listed(entries, LISTED, ", ")),
        };
        Error::file(path, expected, format!("no {missing} (it {holds})"))
    })?;
    let train = arrays.part(&names.train)?;
    let Some(part) = &names.test else {
        let (images, mut taken) = (train.images, train.taken);
        taken.extend(names.unused());
        let parts = split::hold_out_test(&images, config.test_fraction)?;
        return Ok((parts, taken));
    };
    let test = arrays.part(part)?;
    let [train_name, test_name] = [&names.train, part].map(|part| &part.images.name);
    if train.images.shape() != test.images.shape() {
        let size = |(channels, height, width)| format!("images of {channels}x{height}x{width}");
        let expected = format!("{} as in {train_name}", size(train.images.shape()));
        let found = size(test.images.shape());
        return Err(Error::file(arrays.name(test_name), expected, found));
    }
    if let (Some(expected), Some(found)) = (train.white, test.white)
        && expected != found
    {
        let [expected, found] =
            [expected, found].map(|white| format!("values from 0 to {}", grouped(white)));
        let expected = format!("{expected} as in {train_name}");
        return Err(Error::file(arrays.name(test_name), expected, found));
    }
    let mut taken = train.taken;
    for phrase in test.taken {
        if !taken.contains(&phrase) {
            taken.push(phrase);
        }
    }
    taken.extend(names.unused());
    Ok(((train.images, test.images), taken))
}

struct Arrays<'a> {
    path: &'a Path,
    /// Bytes of the archive.
    length: u64,
    archive: ZipArchive<BufReader<File>>,
    config: &'a DataConfig,
}

/// The images of one part.
struct Loaded {
    images: Images,
    white: Option<f64>,
    taken: Vec<String>,
}

impl Arrays<'_> {
    fn part(&mut self, part: &Part) -> Result<Loaded> {
        let config = self.config;
        let Pixels {
            count,
            shape,
            values,
            white,
            taken,
        } = self.array(&part.images)?.images(config)?;
        let labels = match &part.labels {
            Some(labels) => self.array(labels)?.labels(count)?,
            None => vec![0; count],
        };
        Ok(Loaded {
            images: Images::new(shape, values, labels)?,
            white,
            taken,
        })
    }

    /// Opens an array.
    fn array(&mut self, key: &Key) -> Result<Array<impl io::Read>> {
        let name = self.name(&key.name);
        let file = self.archive.by_index(key.index);
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

    /// The name of an array in error messages.
    fn name(&self, array: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_os_string();
        name.push(format!(": {array}"));
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
