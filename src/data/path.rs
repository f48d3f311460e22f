//! Data given by a path, whose kind is detected from its contents.

use std::io::Read;
use std::path::Path;

use super::listing::{Listing, names};
use super::{Images, folder, image_files, image_folder, npy, npy_header, npz, split};
use crate::open::{kind, look, open};
use crate::picture::PictureFormat;
use crate::recipe::{DataConfig, ImageKind};
use crate::run_files::is_of_run;
use crate::{Error, Result};

/// The expected contents of a folder, for errors.
const FOLDERS: &str = "a folder with the four IDX files of a set like MNIST, or with pictures";

/// Bytes that tell the kind of a file.
const START: u64 = 16;

/// The data at a path.
pub struct Found {
    /// The training and the test images.
    pub parts: (Images, Images),
    /// The number of files of other types among the pictures.
    pub left_out: usize,
    /// What was taken for granted, in phrases.
    pub taken: Vec<String>,
}

impl Found {
    fn new(parts: (Images, Images), left_out: usize, taken: Vec<String>) -> Self {
        Self {
            parts,
            left_out,
            taken,
        }
    }
}

/// Reads the training and the test images at a path: a folder of IDX files or of pictures, an `.npz` or
/// an `.npy` file, or a single picture.
pub fn load(path: &Path, config: &DataConfig) -> Result<Found> {
    let metadata = look(path)?;
    if metadata.is_dir() {
        return load_folder(path, config);
    }
    if !metadata.is_file() {
        return Err(Error::file(path, "a file or folder", kind(&metadata)));
    }
    let mut start = Vec::new();
    let (file, _) = open(path)?;
    file.take(START)
        .read_to_end(&mut start)
        .map_err(|source| Error::io("read", path, source))?;
    match start.as_slice() {
        start if start.starts_with(&npy_header::MAGIC) => {
            let (images, taken) = npy::load(path, config)?;
            let parts = split::hold_out_test(&images, config.test_fraction)?;
            Ok(Found::new(parts, 0, taken))
        }
        start if PictureFormat::of(start).is_some() => {
            let picture = [(path.to_path_buf(), 0)];
            let layout = image_files::layout(path, &picture, config)?;
            let image = image_files::decode(&picture, layout, config.resize)?;
            let parts = split::hold_out_test(&image, config.test_fraction)?;
            Ok(Found::new(parts, 0, Vec::new()))
        }
        // The signature of an archive's first entry, or the end record of an empty archive.
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => {
            let (parts, taken) = npz::load(path, config)?;
            Ok(Found::new(parts, 0, taken))
        }
        start => {
            let found = match start {
                [0x1f, 0x8b, ..] => "a gzip file",
                [] => "an empty file",
                _ => "another kind of file",
            };
            let expected = format!("{FOLDERS}, an .npz or an .npy file of NumPy");
            Err(Error::file(path, expected, found))
        }
    }
}

/// What the images at a path are, if that is known: IDX files hold digits as MNIST's do, unless their pages are light.
pub fn image_kind(path: &Path, train: &Images) -> Result<Option<ImageKind>> {
    let sum: u64 = train.pixels().iter().map(|byte| u64::from(*byte)).sum();
    let is_dark = sum < 128 * train.pixels().len() as u64;
    let is_like_mnist = is_dark && path.is_dir() && folder::holds_idx(path)?;
    Ok((!is_like_mnist).then_some(ImageKind::Pictures))
}

fn load_folder(path: &Path, config: &DataConfig) -> Result<Found> {
    // IDX files take precedence over anything else in the folder.
    if folder::holds_idx(path)? {
        return Ok(Found::new(folder::load(path)?, 0, Vec::new()));
    }
    let listing = Listing::read(path)?;
    if listing.folders.is_empty() && listing.pictures.is_empty() {
        let found = match listing.others.as_slice() {
            [] => "an empty folder".to_string(),
            others => names(others),
        };
        return Err(Error::file(path, FOLDERS, found));
    }
    if listing.pictures.iter().any(|picture| is_of_run(picture)) {
        return Err(Error::file(path, FOLDERS, "what a run wrote"));
    }
    let (parts, left_out) = image_folder::load(path, listing, config)?;
    Ok(Found::new(parts, left_out, Vec::new()))
}
