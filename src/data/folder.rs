//! A folder with four IDX files, as MNIST has.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Images, classes, idx};
use crate::recipe::NamedSet;
use crate::{Error, Result};

/// Whether a folder holds a file with the name of one of the four.
pub fn holds_idx(folder: &Path) -> Result<bool> {
    let io = |source| Error::io("read the folder", folder, source);
    for entry in fs::read_dir(folder).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let name = name.to_string_lossy();
        if name.contains("idx3-ubyte") || name.contains("idx1-ubyte") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads the training and the test images of a folder.
pub fn load(folder: &Path) -> Result<(Images, Images)> {
    // Find all four before reading the first: reading can take a while.
    let [train_images, train_labels, test_images, test_labels] = [
        find(folder, "train-images", "idx3-ubyte")?,
        find(folder, "train-labels", "idx1-ubyte")?,
        find(folder, "t10k-images", "idx3-ubyte")?,
        find(folder, "t10k-labels", "idx1-ubyte")?,
    ];
    let train = read(&train_images, &train_labels)?;
    let test = read(&test_images, &test_labels)?;
    if train.shape() != test.shape() {
        let size = |(_, height, width): (usize, usize, usize)| format!("{height}x{width}");
        let (expected, place) = (size(train.shape()), train_images.display());
        let expected = format!("images of {expected} as in {place}");
        return Err(Error::file(test_images, expected, size(test.shape())));
    }
    // The set has no names inside, but usually its own, as Debian's package has.
    let is_fashion_mnist = folder.file_name() == Some(OsStr::new(NamedSet::FashionMnist.name()));
    Ok(match is_fashion_mnist {
        true => classes::named((train, test), NamedSet::FashionMnist),
        false => (train, test),
    })
}

/// The file of a part under any of its usual names; an unpacked file takes precedence over a packed
/// one.
fn find(folder: &Path, part: &str, kind: &str) -> Result<PathBuf> {
    let names = [
        format!("{part}-{kind}"),
        format!("{part}.{kind}"),
        format!("{part}-{kind}.gz"),
        format!("{part}.{kind}.gz"),
    ];
    let mut paths = names.iter().map(|name| folder.join(name));
    let found = paths.find(|path| fs::symlink_metadata(path).is_ok());
    found.ok_or_else(|| {
        let expected = format!("a file {part}-{kind} or {part}.{kind}, raw or gzipped (.gz)");
        Error::file(folder, expected, "none")
    })
}

fn read(images: &Path, labels: &Path) -> Result<Images> {
    let pixels = idx::read_file(images, idx::Kind::Images)?;
    let classes = idx::read_file(labels, idx::Kind::Labels)?;
    idx::join(pixels, images, classes, labels)
}
