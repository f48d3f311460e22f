//! The sample of MNIST that is built into the binary; `assets/README.md` gives its source.

use std::path::Path;

use super::{Images, idx};
use crate::Result;

/// A file of the sample with its name for errors.
macro_rules! asset {
    ($name:literal) => {
        (
            concat!("assets/mnist-sample/", $name),
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/assets/mnist-sample/",
                $name
            ))
            .as_slice(),
        )
    };
}

/// The training and test images of the built-in sample.
pub fn load() -> Result<(Images, Images)> {
    let train = read(
        asset!("train-images-idx3-ubyte.gz"),
        asset!("train-labels-idx1-ubyte.gz"),
    )?;
    let test = read(
        asset!("t10k-images-idx3-ubyte.gz"),
        asset!("t10k-labels-idx1-ubyte.gz"),
    )?;
    Ok((train, test))
}

fn read(images: (&str, &[u8]), labels: (&str, &[u8])) -> Result<Images> {
    let parse = |(name, bytes): (&str, &[u8]), kind| {
        idx::read(Path::new(name), bytes, bytes.len() as u64, kind)
    };
    let pixels = parse(images, idx::Kind::Images)?;
    let classes = parse(labels, idx::Kind::Labels)?;
    idx::join(pixels, Path::new(images.0), classes, Path::new(labels.0))
}
