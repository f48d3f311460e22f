//! Samples and their labels in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::patch::Whole;
use super::wholes::Wholes;
use crate::device::widest_float;
use crate::{Error, Result};

/// Samples of one size, each with a label. Images have one byte per value, where a byte stands for
/// `byte / 255`. The points of a synthetic set are rows of f64 numbers, stored like images of one row.
/// Clones share the values.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    /// Channels, height and width.
    pub(super) shape: (usize, usize, usize),
    /// `(count, channels, height, width)`, row-major.
    pub(super) values: Values,
    pub(super) labels: Vec<u32>,
    /// The names of the labels that have one.
    pub(super) class_names: Arc<BTreeMap<u32, String>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    Bytes(Arc<Vec<u8>>),
    Reals(Arc<Vec<f64>>),
    /// Pictures that are larger than a sample: `(channels, height, width)` each, with sizes of their own.
    Wholes(Arc<Wholes>),
}

/// The values of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample<'a> {
    /// The bytes of an image.
    Image(&'a [u8]),
    /// A picture of which the network reads patches.
    Whole(Whole<'a>),
    /// The coordinates of a point.
    Point(&'a [f64]),
}

impl Images {
    /// Images of shape `(channels, height, width)`, concatenated in `pixels`, and their labels.
    ///
    /// # Errors
    /// When a side is zero, there are more than 2^32 - 1 images, or the number of pixels does not match the
    /// number of labels.
    pub fn new(shape: (usize, usize, usize), pixels: Vec<u8>, labels: Vec<u32>) -> Result<Self> {
        let (channels, height, width) = shape;
        let shown = format!("{channels}x{height}x{width}");
        let Some(size @ 1..) = (channels.checked_mul(height)).and_then(|n| n.checked_mul(width))
        else {
            let expected = "channels, height and width of 1 or more";
            return Err(Error::argument("image size", expected, shown));
        };
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
                format!("{} images of {shown}, one for each label", labels.len()),
                format!("{} values", pixels.len()),
            ));
        }
        Ok(Self {
            shape,
            values: Values::Bytes(Arc::new(pixels)),
            labels,
            class_names: Arc::default(),
        })
    }

    /// Images of shape `(channels, height, width)` from values of 0 to 1, concatenated in `values`, all with label 0. A
    /// value becomes the nearest of 256 levels, as in files; [`points`](Self::points) keep any numbers.
    ///
    /// ```
    /// use autoencode::data::Images;
    ///
    /// let two = Images::from_floats((1, 2, 3), (0..12).map(|i| i as f32 / 11.0).collect())?;
    /// let two = two.with_labels(vec![7, 3])?;
    /// assert_eq!((two.len(), two.labels()), (2, [7, 3].as_slice()));
    /// assert!(Images::from_floats((1, 2, 3), vec![255.0; 6]).is_err());
    /// # Ok::<(), autoencode::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a value is not from 0 to 1, or as [`Images::new`].
    pub fn from_floats(shape: (usize, usize, usize), values: Vec<f32>) -> Result<Self> {
        let (channels, height, width) = shape;
        let size = channels.saturating_mul(height).saturating_mul(width);
        let count = values.len().checked_div(size).unwrap_or(0);
        let bytes = values.into_iter().map(|value| {
            let in_range = (0.0..=1.0).contains(&value);
            in_range.then(|| (value * 255.0).round() as u8).ok_or(value)
        });
        let bytes = bytes.collect::<Result<_, f32>>();
        let bytes =
            bytes.map_err(|value| Error::argument("pixels", "values from 0 to 1", value))?;
        Self::new(shape, bytes, vec![0; count])
    }

    /// The same samples with other labels.
    ///
    /// # Errors
    /// When their number is not that of the samples.
    pub fn with_labels(self, labels: Vec<u32>) -> Result<Self> {
        if labels.len() != self.len() {
            let expected = format!("{}, one for each sample", self.len());
            return Err(Error::argument("number of labels", expected, labels.len()));
        }
        Ok(Self { labels, ..self })
    }

    /// Points of `width` values each, concatenated, all with label 0.
    ///
    /// # Errors
    /// When the width is zero, the number of values is not a multiple of it, or there are more than 2^32 - 1
    /// points.
    pub fn points(width: usize, values: Vec<f64>) -> Result<Self> {
        let rest = values.len().checked_rem(width);
        let count = values.len().checked_div(width).unwrap_or(0);
        if rest != Some(0) || u32::try_from(count).is_err() {
            return Err(Error::argument(
                "points",
                format!("at most 4,294,967,295 rows of {width} values, one or more"),
                format!("{} values", values.len()),
            ));
        }
        Ok(Self {
            shape: (1, 1, width),
            values: Values::Reals(Arc::new(values)),
            labels: vec![0; count],
            class_names: Arc::default(),
        })
    }

    /// The same images, whose labels have these names.
    #[must_use]
    pub fn with_class_names(mut self, names: BTreeMap<u32, String>) -> Self {
        self.class_names = Arc::new(names);
        self
    }

    /// The names of the labels that have one.
    pub fn class_names(&self) -> &BTreeMap<u32, String> {
        &self.class_names
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
        self.shape
    }

    /// Number of values in one image: channels times height times width.
    pub fn image_len(&self) -> usize {
        let (channels, height, width) = self.shape;
        channels * height * width
    }

    /// Whether these are points, not images.
    pub fn are_points(&self) -> bool {
        matches!(self.values, Values::Reals(_))
    }

    /// All values of images, `(count, channels, height, width)`, row-major; those of pictures of several sizes one after
    /// the other; empty for points.
    pub fn pixels(&self) -> &[u8] {
        match &self.values {
            Values::Bytes(pixels) => pixels,
            Values::Wholes(wholes) => wholes.bytes(),
            Values::Reals(_) => &[],
        }
    }

    /// All values of points, `(count, width)`, row-major; empty for images.
    pub fn coordinates(&self) -> &[f64] {
        match &self.values {
            Values::Bytes(_) | Values::Wholes(_) => &[],
            Values::Reals(values) => values,
        }
    }

    /// The label of each image.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The values of one image, `(channels, height, width)`; `None` past the last, for points, and for pictures of which
    /// networks read patches.
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        match self.sample(index)? {
            Sample::Image(image) => Some(image),
            Sample::Whole(_) | Sample::Point(_) => None,
        }
    }

    /// The values of one sample; `None` past the last.
    pub fn sample(&self, index: usize) -> Option<Sample<'_>> {
        if let Values::Wholes(wholes) = &self.values {
            return wholes.get(index).map(Sample::Whole);
        }
        let start = index.checked_mul(self.image_len())?;
        let end = start.checked_add(self.image_len())?;
        match &self.values {
            Values::Wholes(_) => None,
            Values::Bytes(pixels) => pixels.get(start..end).map(Sample::Image),
            Values::Reals(values) => values.get(start..end).map(Sample::Point),
        }
    }

    /// The indices of all images, in order.
    pub fn indices(&self) -> Vec<u32> {
        (0u32..).take(self.len()).collect()
    }

    /// The first image of each label, in order of the labels, up to `most` of them; the first images if all have one label.
    pub fn one_of_each(&self, most: usize) -> Vec<u32> {
        let mut first = BTreeMap::new();
        if self
            .labels
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a == b))
        {
            return (0u32..).take(self.len().min(most)).collect();
        }
        for (index, label) in (0u32..).zip(&self.labels) {
            if first.len() < most {
                first.entry(label).or_insert(index);
            }
        }
        first.into_values().collect()
    }

    /// The images and labels at `indices`, in that order.
    ///
    /// # Errors
    /// When an index is past the last image.
    pub fn subset(&self, indices: &[u32]) -> Result<Self> {
        let (mut pixels, mut points, mut wholes) = (Vec::new(), Vec::new(), Wholes::default());
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            let found = self.sample(index as usize);
            let found = found.zip(self.labels.get(index as usize));
            let (sample, &label) = found.ok_or_else(|| {
                Error::argument("image index", format!("below {}", self.len()), index)
            })?;
            match sample {
                Sample::Image(image) => pixels.extend_from_slice(image),
                Sample::Whole(whole) => wholes.push(whole),
                Sample::Point(point) => points.extend_from_slice(point),
            }
            labels.push(label);
        }
        Ok(Self {
            values: match &self.values {
                Values::Bytes(_) => Values::Bytes(Arc::new(pixels)),
                Values::Wholes(_) => Values::Wholes(Arc::new(wholes)),
                Values::Reals(_) => Values::Reals(Arc::new(points)),
            },
            labels,
            class_names: self.class_names.clone(),
            shape: self.shape,
        })
    }

    /// These samples and then those of another set.
    ///
    /// # Errors
    /// If they differ in shape or kind.
    pub fn followed_by(&self, other: &Self) -> Result<Self> {
        let values = match (&self.values, &other.values) {
            (Values::Bytes(first), Values::Bytes(then)) if self.shape == other.shape => {
                Values::Bytes(Arc::new([first.as_slice(), then.as_slice()].concat()))
            }
            (Values::Reals(first), Values::Reals(then)) if self.shape == other.shape => {
                Values::Reals(Arc::new([first.as_slice(), then.as_slice()].concat()))
            }
            (Values::Wholes(first), Values::Wholes(then)) if self.shape == other.shape => {
                Values::Wholes(Arc::new(first.iter().chain(then.iter()).collect()))
            }
            _ => {
                let expected = format!("samples of shape {:?} and the same kind", self.shape);
                let found = format!("shape {:?}, or another kind", other.shape);
                return Err(Error::argument("set to append", expected, found));
            }
        };
        Ok(Self {
            values,
            labels: [self.labels(), other.labels()].concat(),
            ..self.clone()
        })
    }

    /// The samples at `indices` as a tensor of `(count, channels, height, width)`: images in f32 from 0 to 1,
    /// points in f64, or in f32 on Metal, which has no f64.
    ///
    /// # Errors
    /// When an index is past the last sample, or the device refuses the tensor.
    pub fn batch(&self, indices: &[u32], device: &Device) -> Result<Tensor> {
        let (channels, height, width) = self.shape;
        let shape = (indices.len(), channels, height, width);
        match self.subset(indices)?.values {
            Values::Wholes(wholes) => {
                let mut values = vec![0f32; indices.len() * self.image_len()];
                let patches = values.chunks_exact_mut(self.image_len());
                for (patch, whole) in patches.zip(wholes.iter()) {
                    whole.cut(whole.central(height), patch);
                }
                Ok(Tensor::from_vec(values, shape, device)?)
            }
            Values::Bytes(bytes) => {
                let values = bytes.iter().map(|&byte| f32::from(byte) / 255.0);
                Ok(Tensor::from_vec(values.collect::<Vec<_>>(), shape, device)?)
            }
            Values::Reals(values) => {
                let points = Tensor::from_slice(&values, shape, &Device::Cpu)?;
                Ok(points.to_dtype(widest_float(device))?.to_device(device)?)
            }
        }
    }
}
