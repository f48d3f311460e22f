//! The entries of a folder of images.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::listed;
use crate::number::grouped;
use crate::open::look;
use crate::picture::PictureFormat;
use crate::run_files::{holds_runs, is_run};
use crate::{Error, Result};

/// The most names that an error lists.
const LISTED: usize = 5;

/// The visible entries of a folder by kind, each sorted by the bytes of its name. Links count as their
/// targets; names that start with a dot are skipped, and so are run folders and `runs/`, which a person who
/// trains in a folder of pictures leaves there.
#[derive(Debug, Default)]
pub struct Listing {
    pub folders: Vec<PathBuf>,
    /// Files whose name ends as those of a known picture format, in any case.
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
                if is_run(&path) || holds_runs(&path) {
                    continue;
                }
                listing.folders.push(path);
            } else if metadata.is_file() && PictureFormat::named(&path).is_some() {
                listing.pictures.push(path);
            } else {
                listing.others.push(path);
            }
        }
        Ok(listing)
    }
}

/// The pictures in a folder and in all folders inside it, as far as they are read as data.
#[derive(Debug, Default)]
pub struct Pictures {
    /// Each folder's in the order of their names, before those of the folders inside it.
    pub files: Vec<PathBuf>,
    /// Number of files of other types.
    pub left_out: usize,
}

impl Pictures {
    /// Finds them. `except` is a folder inside that is not read.
    ///
    /// # Errors
    /// If a folder cannot be read, or a link makes it hold itself.
    pub fn below(folder: &Path, except: Option<&Path>) -> Result<Self> {
        let mut found = Self::default();
        let except = except.and_then(|folder| folder.canonicalize().ok());
        found.add(folder, &mut Vec::new(), except.as_deref())?;
        Ok(found)
    }

    /// Adds a folder that lies in those of `above`, without links in their paths.
    fn add(
        &mut self,
        folder: &Path,
        above: &mut Vec<PathBuf>,
        except: Option<&Path>,
    ) -> Result<()> {
        let place = folder.canonicalize();
        let place = place.map_err(|source| Error::io("read the folder", folder, source))?;
        if above.contains(&place) {
            let expected = "a folder with an end";
            return Err(Error::file(folder, expected, "a link to one that holds it"));
        }
        if except == Some(&place) && !above.is_empty() {
            return Ok(());
        }
        above.push(place);
        let listing = Listing::read(folder)?;
        self.files.extend(listing.pictures);
        self.left_out += listing.others.len();
        for inside in &listing.folders {
            self.add(inside, above, except)?;
        }
        above.pop();
        Ok(())
    }
}

/// Files of other types than pictures, counted in a phrase; nothing for none.
pub fn left_out(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 file of another type left out".to_string()),
        count => Some(format!("{} files of other types left out", grouped(count))),
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
