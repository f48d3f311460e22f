//! A folder with four IDX files, as MNIST has.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Images, idx};
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
        return Err(Error::file(
            test_images,
            format!(
                "images of {} as in {}",
                size(train.shape()),
                train_images.display()
            ),
            size(test.shape()),
        ));
    }
    Ok((train, test))
}

/// The file of a part under any of its usual names; an unpacked file takes precedence over a packed
/// one.
fn find(folder: &Path, part: &str, kind: &str) -> Result<PathBuf> {
    for name in [
        format!("{part}-{kind}"),
        format!("{part}.{kind}"),
        format!("{part}-{kind}.gz"),
        format!("{part}.{kind}.gz"),
    ] {
        let path = folder.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            return Ok(path);
        }
    }
    Err(Error::file(
        folder,
        format!("a file {part}-{kind} or {part}.{kind}, raw or gzipped (.gz)"),
        "none",
    ))
}

fn read(images: &Path, labels: &Path) -> Result<Images> {
    let pixels = idx::read_file(images, idx::Kind::Images)?;
    let classes = idx::read_file(labels, idx::Kind::Labels)?;
    idx::join(pixels, images, classes, labels)
}
