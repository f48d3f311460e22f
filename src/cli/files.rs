//! The paths of results, and checks of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::file::{destination, exists, folder, sweep};
use clap::builder::{PathBufValueParser, TypedValueParser};

/// `DIR/name.ENDING` for each, with the folders of the name; equal names get `-2`, `-3`, ...
pub fn name_outputs(
    names: &[PathBuf],
    folder: &Path,
    ending: impl Fn(&Path) -> &'static str,
) -> Vec<PathBuf> {
    let mut taken = HashSet::new();
    // Uses per name, so that thousands of equal names need not count up from 1 each time.
    let mut met: HashMap<PathBuf, usize> = HashMap::new();
    let output = |name: &PathBuf| {
        let stem = name.file_stem().unwrap_or(name.as_os_str());
        let place = folder.join(name).with_file_name(stem);
        let number = met.entry(place.clone()).or_insert(0);
        loop {
            *number += 1;
            let mut path = place.clone().into_os_string();
            if *number > 1 {
                path.push(format!("-{number}"));
            }
            path.push(".");
            path.push(ending(name));
            let path = PathBuf::from(path);
            if taken.insert(path.clone()) {
                return path;
            }
        }
    };
    names.iter().map(output).collect()
}

/// `DIR/NAME-0001.png` and so on; none without a folder.
pub fn numbered(folder: Option<&PathBuf>, name: &str, count: usize) -> Vec<PathBuf> {
    let files = |folder: &PathBuf| {
        let names = (1..=count).map(|number| format!("{name}-{number:04}.png"));
        names.map(|name| folder.join(name)).collect()
    };
    folder.map(files).unwrap_or_default()
}

/// The last component of a path as text.
pub fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Paths as text for JSON, which has no place for other bytes.
pub fn lossy(paths: &[PathBuf]) -> Vec<Cow<'_, str>> {
    paths.iter().map(|path| path.to_string_lossy()).collect()
}

/// Checks before any work that the results can be written: each has its own file, none is an input, an
/// existing file may be overwritten, and the folders are writable. It creates nothing, so that a wrong
/// input leaves nothing behind.
pub fn claim<'a>(
    outputs: impl IntoIterator<Item = &'a PathBuf>,
    inputs: impl IntoIterator<Item = impl AsRef<Path>>,
    force: bool,
) -> Result<()> {
    // With --force a result goes where a link leads.
    let place = |path: &PathBuf| match force {
        true => destination(path),
        false => path.clone(),
    };
    let outputs: Vec<(&PathBuf, PathBuf)> = outputs.into_iter().map(|o| (o, place(o))).collect();
    let mut taken = HashSet::new();
    for (path, place) in &outputs {
        if !taken.insert(absolute(place)) {
            let expected = "a file of its own for each result";
            return Err(Error::file(path, expected, "two results for this one").into());
        }
    }
    for (path, place) in &outputs {
        let mut folders = absolute(place);
        while folders.pop() {
            if taken.contains(&folders) {
                let expected = "a folder of its own for each result in one";
                let found = format!("another result at {}", folders.display());
                return Err(Error::file(path, expected, found).into());
            }
        }
    }
    let inputs = inputs.into_iter();
    let inputs: HashSet<Identity> = inputs.filter_map(|path| identity(path.as_ref())).collect();
    for (path, _) in &outputs {
        if let Ok(metadata) = std::fs::metadata(path) {
            if !metadata.is_file() {
                let found = match metadata.is_dir() {
                    true => "a folder",
                    false => "a device or a pipe",
                };
                return Err(Error::file(path, "a file to write, or a new name", found).into());
            }
            if identity(path).is_some_and(|output| inputs.contains(&output)) {
                let expected = "another file for the result than the inputs";
                return Err(Error::file(path, expected, "one that is read").into());
            }
        }
        // A link that leads nowhere is there too.
        if !force && path.symlink_metadata().is_ok() {
            return Err(exists(path).into());
        }
    }
    let folders = outputs.iter().map(|(path, place)| (folder(place), path));
    for (folder, file) in folders.collect::<BTreeMap<_, _>>() {
        probe(folder, file)?;
    }
    Ok(())
}

/// The files of a data set at a path that a result could overwrite.
pub fn data_files(path: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.flatten().map(|entry| entry.path()).collect()
    };
    let mut files = vec![path.to_path_buf()];
    let mut folders = vec![path.to_path_buf()];
    // Three levels: parts, classes, and their files.
    for _ in 0..3 {
        let found: Vec<PathBuf> = folders.iter().flat_map(|folder| entries(folder)).collect();
        folders = found.iter().filter(|path| path.is_dir()).cloned().collect();
        let is_data = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.to_ascii_lowercase().ends_with(".png") || name.contains("-ubyte")
        };
        files.extend(found.into_iter().filter(is_data));
    }
    files
}

/// Identifies a file under any of its names.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    std::fs::canonicalize(path).ok()
}

/// The path from the root if the working folder is known.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Tries to write to a folder, or to its nearest existing ancestor.
fn probe(folder: &Path, file: &Path) -> Result<()> {
    let folder = absolute(folder);
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.unwrap_or(&folder);
    if !there.is_dir() {
        let expected = format!("a folder at {}", there.display());
        return Err(Error::file(file, expected, "a file there").into());
    }
    let tried = tempfile::tempfile_in(there);
    tried.map_err(|error| Error::io("write", file, error.kind().into()))?;
    Ok(())
}

/// Creates the folders of the files, and removes unfinished files of killed commands from them.
pub fn make_folders<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<()> {
    let places = paths.into_iter().map(|path| destination(path));
    let folders: BTreeSet<PathBuf> = places.map(|place| folder(&place).to_path_buf()).collect();
    for folder in folders {
        std::fs::create_dir_all(&folder)
            .map_err(|source| Error::io("create the folder", &folder, source))?;
        sweep(&folder);
    }
    Ok(())
}

/// Parses the name of a picture to write, which is a PNG whatever its name.
pub fn png_file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("png") => Ok(path),
        _ => Err("expected a name that ends in .png"),
    })
}
