//! A folder of pictures: inner folders are classes; the test set has its own folder or is split off.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::found::Found;
use super::listing::{Listing, names, shown};
use super::{image_files, split};
use crate::recipe::DataConfig;
use crate::{Error, Result};

/// The number of classes that a one-byte label can distinguish.
const MAX_CLASSES: usize = 256;

/// The pictures of one part, with their class folders.
struct Part {
    /// Sorted by name; empty if the pictures have no classes.
    classes: Vec<Class>,
    pictures: Vec<(PathBuf, u8)>,
    left_out: usize,
}

struct Class {
    name: OsString,
    label: u8,
}

/// Reads a folder of PNG pictures.
///
/// Pictures directly in the folder have no class and get label 0. Inner folders of pictures are
/// classes: their label is their position in the byte order of the names, or, if all names are numbers
/// from 0 to 255, that number. Folders `train` and `test` hold the two sets, each laid out in either
/// way; without them a test set is drawn.
pub fn load(folder: &Path, listing: Listing, config: &DataConfig) -> Result<Found> {
    let is = |path: &Path, name: &str| path.file_name() == Some(OsStr::new(name));
    let [train, test] = ["train", "test"].map(|name| {
        let path = listing.folders.iter().find(|path| is(path, name));
        path.cloned()
    });
    let (train, test) = match (train, test) {
        (None, None) => {
            let all = read(folder, listing, None)?;
            let shape = image_files::shape(folder, &all.pictures, config)?;
            let images = image_files::decode(&all.pictures, shape, config.resize)?;
            let (train, test) = split::hold_out_test(&images, config.test_fraction, folder)?;
            return Ok(Found {
                train,
                test,
                left_out: all.left_out,
            });
        }
        (Some(train), Some(test)) if listing.folders.len() == 2 && listing.pictures.is_empty() => {
            (train, test)
        }
        _ => {
            let beside: Vec<PathBuf> = [listing.folders, listing.pictures].concat();
            return Err(Error::file(
                folder,
                "folders train and test with all pictures, or neither of these names",
                names(&beside),
            ));
        }
    };
    let train = read(&train, Listing::read(&train)?, None)?;
    let test = read(&test, Listing::read(&test)?, Some(&train))?;
    let all = [train.pictures.as_slice(), test.pictures.as_slice()].concat();
    let shape = image_files::shape(folder, &all, config)?;
    Ok(Found {
        train: image_files::decode(&train.pictures, shape, config.resize)?,
        test: image_files::decode(&test.pictures, shape, config.resize)?,
        left_out: train.left_out + test.left_out + listing.others.len(),
    })
}

/// The pictures in a folder with their labels; uses the training set's labels if `train` is given.
fn read(folder: &Path, listing: Listing, train: Option<&Part>) -> Result<Part> {
    let pictures = "PNG pictures, or folders of them as classes";
    let classes = !listing.folders.is_empty();
    if classes && !listing.pictures.is_empty() {
        return Err(Error::file(folder, pictures, "both"));
    }
    if !classes && listing.pictures.is_empty() {
        return Err(Error::file(folder, pictures, listing.others_found()));
    }
    if let Some(train) = train
        && train.classes.is_empty() == classes
    {
        let [expected, found] = match classes {
            true => ["pictures without classes", "folders as classes"],
            false => ["folders as classes", "pictures without classes"],
        };
        return Err(Error::file(
            folder,
            format!("{expected} as in train"),
            found,
        ));
    }
    let mut part = Part {
        classes: Vec::new(),
        pictures: listing.pictures.into_iter().map(|path| (path, 0)).collect(),
        left_out: listing.others.len(),
    };
    let folder_names = listing.folders.iter().filter_map(|path| path.file_name());
    let labels = match train {
        Some(train) => labels_as_in(train, folder, folder_names)?,
        None => labels(folder, &folder_names.collect::<Vec<_>>())?,
    };
    for (path, label) in listing.folders.iter().zip(labels) {
        let inside = Listing::read(path)?;
        if let Some(deeper) = inside.folders.first() {
            let found = format!(
                "a folder {}",
                deeper.file_name().map_or_else(String::new, shown)
            );
            return Err(Error::file(path, "PNG pictures of one class", found));
        }
        if inside.pictures.is_empty() {
            let expected = "PNG pictures of one class";
            return Err(Error::file(path, expected, inside.others_found()));
        }
        part.left_out += inside.others.len();
        part.pictures
            .extend(inside.pictures.into_iter().map(|path| (path, label)));
        part.classes.push(Class {
            name: path.file_name().unwrap_or_default().to_os_string(),
            label,
        });
    }
    Ok(part)
}

/// The labels of class folders by their sorted names.
fn labels(folder: &Path, names: &[&OsStr]) -> Result<Vec<u8>> {
    if names.len() > MAX_CLASSES {
        return Err(Error::file(
            folder,
            format!("at most {MAX_CLASSES} folders as classes"),
            names.len().to_string(),
        ));
    }
    // `01` is a name, not a number: otherwise `01` and `1` would be the same class.
    let number = |name: &&OsStr| {
        let text = name.to_str()?;
        let number: u8 = text.parse().ok()?;
        (number.to_string() == text).then_some(number)
    };
    let numbers: Option<Vec<u8>> = names.iter().map(number).collect();
    Ok(numbers.unwrap_or_else(|| (0..=u8::MAX).take(names.len()).collect()))
}

/// The labels of these classes in the training set.
fn labels_as_in<'a>(
    train: &Part,
    folder: &Path,
    names: impl Iterator<Item = &'a OsStr>,
) -> Result<Vec<u8>> {
    names
        .map(|name| {
            let class = train.classes.iter().find(|class| class.name == name);
            class.map(|class| class.label).ok_or_else(|| {
                let found = format!("a folder {}", shown(name));
                Error::file(folder, "only classes that train has", found)
            })
        })
        .collect()
}
