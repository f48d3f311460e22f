//! Which files are read, and where their results go.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;

/// The files named, and the PNG files of the folders named, in order of name.
pub fn collect(inputs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for input in inputs {
        if !input.is_dir() {
            files.push(input.clone());
            continue;
        }
        let entries = std::fs::read_dir(input)
            .map_err(|source| Error::io("read the folder", input, source))?;
        let mut found = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|source| Error::io("read the folder", input, source))?
                .path();
            let is_png = path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
            if is_png && path.is_file() {
                found.push(path);
            }
        }
        if found.is_empty() {
            return Err(Error::file(input, "a folder with PNG files", "none").into());
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// `DIR/name.png` for each; equal names get `-2`, `-3`, ...
pub fn name_outputs(inputs: &[PathBuf], folder: &Path) -> Vec<PathBuf> {
    let mut taken = HashSet::new();
    // How often a name was met: thousands of equal ones must not be counted up from 1 each.
    let mut met: HashMap<&OsStr, usize> = HashMap::new();
    inputs
        .iter()
        .map(|input| {
            let stem = input.file_stem().unwrap_or(input.as_os_str());
            let number = met.entry(stem).or_insert(0);
            loop {
                *number += 1;
                let mut name = OsString::from(stem);
                if *number > 1 {
                    name.push(format!("-{number}"));
                }
                name.push(".png");
                let path = folder.join(name);
                if taken.insert(path.clone()) {
                    return path;
                }
            }
        })
        .collect()
}

/// Nothing is overwritten unasked.
pub fn refuse_existing<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<()> {
    for path in paths {
        if path.exists() {
            let expected = "a file that does not exist yet (or --force to overwrite it)";
            return Err(Error::file(path, expected, "one that does").into());
        }
    }
    Ok(())
}

/// No two results may go to the same file.
pub fn refuse_collisions(paths: &[&PathBuf]) -> Result<()> {
    let mut taken = HashSet::new();
    for path in paths {
        if !taken.insert(std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())) {
            let expected = "a file of its own for each result";
            return Err(Error::file(path, expected, "two results for this one").into());
        }
    }
    Ok(())
}

/// The folder that a file will stand in, if it names one.
pub fn folder_of(path: &Path) -> Option<PathBuf> {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map(Path::to_path_buf)
}

/// Makes the folders that files will stand in.
pub fn make_folders<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<()> {
    let folders: BTreeSet<PathBuf> = paths
        .into_iter()
        .filter_map(|path| folder_of(path))
        .collect();
    for folder in folders {
        std::fs::create_dir_all(&folder)
            .map_err(|source| Error::io("create the folder", folder, source))?;
    }
    Ok(())
}
