//! The entries of a folder of images.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::listed;
use crate::open::look;
use crate::{Error, Result};

/// The most names that an error lists.
const LISTED: usize = 5;

/// The visible entries of a folder by kind, each sorted by the bytes of its name. Links count as their
/// targets; names that start with a dot are skipped.
#[derive(Debug, Default)]
pub struct Listing {
    pub folders: Vec<PathBuf>,
    /// Files whose name ends in `.png`, in any case.
    pub pictures: Vec<PathBuf>,
    pub others: Vec<PathBuf>,
}

impl Listing {
    /// Lists one folder, without those inside it.
    pub fn read(folder: &Path) -> Result<Self> {
        let io = |source| Error::io("read the folder", folder, source);
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                paths.push(entry.path());
            }
        }
        paths.sort_unstable();
        let mut listing = Self::default();
        for path in paths {
            let metadata = look(&path)?;
            if metadata.is_dir() {
                listing.folders.push(path);
            } else if metadata.is_file()
                && (path.extension()).is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
            {
                listing.pictures.push(path);
            } else {
                listing.others.push(path);
            }
        }
        Ok(listing)
    }
}

/// The last components of some paths in a phrase, printable.
pub fn names(paths: &[PathBuf]) -> String {
    if paths.is_empty() {
        return "none".to_string();
    }
    let names = paths.iter().filter_map(|path| path.file_name()).map(shown);
    listed(names, LISTED, ", ")
}

/// A name for a message: anything that is not UTF-8 or not printable is replaced.
pub fn shown(name: &OsStr) -> String {
    name.to_string_lossy().escape_debug().to_string()
}
