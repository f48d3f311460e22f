//! A folder of pictures: inner folders are classes; the test set has its own folder or is split off.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::listing::{Listing, names, shown};
use super::{Images, image_files, split};
use crate::error::line;
use crate::recipe::DataConfig;
use crate::{Error, Result};

/// Up to this number of classes, their names are labels if all are numbers below it.
const FEW_CLASSES: usize = 256;

/// The pictures of one part, with their class folders.
struct Part {
    /// Names and labels, sorted by name; empty if the pictures have no classes.
    classes: Vec<(OsString, u32)>,
    pictures: Vec<(PathBuf, u32)>,
    left_out: usize,
}

/// Reads the training and the test images of a folder of pictures; also returns the number of files of
/// other types.
///
/// Pictures directly in the folder have no class and get label 0. Inner folders of pictures are
/// classes: their label is their position in the byte order of the names, or, if all names are numbers
/// from 0 to 255, or there are more than 256 and all are numbers, that number. Folders `train` and `test`
/// hold the two sets, each laid out in either way; without them a test set is drawn.
pub fn load(
    folder: &Path,
    listing: Listing,
    config: &DataConfig,
) -> Result<((Images, Images), usize)> {
    let [train, test] = ["train", "test"].map(|name| {
        let mut folders = listing.folders.iter();
        folders.find(|path| path.file_name() == Some(OsStr::new(name)))
    });
    let (train, test) = match (train, test) {
        (None, None) => {
            let all = read(folder, &listing, None)?;
            let layout = image_files::layout(folder, &all.pictures, config)?;
            let images = image_files::decode(&all.pictures, layout, config.resize)?;
            let images = images.with_class_names(class_names(&all));
            let parts = split::hold_out_test(&images, config.test_fraction)?;
            return Ok((parts, all.left_out));
        }
        (Some(train), Some(test)) if listing.folders.len() == 2 && listing.pictures.is_empty() => {
            (train, test)
        }
        _ => {
            let expected = "folders train and test with all pictures, or neither of these names";
            let found = names(&[listing.folders, listing.pictures].concat());
            return Err(Error::file(folder, expected, found));
        }
    };
    let train = read(train, &Listing::read(train)?, None)?;
    let test = read(test, &Listing::read(test)?, Some(&train))?;
    let all = [train.pictures.as_slice(), test.pictures.as_slice()].concat();
    let layout = image_files::layout(folder, &all, config)?;
    let decode = |part: &Part| {
        let images = image_files::decode(&part.pictures, layout, config.resize)?;
        Ok::<Images, Error>(images.with_class_names(class_names(&train)))
    };
    let left_out = train.left_out + test.left_out + listing.others.len();
    Ok(((decode(&train)?, decode(&test)?), left_out))
}

/// The pictures in a folder with their labels; uses the training set's labels if `train` is given.
fn read(folder: &Path, listing: &Listing, train: Option<&Part>) -> Result<Part> {
    let classes = !listing.folders.is_empty();
    if classes != listing.pictures.is_empty() {
        let found = match classes {
            true => format!(
                "both: folders {} beside {} (move those pictures into the folder of their class, or all pictures \
                 into one folder without classes)",
                names(&listing.folders),
                names(&listing.pictures)
            ),
            false => names(&listing.others),
        };
        let expected = "pictures, or folders of them as classes";
        return Err(Error::file(folder, expected, found));
    }
    if let Some(train) = train
        && train.classes.is_empty() == classes
    {
        let [expected, found] = match classes {
            true => ["pictures without classes", "folders as classes"],
            false => ["folders as classes", "pictures without classes"],
        };
        let expected = format!("{expected} as in train");
        return Err(Error::file(folder, expected, found));
    }
    let direct = listing.pictures.iter().map(|path| (path.clone(), 0));
    let mut part = Part {
        classes: Vec::new(),
        pictures: direct.collect(),
        left_out: listing.others.len(),
    };
    let folders = listing.folders.iter();
    let named: Vec<&OsStr> = folders.filter_map(|path| path.file_name()).collect();
    let labels = match train {
        Some(train) => labels_as_in(train, folder, &named)?,
        None => labels(&named),
    };
    for ((path, name), label) in listing.folders.iter().zip(named).zip(labels) {
        let inside = Listing::read(path)?;
        let found = match inside.folders.first().and_then(|deeper| deeper.file_name()) {
            Some(deeper) => Some(format!(
                "a folder {} (classes have none: move its pictures up, or make it a class)",
                shown(deeper)
            )),
            None if inside.pictures.is_empty() => Some(names(&inside.others)),
            None => None,
        };
        if let Some(found) = found {
            return Err(Error::file(path, "pictures of one class", found));
        }
        part.left_out += inside.others.len();
        let pictures = inside.pictures.into_iter();
        part.pictures.extend(pictures.map(|path| (path, label)));
        part.classes.push((name.to_os_string(), label));
    }
    Ok(part)
}

/// The labels of class folders by their sorted names.
fn labels(names: &[&OsStr]) -> Vec<u32> {
    // `01` is a name, not a number: otherwise `01` and `1` would be the same class.
    let number = |name: &&OsStr| {
        let number: u32 = name.to_str()?.parse().ok()?;
        let is_label = names.len() > FEW_CLASSES || (number as usize) < FEW_CLASSES;
        (is_label && *name == number.to_string().as_str()).then_some(number)
    };
    let numbers: Option<Vec<u32>> = names.iter().map(number).collect();
    numbers.unwrap_or_else(|| (0..).take(names.len()).collect())
}

/// The names of the labels; none where they are the labels themselves.
fn class_names(part: &Part) -> BTreeMap<u32, String> {
    let named = part.classes.iter();
    let names: BTreeMap<u32, String> = named
        .map(|(name, label)| (*label, line(&name.to_string_lossy())))
        .collect();
    match names.iter().all(|(label, name)| *name == label.to_string()) {
        true => BTreeMap::new(),
        false => names,
    }
}

/// The labels of these classes in the training set.
fn labels_as_in(train: &Part, folder: &Path, names: &[&OsStr]) -> Result<Vec<u32>> {
    let label = |name: &&OsStr| {
        let class = train.classes.iter().find(|(class, _)| class == name);
        class.map(|(_, label)| *label).ok_or_else(|| {
            let found = format!("a folder {}", shown(name));
            Error::file(folder, "only classes that train has", found)
        })
    };
    names.iter().map(label).collect()
}
