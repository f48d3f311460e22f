//! Labels: keeping images of some classes only, the names of known classes, labels in bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::Images;
use crate::error::{line, listed};
use crate::recipe::{Class, NamedSet};
use crate::{Error, Result};

/// The most labels that an error lists.
const LISTED: usize = 16;

/// The images of `part` ("training" or "test") of one of these classes, in their order.
pub fn keep(images: &Images, classes: &[Class], part: &str) -> Result<Images> {
    let present: BTreeSet<u32> = images.labels().iter().copied().collect();
    let names = images.class_names();
    let label = |class: &Class| match class {
        Class::Label(label) => Some(*label),
        Class::Name(name) => {
            let mut names = names.iter();
            names.find_map(|(label, known)| (known == name).then_some(*label))
        }
    };
    let mut kept = BTreeSet::new();
    for class in classes {
        match label(class).filter(|label| present.contains(label)) {
            Some(label) => kept.insert(label),
            None => {
                let known = present.iter().map(|label| match names.get(label) {
                    Some(name) => format!("{label} {name}"),
                    None => label.to_string(),
                });
                let known = listed(known.map(|class| line(&class)), LISTED, ", ");
                let found = match class {
                    Class::Label(label) => label.to_string(),
                    Class::Name(name) => format!("the name {name:?}"),
                };
                let what = match names.is_empty() {
                    true => "labels",
                    false => "labels or names",
                };
                return Err(Error::recipe(
                    "data.classes",
                    format!("{what} of the {part} images ({known})"),
                    format!("{found}, of which there are no {part} images"),
                ));
            }
        };
    }
    let labelled = (0u32..).zip(images.labels());
    let kept = labelled.filter(|(_, label)| kept.contains(label));
    images.subset(&kept.map(|(index, _)| index).collect::<Vec<_>>())
}

/// The names of Fashion-MNIST's labels, in their order.
const FASHION_MNIST: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// The training and the test images of a set with the names of its classes; digits are their labels.
pub fn named((train, test): (Images, Images), set: NamedSet) -> (Images, Images) {
    if set != NamedSet::FashionMnist {
        return (train, test);
    }
    let names: BTreeMap<u32, String> = (0..).zip(FASHION_MNIST.map(str::to_string)).collect();
    let named = |images: Images| images.with_class_names(names.clone());
    (named(train), named(test))
}

/// Labels as little-endian integers of 1, 2 or 4 bytes, the fewest that hold them all; the first value is
/// that number.
pub fn in_fewest_bytes(labels: &[u32]) -> (u8, Vec<u8>) {
    let width = match labels.iter().max() {
        None | Some(..=0xff) => 1,
        Some(..=0xffff) => 2,
        Some(_) => 4,
    };
    let bytes = labels.iter().flat_map(|label| {
        let bytes = label.to_le_bytes();
        bytes.into_iter().take(usize::from(width))
    });
    (width, bytes.collect())
}
