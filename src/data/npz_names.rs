//! Which array of an archive holds what, by the names that programs give.

use super::python::excerpt;
use crate::error::listed;

/// The names of the images and labels of a part, where `{}` stands for `train` or `test`. Case, `_` and `-` do not
/// matter.
const IMAGES: [&str; 8] = [
    "x_{}",
    "{}_x",
    "{}_images",
    "images_{}",
    "{}_data",
    "data_{}",
    "{}_imgs",
    "{}",
];
const LABELS: [&str; 8] = [
    "y_{}",
    "{}_y",
    "{}_labels",
    "labels_{}",
    "{}_label",
    "{}_targets",
    "targets_{}",
    "{}_target",
];
/// The names of images and labels that are not divided into parts; NumPy calls arrays without a name arr_0, ...
const ALL_IMAGES: [&str; 9] = [
    "images", "image", "imgs", "data", "x", "features", "samples", "pixels", "arr_0",
];
const ALL_LABELS: [&str; 7] = [
    "labels", "label", "targets", "target", "y", "classes", "arr_1",
];
/// The first array without a name whose contents nothing tells.
const UNTOLD: &str = "arr_2";
/// The most unused arrays that a phrase lists.
const LISTED: usize = 4;

/// An array of an archive.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its name without `.npy`, printable.
    pub name: String,
    /// The number of its entry.
    pub index: usize,
}

/// The arrays of one part.
#[derive(Debug)]
pub struct Part {
    pub images: Key,
    pub labels: Option<Key>,
}

/// The arrays of an archive.
#[derive(Debug)]
pub struct Names {
    pub train: Part,
    pub test: Option<Part>,
    others: Vec<String>,
}

impl Names {
    /// Tells arrays by the names of the entries. If some are missing, returns what is expected and the usual name
    /// of the first one that is not there.
    pub fn of<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Result<Self, (String, String)> {
        let arrays = entries.enumerate().filter_map(|(index, entry)| {
            let raw = entry.strip_suffix(b".npy")?;
            let name = excerpt(raw);
            Some((plain(raw), Key { name, index }))
        });
        let arrays: Vec<(Vec<u8>, Key)> = arrays.collect();
        let find = |names: &[&str], part: &str| {
            let mut names = names
                .iter()
                .map(|name| plain(name.replace("{}", part).as_bytes()));
            names.find_map(|name| arrays.iter().find(|(array, _)| *array == name))
        };
        let find = |names: &[&str], part: &str| find(names, part).map(|(_, key)| key.clone());
        let parts = ["train", "test"].map(|part| (find(&IMAGES, part), find(&LABELS, part)));
        let (train, test) = match parts {
            [(Some(images), labels), (None, None)] => (Part { images, labels }, None),
            [(Some(images), labels), (Some(test), test_labels)] => {
                let missing = match (&labels, &test_labels) {
                    (None, Some(_)) => Some("y_train"),
                    (Some(_), None) => Some("y_test"),
                    _ => None,
                };
                if let Some(missing) = missing {
                    let expected = "labels of training and test images (y_train, y_test), or none";
                    return Err((expected.to_string(), missing.to_string()));
                }
                let test = Part {
                    images: test,
                    labels: test_labels,
                };
                (Part { images, labels }, Some(test))
            }
            [(Some(_), _), (None, Some(_))] => {
                let expected = "test images (x_test) for the test labels";
                return Err((expected.to_string(), "x_test".to_string()));
            }
            [(None, None), (None, None)] if find(&[UNTOLD], "").is_none() => {
                let only = match arrays.as_slice() {
                    // A name with a folder may point outside.
                    [(_, only)] if !only.name.contains('/') => Some(only.clone()),
                    _ => None,
                };
                let images = find(&ALL_IMAGES, "").or(only).ok_or_else(no_images)?;
                let labels = find(&ALL_LABELS, "").filter(|labels| labels.index != images.index);
                (Part { images, labels }, None)
            }
            _ => return Err(no_images()),
        };
        let used = |key: &Key| {
            let parts = [Some(&train), test.as_ref()].into_iter().flatten();
            parts
                .flat_map(|part| [Some(&part.images), part.labels.as_ref()])
                .flatten()
                .any(|used| used.index == key.index)
        };
        let others = arrays
            .into_iter()
            .map(|(_, key)| key)
            .filter(|key| !used(key));
        let others = others.map(|key| key.name).collect();
        Ok(Self {
            train,
            test,
            others,
        })
    }

    /// The arrays that are not read, in a phrase.
    pub fn unused(&self) -> Option<String> {
        let names = listed(self.others.iter().cloned(), LISTED, ", ");
        (!self.others.is_empty()).then(|| format!("not used: {names}"))
    }
}

fn no_images() -> (String, String) {
    let expected = "arrays x_train, x_test and, if there are labels, y_train, y_test; or images and labels (as in \
                    np.savez(\"set.npz\", images=x, labels=y))";
    (expected.to_string(), "x_train".to_string())
}

/// A name in lower case without `_` and `-`.
fn plain(name: &[u8]) -> Vec<u8> {
    let letters = name.iter().filter(|letter| !b"_-".contains(letter));
    letters.map(u8::to_ascii_lowercase).collect()
}
