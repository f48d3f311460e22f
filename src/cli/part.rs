//! `--part`: which images of a data set a command takes.

use autoencode::Error;
use autoencode::data::{Dataset, Images, counted};
use autoencode::evaluate;
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct PartFlag {
    /// The part of the data set.
    #[arg(long, value_enum, default_value_t = Part::Test)]
    pub part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The images networks learn from, without the validation images.
    Train,
    /// The held-out images, which choose the best epoch.
    Validation,
    /// The images for the final figures.
    Test,
    /// All three, in this order.
    All,
}

impl Part {
    /// The selected parts, in order.
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::All => &[Self::Train, Self::Validation, Self::Test],
            one => std::slice::from_ref(one),
        }
    }

    /// The part in the library.
    pub fn measured(self) -> evaluate::Part {
        match self {
            Self::Train => evaluate::Part::Train,
            Self::Validation => evaluate::Part::Validation,
            Self::Test => evaluate::Part::Test,
            Self::All => evaluate::Part::All,
        }
    }

    /// The images of the part; an error if there are none.
    pub fn images(self, dataset: &Dataset) -> autoencode::Result<Images> {
        let images = self.measured().images(dataset)?;
        match images.is_empty() {
            true => Err(Self::without_images(dataset)),
            false => Ok(images),
        }
    }

    /// The error for a part without images.
    pub fn without_images(dataset: &Dataset) -> Error {
        let found = format!("none of {}", dataset.origin);
        Error::argument("--part", "a part with images", found)
    }

    /// As in "the 2,000 test images"; `noun` is a plural.
    pub fn the(self, count: usize, noun: &str) -> String {
        let article = if self == Self::All { "" } else { "the " };
        format!("{article}{}", self.described(count, noun))
    }

    /// As in "2,000 test images"; `noun` is a plural.
    pub fn described(self, count: usize, noun: &str) -> String {
        let (all, kind) = match self {
            Self::Train => ("", "training "),
            Self::Validation => ("", "validation "),
            Self::Test => ("", "test "),
            Self::All => ("all ", ""),
        };
        format!("{all}{}", counted(count, &format!("{kind}{noun}")))
    }
}
