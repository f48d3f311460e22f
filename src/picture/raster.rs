//! An image in memory.

use candle_core::{DType, Device, Tensor};

use crate::device::to_host;
use crate::{Error, Result};

/// An image in memory: `[channels, height, width]`, row-major, values from 0 (black) to 1 (white).
///
/// ```
/// use autoencode::picture::Picture;
/// use candle_core::{DType, Device, Tensor};
///
/// let batch = Tensor::ones((2, 3, 4, 5), DType::F32, &Device::Cpu)?;
/// let pictures = Picture::from_batch(&batch)?;
/// let first = &pictures[0];
/// assert_eq!((first.channels(), first.height(), first.width()), (3, 4, 5));
/// assert!(Picture::new(1, 2, 2, vec![0.5; 5]).is_err());
/// # Ok::<(), autoencode::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    channels: usize,
    height: usize,
    width: usize,
    values: Vec<f32>,
}

impl Picture {
    /// A picture from its values in channel, row, column order.
    ///
    /// # Errors
    /// If there are not 1 (grey) or 3 (red, green, blue) channels, the picture is empty, there are not
    /// `channels * height * width` values, or one is not within 0 and 1 (see [`Picture::clamped`]).
    pub fn new(channels: usize, height: usize, width: usize, values: Vec<f32>) -> Result<Self> {
        check_channels(channels)?;
        let size = height.checked_mul(width);
        if values.is_empty() || size.and_then(|n| n.checked_mul(channels)) != Some(values.len()) {
            let expected = format!("{channels} x {height} x {width} values and at least one");
            return Err(Error::argument("picture", expected, values.len()));
        }
        if let Some(bad) = values.iter().find(|v| !(0.0..=1.0).contains(*v)) {
            return Err(Error::argument("picture", "values from 0 to 1", bad));
        }
        Ok(Self {
            channels,
            height,
            width,
            values,
        })
    }

    /// Like [`Picture::new`], but moves values outside 0 and 1 to the nearer end and NaN to 0, to show pictures
    /// with unclipped noise.
    pub fn clamped(
        channels: usize,
        height: usize,
        width: usize,
        mut values: Vec<f32>,
    ) -> Result<Self> {
        for v in &mut values {
            *v = if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) };
        }
        Self::new(channels, height, width, values)
    }

    /// The images of a batch `(N, C, H, W)`; values outside 0 and 1 move to the nearer end.
    ///
    /// # Errors
    /// If the batch has another number of dimensions, holds integers, or C is neither 1 nor 3.
    pub fn from_batch(batch: &Tensor) -> Result<Vec<Self>> {
        let (count, channels, height, width) = batch.dims4()?;
        if !batch.dtype().is_float() {
            let expected = "floating-point numbers from 0 to 1 (bytes divided by 255)";
            return Err(Error::argument(
                "picture",
                expected,
                format!("{:?}", batch.dtype()),
            ));
        }
        let batch = to_host(batch)?.to_dtype(DType::F32)?;
        let picture = |index| {
            let values = batch.get(index)?.flatten_all()?.to_vec1()?;
            Self::clamped(channels, height, width, values)
        };
        (0..count).map(picture).collect()
    }

    /// One batch `(N, C, H, W)` of pictures of one shape.
    ///
    /// # Errors
    /// If their shapes differ, or there are none.
    pub fn to_batch(pictures: &[Self], device: &Device) -> Result<Tensor> {
        let tensor = |picture: &Self| {
            let shape = (picture.channels, picture.height, picture.width);
            Tensor::from_slice(&picture.values, shape, &Device::Cpu)
        };
        let tensors: Vec<Tensor> = pictures.iter().map(tensor).collect::<Result<_, _>>()?;
        Ok(Tensor::stack(&tensors, 0)?.to_device(device)?)
    }

    /// 1 (grey) or 3 (red, green, blue).
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Rows of pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height and width.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.height, self.width)
    }

    /// The values, `[channels, height, width]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values, without a copy.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// The values times 255 as bytes, rounded to nearest.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.values.iter().map(|&value| to_byte(value)).collect()
    }

    /// The middle of the picture, at most `side` pixels high and wide.
    pub fn centre(&self, side: usize) -> Result<Self> {
        let (height, width) = (self.height.min(side), self.width.min(side));
        let (top, left) = ((self.height - height) / 2, (self.width - width) / 2);
        let values = self.planes().flat_map(|plane| {
            let rows = plane.chunks_exact(self.width).skip(top).take(height);
            rows.flat_map(move |row| row.iter().skip(left).take(width).copied())
        });
        Self::new(self.channels, height, width, values.collect())
    }

    /// The same picture with its values rounded to whole 255ths, as images of a data set are.
    pub(super) fn in_bytes(mut self) -> Self {
        for value in &mut self.values {
            *value = f32::from(to_byte(*value)) / 255.0;
        }
        self
    }

    /// The planes, one for each channel, of `height * width` values.
    pub fn planes(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.height * self.width)
    }

    /// The same picture with `channels` channels: grey from colour by Rec. 709 luma of the encoded values
    /// (0.2126 R + 0.7152 G + 0.0722 B), colour from grey by repeating it.
    pub fn with_channels(self, channels: usize) -> Result<Self> {
        check_channels(channels)?;
        let values = match (self.channels, channels) {
            (from, to) if from == to => self.values,
            (1, _) => self.values.repeat(3),
            _ => self.luma(),
        };
        Ok(Self {
            channels,
            values,
            ..self
        })
    }

    /// Rec. 709 luma, `[height, width]`.
    pub(super) fn luma(&self) -> Vec<f32> {
        let planes: Vec<&[f32]> = self.planes().collect();
        let [red, green, blue] = *planes.as_slice() else {
            return self.values.clone();
        };
        let pixels = red.iter().zip(green).zip(blue);
        pixels.map(|((&r, &g), &b)| luma(r, g, b)).collect()
    }
}

pub(super) fn check_channels(channels: usize) -> Result<()> {
    match channels {
        1 | 3 => Ok(()),
        _ => Err(Error::argument("picture", "1 or 3 channels", channels)),
    }
}

/// Rec. 709 luma of the encoded values; a grey is its own luma, to the last bit.
pub(super) fn luma(red: f32, green: f32, blue: f32) -> f32 {
    if red == green && green == blue {
        return red;
    }
    (0.2126 * red + 0.7152 * green + 0.0722 * blue).clamp(0.0, 1.0)
}

/// A value of 0 to 1 as a byte, rounded to nearest.
pub(super) fn to_byte(value: f32) -> u8 {
    // A cast from float saturates and turns NaN into 0.
    (value * 255.0).round() as u8
}
