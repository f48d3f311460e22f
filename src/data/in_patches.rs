//! Sets of pictures of which networks read patches.

use std::sync::Arc;

use super::Images;
use super::images::Values;
use super::patch::Whole;
use super::wholes::Wholes;
use crate::{Error, Result};

impl Images {
    /// Pictures of several sizes, of which networks read square patches of this side: `pictures` are height, width and
    /// the bytes `(channels, height, width)`, all with label 0. A sample is a picture; outside of training it is the patch
    /// in its middle.
    ///
    /// # Errors
    /// When a picture is smaller than a patch, has another number of bytes, or there are more than 2^32 - 1.
    pub fn in_patches(
        channels: usize,
        side: usize,
        pictures: Vec<(usize, usize, Vec<u8>)>,
    ) -> Result<Self> {
        let count = pictures.len();
        if u32::try_from(count).is_err() {
            let expected = "at most 4,294,967,295";
            return Err(Error::argument("number of pictures", expected, count));
        }
        let mut wholes = Wholes::default();
        for (height, width, bytes) in pictures {
            if height.min(width) < side.max(1) {
                let expected = format!("at least {side} x {side}, the size of a patch");
                let found = format!("{width} x {height}");
                return Err(Error::argument("picture", expected, found));
            }
            let size = channels
                .checked_mul(height)
                .and_then(|n| n.checked_mul(width));
            if channels == 0 || size != Some(bytes.len()) {
                let expected = format!("{channels} x {height} x {width} bytes, at least 1");
                return Err(Error::argument("picture", expected, bytes.len()));
            }
            wholes.push(Whole {
                planes: &bytes,
                height,
                width,
            });
        }
        Ok(Self {
            shape: (channels, side, side),
            labels: vec![0; count],
            values: Values::Wholes(Arc::new(wholes)),
            class_names: Arc::default(),
        })
    }

    /// The same images as pictures, of which networks read patches of this side.
    ///
    /// # Errors
    /// When they are smaller than a patch, or are points.
    pub fn cut_into_patches(self, side: usize) -> Result<Self> {
        let (channels, height, width) = self.shape;
        if self.are_points() || side == 0 || height.min(width) < side {
            let expected = format!("images of at least {side} x {side} (data.patch)");
            let found = format!("{width} x {height}");
            return Err(Error::argument("images", expected, found));
        }
        let values = match self.values {
            Values::Bytes(bytes) => {
                let size = channels * height * width;
                let wholes = bytes.chunks_exact(size).map(|planes| Whole {
                    planes,
                    height,
                    width,
                });
                Values::Wholes(Arc::new(wholes.collect()))
            }
            other => other,
        };
        Ok(Self {
            shape: (channels, side, side),
            values,
            ..self
        })
    }

    /// Whether samples are pictures of which networks read patches.
    pub fn are_wholes(&self) -> bool {
        matches!(self.values, Values::Wholes(_))
    }

    /// Height and width of each of these pictures; none for other samples.
    pub fn sizes(&self) -> impl Iterator<Item = (usize, usize)> {
        let wholes = match &self.values {
            Values::Wholes(wholes) => Some(wholes.iter()),
            _ => None,
        };
        let wholes = wholes.into_iter().flatten();
        wholes.map(|whole| (whole.height, whole.width))
    }
}
