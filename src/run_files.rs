//! The files of a run folder, by name: how other rooms recognise one.

use std::path::Path;

/// The checkpoint of the best epoch, for use.
pub const BEST: &str = "best.safetensors";
/// The last checkpoint, to resume from.
pub const LAST: &str = "last.safetensors";
/// The one before the last.
pub const PREVIOUS: &str = "previous.safetensors";
/// The resolved recipe.
pub(crate) const RECIPE: &str = "recipe.toml";
/// What a run has before its first step: the lock and the folder of pictures.
pub(crate) const LOCK: &str = ".lock";
pub(crate) const SAMPLES: &str = "samples";
/// The picture of the losses, and the beginning of the names of the pictures in `samples/`.
pub(crate) const CURVES: &str = "curves.png";
pub(crate) const EPOCH: &str = "epoch-";
/// The folder in which runs are made by default.
const RUNS: &str = "runs";

/// Whether a folder is that of a run, even of one that is just beginning.
pub(crate) fn is_run(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    [RECIPE, BEST, LAST, PREVIOUS].into_iter().any(has) || (has(LOCK) && has(SAMPLES))
}

/// Whether a folder is `runs/` with at least one run in it. A folder of that name may be anything else, such as
/// a class of pictures.
pub(crate) fn holds_runs(folder: &Path) -> bool {
    let is_named = folder.file_name().is_some_and(|name| name == RUNS);
    let entries = || std::fs::read_dir(folder).into_iter().flatten().flatten();
    is_named && entries().any(|entry| is_run(&entry.path()))
}

/// Whether a path is a run folder, a folder of runs, or a picture that a run drew of itself: its curves, its
/// samples.
pub fn is_of_run(path: &Path) -> bool {
    if path.is_dir() {
        return is_run(path) || holds_runs(path);
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let (Some(name), Some(folder)) = (path.file_name(), path.parent()) else {
        return false;
    };
    let is_sample = name.as_encoded_bytes().starts_with(EPOCH.as_bytes())
        && folder.file_name().is_some_and(|name| name == SAMPLES);
    (name == CURVES && is_run(folder)) || (is_sample && folder.parent().is_some_and(is_run))
}
