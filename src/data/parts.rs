//! A data set put together by a program.

use super::{Dataset, Images, Origin, split};
use crate::recipe::DataConfig;
use crate::{Error, Result};

impl Dataset {
    /// Images that learn, images that choose the best epoch, and images for the final figures, which may be none.
    ///
    /// # Errors
    /// If the first or second is empty, or they differ in shape or kind.
    pub fn new(train: Images, validation: Images, test: Images) -> Result<Self> {
        let dataset = Self {
            origin: Origin::program(&train, &test),
            train,
            validation,
            test,
        };
        dataset.check()?;
        Ok(dataset)
    }

    /// Holds out images of one set as for files without a test set: a tenth as test images, and a tenth of the rest, at
    /// most 5,000, as validation images, drawn the same way every time.
    ///
    /// # Errors
    /// If there are fewer than three images.
    pub fn split(images: &Images) -> Result<Self> {
        let fraction = DataConfig::default().test_fraction;
        let (train, test) = split::hold_out_test(images, fraction)?;
        let (train, validation) = split::hold_out(&train)?;
        Self::new(train, validation, test)
    }

    /// Checks what training relies on.
    pub(crate) fn check(&self) -> Result<()> {
        for (what, part) in [
            ("training set", &self.train),
            ("validation set", &self.validation),
        ] {
            if part.is_empty() {
                let found = format!("none in {}", self.origin);
                return Err(Error::argument(what, "one or more samples", found));
            }
        }
        let shown = |images: &Images| {
            let (channels, height, width) = images.shape();
            let what = if images.are_points() {
                "points"
            } else {
                "images"
            };
            format!("{what} of {channels}x{height}x{width}")
        };
        let expected = shown(&self.train);
        for (what, part) in [
            ("validation set", &self.validation),
            ("test set", &self.test),
        ] {
            if shown(part) != expected {
                let expected = format!("{expected}, as in the training set");
                return Err(Error::argument(what, expected, shown(part)));
            }
        }
        Ok(())
    }
}
