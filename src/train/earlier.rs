//! What an earlier run left in its folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::environment::ENVIRONMENT;
use crate::file::{is_unfinished, sweep};
use crate::run_files::{BEST, CURVES, EPOCH, LAST, LOCK, PREVIOUS, RECIPE, SAMPLES};
use crate::{Error, Result};

/// The checkpoint in place of which another one was resumed.
pub(super) const DAMAGED: &str = "damaged.safetensors";
/// All that a run writes but the lock and the pictures; first the files that can be resumed from, so that a
/// kill leaves no run without its metrics.
const FILES: [&str; 11] = [
    LAST,
    PREVIOUS,
    DAMAGED,
    BEST,
    "metrics.jsonl",
    "metrics.csv",
    "curves.svg",
    CURVES,
    "report.json",
    RECIPE,
    ENVIRONMENT,
];

/// Whether a folder holds a run, even if only its beginning. A recipe alone may be a file of the user.
pub(super) fn is_run(folder: &Path) -> bool {
    let names = [LOCK, LAST, PREVIOUS, BEST];
    names.into_iter().any(|name| folder.join(name).exists())
}

/// Whether a folder is empty, or holds only what a run writes before its first save.
///
/// # Errors
/// If it cannot be read.
pub(super) fn is_unsaved(folder: &Path) -> Result<bool> {
    let entries = entries(folder)?;
    let has = |name: &str| entries.iter().any(|entry| is_named(entry, name));
    let is_begun = has(LOCK) && (has(ENVIRONMENT) || !has(RECIPE));
    let is_early = |entry: &PathBuf| {
        let is = |name: &str| is_named(entry, name);
        let is_empty = || fs::read_dir(entry).is_ok_and(|mut all| all.next().is_none());
        is(LOCK)
            || is(ENVIRONMENT)
            || is(RECIPE)
            || (is(SAMPLES) && is_empty())
            || is_unfinished(entry)
    };
    Ok(entries.is_empty() || (is_begun && entries.iter().all(is_early)))
}

/// Removes the files that a run writes, and no others.
///
/// # Errors
/// If one cannot be removed.
pub(super) fn remove(folder: &Path) -> Result<()> {
    let samples = folder.join(SAMPLES);
    let pictures = entries(&samples).unwrap_or_default();
    let pictures = pictures.into_iter().filter(|picture| is_sample(picture));
    let files = FILES.into_iter().map(|name| folder.join(name));
    for file in files.chain(pictures) {
        match fs::remove_file(&file) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", file, source));
            }
            _ => {}
        }
    }
    [folder, &samples].into_iter().for_each(sweep);
    Ok(())
}

/// The name of an epoch's picture.
pub(super) fn sample(epoch: usize) -> String {
    format!("{EPOCH}{epoch:03}.png")
}

fn is_sample(path: &Path) -> bool {
    let number = path.file_stem().and_then(OsStr::to_str);
    let number = number.and_then(|stem| stem.strip_prefix(EPOCH)?.parse().ok());
    number.is_some_and(|epoch| is_named(path, &sample(epoch)))
}

fn is_named(path: &Path, name: &str) -> bool {
    path.file_name() == Some(OsStr::new(name))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let all = fs::read_dir(folder).and_then(|all| all.map(|entry| Ok(entry?.path())).collect());
    all.map_err(|source| Error::io("read the folder", folder, source))
}
