//! What lies in a folder of images.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::open::look;
use crate::{Error, Result};

/// How many names an error lists.
const LISTED: usize = 5;

/// The visible entries of a folder by their kind, each in the order of the names' bytes. Links count
/// as what they lead to; names that start with a dot are passed over.
#[derive(Debug, Default)]
pub struct Listing {
    pub folders: Vec<PathBuf>,
    /// Files whose name ends in `.png`, in capitals or not.
    pub pictures: Vec<PathBuf>,
    pub others: Vec<PathBuf>,
}

impl Listing {
    /// Looks at one folder, not into those inside it.
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
            } else if metadata.is_file() && is_png(&path) {
                listing.pictures.push(path);
            } else {
                listing.others.push(path);
            }
        }
        Ok(listing)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.pictures.is_empty() && self.others.is_empty()
    }

    /// The other files by name, as far as they are worth a line.
    pub fn others_found(&self) -> String {
        names(&self.others)
    }
}

/// The last parts of some paths in a phrase, printable.
pub fn names(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .filter_map(|path| path.file_name())
        .take(LISTED)
        .map(shown)
        .collect();
    match paths.len() {
        0 => "none".to_string(),
        count if count > LISTED => format!("{}, ... ({count} in all)", names.join(", ")),
        _ => names.join(", "),
    }
}

/// A name in a message: what is not UTF-8 or not printable is replaced.
pub fn shown(name: &OsStr) -> String {
    name.to_string_lossy().escape_debug().to_string()
}

fn is_png(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("png"))
}
