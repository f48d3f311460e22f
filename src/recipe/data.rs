//! What a recipe says of its images.

use serde::{Deserialize, Serialize};

use super::is_default;
use super::points::Points;
use crate::{Error, Result};

/// Which images to take, and how to make them from pictures.
///
/// A recipe without this table trains on MNIST, or on whatever other data it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// The set to take where no other data is given.
    pub set: NamedSet,
    /// A synthetic set of points instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Points>,
    /// Only images with one of these labels; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<u8>>,
    /// Height and width that the pictures of a folder are brought to; when absent they must all have
    /// one size. Other data must have this size already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<ImageSize>,
    /// 1 (grey) or 3 (red, green, blue) that the pictures of a folder are turned into; when absent 3
    /// if any of them is a colour picture, else 1. Other data must have as many already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// How pictures of another size are brought to `size`.
    pub resize: Resize,
    /// The share of the images that become the test set where the data has none of its own.
    pub test_fraction: f64,
    /// Which images choose the best epoch.
    #[serde(skip_serializing_if = "is_default")]
    pub validation: ValidationSet,
    /// Whether, and how, every value is made 0 or 1.
    #[serde(skip_serializing_if = "is_default")]
    pub binarization: Binarization,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            set: NamedSet::default(),
            points: None,
            classes: None,
            size: None,
            channels: None,
            resize: Resize::default(),
            test_fraction: 0.1,
            validation: ValidationSet::default(),
            binarization: Binarization::default(),
        }
    }
}

/// Which images choose the best epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValidationSet {
    /// One tenth of the training images, at most 5,000, which are not trained on.
    #[default]
    HeldOut,
    /// The test images, and all training images are trained on. The test figures of the best epoch are
    /// then chosen to be good; this is for repeating published runs that did so.
    Test,
}

/// How the values of an image are made 0 or 1, before anything else is done with them: in training and
/// where a network is measured. In use a network sees images as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binarization {
    /// They are not.
    #[default]
    None,
    /// 1 from one half on.
    Threshold,
    /// 1 with the value as probability, one draw for each image (Salakhutdinov and Murray, "On the
    /// quantitative analysis of deep belief networks", ICML 2008).
    Once,
    /// The same with a fresh draw in every epoch of training; validation and test keep one draw.
    EveryEpoch,
}

/// A data set that has a name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedSet {
    /// 70,000 handwritten digits of 28x28 (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning
    /// applied to document recognition", 1998).
    #[default]
    Mnist,
    /// 70,000 pictures of clothes of 28x28 in ten classes (Xiao, Rasul and Vollgraf, "Fashion-MNIST: a
    /// novel image dataset for benchmarking machine learning algorithms", 2017).
    FashionMnist,
    /// 12,000 of MNIST's digits, built into the program.
    Sample,
}

impl NamedSet {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mnist, Self::FashionMnist, Self::Sample];

    /// Its name in recipes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::FashionMnist => "fashion-mnist",
            Self::Sample => "sample",
        }
    }

    /// Its name in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Self::Mnist => "MNIST",
            Self::FashionMnist => "Fashion-MNIST",
            Self::Sample => "the built-in sample of MNIST",
        }
    }
}

/// Height and width of an image: one number for a square, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a number of pixels or [height, width]")]
pub enum ImageSize {
    /// As high as wide.
    Square(usize),
    /// Height and width.
    Sides([usize; 2]),
}

impl ImageSize {
    /// Height and width.
    pub fn height_width(self) -> (usize, usize) {
        match self {
            Self::Square(side) => (side, side),
            Self::Sides([height, width]) => (height, width),
        }
    }
}

/// How a picture is brought to another size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// The whole picture, each axis scaled for itself: other proportions are distorted.
    #[default]
    Squeeze,
    /// The largest part from the middle that has the target's proportions, scaled: what lies beside it
    /// is lost.
    Crop,
}

/// The longest side of an image that a network is trained on.
const MAX_SIDE: usize = 4096;

impl DataConfig {
    /// What the samples are called.
    pub fn noun(&self) -> &'static str {
        match self.points {
            Some(_) => "points",
            None => "images",
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        if let Some(classes) = &self.classes {
            let mut seen = [false; 256];
            let repeated = classes.iter().any(|&class| {
                seen.get_mut(usize::from(class))
                    .is_some_and(|seen| std::mem::replace(seen, true))
            });
            if classes.is_empty() || repeated {
                return Err(Error::recipe(
                    "data.classes",
                    "one or more labels, each once",
                    format!("{classes:?}"),
                ));
            }
        }
        if let Some(size) = self.size {
            let (height, width) = size.height_width();
            let sides = 1..=MAX_SIDE;
            if !sides.contains(&height) || !sides.contains(&width) {
                return Err(Error::recipe(
                    "data.size",
                    format!("height and width from 1 to {MAX_SIDE}"),
                    format!("{height}x{width}"),
                ));
            }
        }
        if let Some(channels) = self.channels
            && channels != 1
            && channels != 3
        {
            let expected = "1 (grey) or 3 (red, green, blue)";
            return Err(Error::recipe("data.channels", expected, channels));
        }
        if let Some(points) = &self.points {
            points.validate()?;
            let alone = Self {
                points: self.points,
                ..Self::default()
            };
            if *self != alone {
                return Err(Error::recipe(
                    "data.points",
                    "no other keys of data beside it, which are about images",
                    "some",
                ));
            }
        }
        // The comparison is false for NaN.
        if !(self.test_fraction > 0.0 && self.test_fraction < 1.0) {
            return Err(Error::recipe(
                "data.test_fraction",
                "above 0 and below 1",
                self.test_fraction,
            ));
        }
        Ok(())
    }
}
