//! The data section of a recipe.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::is_default;
use super::limits::check;
use super::points::Points;
use crate::Result;

/// The images to use, and how pictures become images.
///
/// A recipe without this section trains on MNIST, or on whatever other data it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// The data set used if no other data is given.
    pub set: NamedSet,
    /// A synthetic set of points instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<Points>,
    /// Uses only images of these classes; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<Class>>,
    /// Height and width to which the pictures of a folder are resized; when absent they must all have
    /// one size. Other data must already have this size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<ImageSize>,
    /// Channels to which the pictures of a folder are converted: 1 (grey) or 3 (red, green, blue).
    /// When absent, 3 if any picture is in colour, else 1. Other data must already have this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// How pictures of another size are fitted to `size`.
    pub resize: Resize,
    /// Height and width of the patches that a network learns from; pictures keep their own sizes then. Which part of a
    /// picture a patch is, is drawn afresh in each epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<usize>,
    /// Patches of a picture in an epoch.
    #[serde(skip_serializing_if = "is_patches")]
    pub patches: usize,
    /// Whether patches are mirrored and turned by quarters at random.
    #[serde(skip_serializing_if = "is_true")]
    pub augment: bool,
    /// What the images are, which decides how a picture is fitted that the trained network is given. When absent,
    /// training sets `pictures` for data of that kind; without it, images of 28x28 in grey are digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ImageKind>,
    /// The share of the images that becomes the test set if the data has none.
    pub test_fraction: f64,
    /// The images that choose the best epoch.
    #[serde(skip_serializing_if = "is_default")]
    pub validation: ValidationSet,
    /// Whether, and how, the values are binarized.
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
            patch: None,
            patches: PATCHES,
            augment: true,
            kind: None,
            test_fraction: 0.1,
            validation: ValidationSet::default(),
            binarization: Binarization::default(),
        }
    }
}

/// Patches of a picture in an epoch, if the recipe does not say.
const PATCHES: usize = 16;

fn is_patches(patches: &usize) -> bool {
    *patches == PATCHES
}

fn is_true(value: &bool) -> bool {
    *value
}

/// A class of images.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a label from 0 to 4,294,967,295 or the name of a class"
)]
pub enum Class {
    /// By its label.
    Label(u32),
    /// By its name, where the data has names: that of a folder, or of Fashion-MNIST's classes.
    Name(String),
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "{label}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// The images that choose the best epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValidationSet {
    /// One tenth of the training images, at most 5,000, held out of training.
    #[default]
    HeldOut,
    /// The test images; the network trains on all training images. The best epoch is then chosen on
    /// the test set, so its test figures are biased; use this only to repeat published runs that did
    /// so.
    Test,
}

/// How the values of an image are binarized, before any other step, in training and evaluation. In use
/// a network sees images unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binarization {
    /// Values are unchanged.
    #[default]
    None,
    /// 1 if the value is at least 0.5, else 0.
    Threshold,
    /// 1 with the value as its probability, drawn once per image (Salakhutdinov and Murray, "On the
    /// quantitative analysis of deep belief networks", ICML 2008).
    Once,
    /// As `once`, but with a fresh draw in every epoch of training; validation and test keep one draw.
    EveryEpoch,
}

/// A named data set.
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
    /// 12,000 MNIST digits, built into the program.
    Sample,
}

impl NamedSet {
    /// All named sets.
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
    /// Height and width are equal.
    Square(usize),
    /// Height and width.
    Sides([usize; 2]),
}

impl ImageSize {
    /// Both sides.
    pub fn height_width(self) -> (usize, usize) {
        match self {
            Self::Square(side) => (side, side),
            Self::Sides([height, width]) => (height, width),
        }
    }
}

/// How a picture is fitted to another size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// The whole picture, each axis scaled separately: this distorts pictures of other proportions.
    #[default]
    Squeeze,
    /// The largest central part with the target's proportions, scaled: the rest is cut off.
    Crop,
}

/// What images are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageKind {
    /// Made as MNIST was: light ink on black, cropped, and centred by its mass.
    Digits,
    /// Used as they are, but for size and channels.
    Pictures,
}

fn joined(classes: &[Class]) -> String {
    let shown = classes.iter().map(Class::to_string);
    shown.collect::<Vec<_>>().join(", ")
}

/// The longest side of a training image.
const MAX_SIDE: usize = 4096;
/// The longest side of a patch.
const MAX_PATCH: usize = 1024;

impl DataConfig {
    /// The noun for the samples.
    pub fn noun(&self) -> &'static str {
        match (self.points, self.patch) {
            (Some(_), _) => "points",
            (None, Some(_)) => "patches",
            (None, None) => "images",
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        if let Some(classes) = &self.classes {
            let distinct: BTreeSet<_> = classes.iter().collect();
            check(
                !classes.is_empty() && distinct.len() == classes.len(),
                "data.classes",
                "one or more labels or names, each once",
                format!("[{}]", joined(classes)),
            )?;
        }
        if let Some(size) = self.size {
            let (height, width) = size.height_width();
            let sides = 1..=MAX_SIDE;
            check(
                sides.contains(&height) && sides.contains(&width),
                "data.size",
                format!("height and width from 1 to {MAX_SIDE}"),
                format!("{height}x{width}"),
            )?;
        }
        if let Some(channels) = self.channels {
            let expected = "1 (grey) or 3 (red, green, blue)";
            let holds = matches!(channels, 1 | 3);
            check(holds, "data.channels", expected, channels)?;
        }
        match self.patch {
            Some(side) => {
                let sides = 8..=MAX_PATCH;
                let expected = format!("a side from 8 to {MAX_PATCH}");
                check(sides.contains(&side), "data.patch", expected, side)?;
                let expected = "no size, as patches are parts of pictures in their own sizes";
                check(self.size.is_none(), "data.size", expected, "one")?;
                let expected = "1 to 65,536";
                let holds = (1..=1 << 16).contains(&self.patches);
                check(holds, "data.patches", expected, self.patches)?;
            }
            None => {
                let expected = "none, as data.patch is not set";
                let holds = is_patches(&self.patches);
                check(holds, "data.patches", expected, self.patches)?;
                check(self.augment, "data.augment", expected, self.augment)?;
            }
        }
        if let Some(points) = &self.points {
            points.validate()?;
            let alone = Self {
                points: self.points,
                ..Self::default()
            };
            let expected = "no other keys of data beside it, which are about images";
            check(*self == alone, "data.points", expected, "some")?;
        }
        // The comparison is false for NaN.
        check(
            self.test_fraction > 0.0 && self.test_fraction < 1.0,
            "data.test_fraction",
            "above 0 and below 1",
            self.test_fraction,
        )
    }
}
