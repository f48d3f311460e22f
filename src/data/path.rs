//! Data that a person passes in by its path: which kind it is, told from what is there.

use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::Path;

use super::listing::Listing;
use super::{Images, folder, image_folder, npy, npy_header, npz, split};
use crate::recipe::DataConfig;
use crate::{Error, Result};

/// What is looked for, for errors.
const FOLDERS: &str = "a folder with the four IDX files of a set like MNIST, or with PNG pictures";

/// The images found at a path.
pub struct Found {
    pub train: Images,
    pub test: Images,
    /// Files of other types that lay among the pictures.
    pub left_out: usize,
}

impl From<(Images, Images)> for Found {
    fn from((train, test): (Images, Images)) -> Self {
        Self {
            train,
            test,
            left_out: 0,
        }
    }
}

/// Reads the images at a path: a folder of IDX files or of pictures, an `.npz` or an `.npy` file.
pub fn load(path: &Path, config: &DataConfig) -> Result<Found> {
    let metadata = look(path)?;
    if metadata.is_dir() {
        return load_folder(path, config);
    }
    if !metadata.is_file() {
        return Err(Error::file(path, "a file or folder", "something else"));
    }
    match first_bytes(path)?.as_slice() {
        start if start == npy_header::MAGIC => {
            Ok(split::hold_out_test(&npy::load(path)?, config.test_fraction, path)?.into())
        }
        // The first entry of an archive, or the end of an empty one.
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(npz::load(path)?.into()),
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

fn load_folder(path: &Path, config: &DataConfig) -> Result<Found> {
    // Named files are meant, whatever else lies beside them.
    if folder::holds_idx(path)? {
        return Ok(folder::load(path)?.into());
    }
    let listing = Listing::read(path)?;
    if listing.is_empty() {
        return Err(Error::file(path, FOLDERS, "an empty folder"));
    }
    if listing.folders.is_empty() && listing.pictures.is_empty() {
        return Err(Error::file(path, FOLDERS, listing.others_found()));
    }
    image_folder::load(path, listing, config)
}

/// What a path leads to. A link that leads nowhere is told from a file that is not there.
pub fn look(path: &Path) -> Result<Metadata> {
    fs::metadata(path).map_err(|source| match path.symlink_metadata() {
        Ok(link) if link.is_symlink() => {
            let found = format!("a link that leads nowhere ({source})");
            Error::file(path, "a file or folder", found)
        }
        _ => Error::io("read", path, source),
    })
}

fn first_bytes(path: &Path) -> Result<Vec<u8>> {
    let io = |source| Error::io("read", path, source);
    let mut start = Vec::new();
    let length = npy_header::MAGIC.len() as u64;
    File::open(path)
        .and_then(|file| file.take(length).read_to_end(&mut start))
        .map_err(io)?;
    Ok(start)
}
