//! Data given by a path, whose kind is detected from its contents.

use std::io::Read;
use std::path::Path;

use super::listing::{Listing, names};
use super::{Images, folder, image_folder, npy, npy_header, npz, split};
use crate::open::{kind, look, open};
use crate::recipe::DataConfig;
use crate::{Error, Result};

/// The expected contents of a folder, for errors.
const FOLDERS: &str = "a folder with the four IDX files of a set like MNIST, or with PNG pictures";

/// Reads the training and the test images at a path: a folder of IDX files or of pictures, an `.npz` or
/// an `.npy` file. Also returns the number of files of other types among the pictures.
pub fn load(path: &Path, config: &DataConfig) -> Result<((Images, Images), usize)> {
    let metadata = look(path)?;
    if metadata.is_dir() {
        return load_folder(path, config);
    }
    if !metadata.is_file() {
        return Err(Error::file(path, "a file or folder", kind(&metadata)));
    }
    let mut start = Vec::new();
    let (file, _) = open(path)?;
    file.take(npy_header::MAGIC.len() as u64)
        .read_to_end(&mut start)
        .map_err(|source| Error::io("read", path, source))?;
    match start.as_slice() {
        start if start == npy_header::MAGIC => {
            let parts = split::hold_out_test(&npy::load(path)?, config.test_fraction, path)?;
            Ok((parts, 0))
        }
        // The signature of an archive's first entry, or the end record of an empty archive.
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok((npz::load(path)?, 0)),
        start => {
            let found = match start {
                [0x89, b'P', b'N', b'G', ..] => "one picture",
                [0x1f, 0x8b, ..] => "a gzip file",
                [] => "an empty file",
                _ => "another kind of file",
            };
            let expected = format!("{FOLDERS}, an .npz or an .npy file of NumPy");
            Err(Error::file(path, expected, found))
        }
    }
}

fn load_folder(path: &Path, config: &DataConfig) -> Result<((Images, Images), usize)> {
    // IDX files take precedence over anything else in the folder.
    if folder::holds_idx(path)? {
        return Ok((folder::load(path)?, 0));
    }
    let listing = Listing::read(path)?;
    if listing.folders.is_empty() && listing.pictures.is_empty() {
        let found = match listing.others.as_slice() {
            [] => "an empty folder".to_string(),
            others => names(others),
        };
        return Err(Error::file(path, FOLDERS, found));
    }
    image_folder::load(path, listing, config)
}
