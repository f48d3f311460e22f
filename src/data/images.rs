//! Images and their labels in memory.

use candle_core::{Device, Tensor};

use crate::{Error, Result};

/// Images of one size with a label each, one byte a value. A byte stands for `byte / 255`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    channels: usize,
    height: usize,
    width: usize,
    /// `(count, channels, height, width)`, row-major.
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Images {
    /// Images of shape `(channels, height, width)`, one after the other in `pixels`, and their labels.
    ///
    /// # Errors
    /// When a side is zero, there are more than 2^32 - 1 images, or the number of pixels is not that
    /// of as many images as there are labels.
    pub fn new(
        (channels, height, width): (usize, usize, usize),
        pixels: Vec<u8>,
        labels: Vec<u8>,
    ) -> Result<Self> {
        let size = channels
            .checked_mul(height)
            .and_then(|rows| rows.checked_mul(width))
            .filter(|&size| size > 0)
            .ok_or_else(|| {
                Error::argument(
                    "image size",
                    "channels, height and width of 1 or more",
                    format!("{channels}x{height}x{width}"),
                )
            })?;
        if u32::try_from(labels.len()).is_err() {
            return Err(Error::argument(
                "number of images",
                "at most 4,294,967,295",
                labels.len(),
            ));
        }
        if labels.len().checked_mul(size) != Some(pixels.len()) {
            return Err(Error::argument(
                "pixels",
                format!(
                    "{} images of {channels}x{height}x{width}, one for each label",
                    labels.len()
                ),
                format!("{} values", pixels.len()),
            ));
        }
        Ok(Self {
            channels,
            height,
            width,
            pixels,
            labels,
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Channels, height and width of each image.
    pub fn shape(&self) -> (usize, usize, usize) {
        (self.channels, self.height, self.width)
    }

    /// Number of values in one image: channels times height times width.
    pub fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// All values, `(count, channels, height, width)`, row-major.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The label of each image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The values of one image, `(channels, height, width)`; `None` past the last.
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_mul(self.image_len())?;
        let end = start.checked_add(self.image_len())?;
        self.pixels.get(start..end)
    }

    /// The images and labels at `indices`, in that order.
    ///
    /// # Errors
    /// When an index is past the last image.
    pub fn subset(&self, indices: &[u32]) -> Result<Self> {
        let mut pixels = Vec::with_capacity(indices.len().saturating_mul(self.image_len()));
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            let (image, label) = self.at(index)?;
            pixels.extend_from_slice(image);
            labels.push(label);
        }
        Self::new(self.shape(), pixels, labels)
    }

    /// The images at `indices` as a tensor of `(count, channels, height, width)`, f32 in [0, 1].
    ///
    /// # Errors
    /// When an index is past the last image, or the device refuses the tensor.
    pub fn batch(&self, indices: &[u32], device: &Device) -> Result<Tensor> {
        let mut values = Vec::with_capacity(indices.len().saturating_mul(self.image_len()));
        for &index in indices {
            let (image, _) = self.at(index)?;
            values.extend(image.iter().map(|&byte| f32::from(byte) / 255.0));
        }
        let shape = (indices.len(), self.channels, self.height, self.width);
        Ok(Tensor::from_vec(values, shape, device)?)
    }

    fn at(&self, index: u32) -> Result<(&[u8], u8)> {
        usize::try_from(index)
            .ok()
            .and_then(|index| Some((self.image(index)?, *self.labels.get(index)?)))
            .ok_or_else(|| Error::argument("image index", format!("below {}", self.len()), index))
    }
}
