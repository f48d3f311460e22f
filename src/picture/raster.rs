//! An image in memory.

use crate::{Error, Result};

/// An image in memory: `[channels, height, width]`, row-major, values from 0 (black) to 1 (white).
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
        Self::check_shape(channels, height, width, values.len())?;
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

    fn check_shape(channels: usize, height: usize, width: usize, found: usize) -> Result<()> {
        if channels != 1 && channels != 3 {
            return Err(Error::argument("picture", "1 or 3 channels", channels));
        }
        let expected = height
            .checked_mul(width)
            .and_then(|n| n.checked_mul(channels));
        match expected {
            Some(n) if n > 0 && n == found => Ok(()),
            _ => Err(Error::argument(
                "picture",
                format!("{channels} x {height} x {width} values and at least one"),
                found,
            )),
        }
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

    /// The planes, one for each channel, of `height * width` values.
    pub fn planes(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.height * self.width)
    }

    /// The same picture with `channels` channels: grey from colour by Rec. 709 luma of the encoded values
    /// (0.2126 R + 0.7152 G + 0.0722 B), colour from grey by repeating it.
    pub fn with_channels(self, channels: usize) -> Result<Self> {
        Self::check_shape(
            channels,
            self.height,
            self.width,
            channels * self.height * self.width,
        )?;
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
        match planes.as_slice() {
            [red, green, blue] => red
                .iter()
                .zip(*green)
                .zip(*blue)
                .map(|((&r, &g), &b)| luma(r, g, b))
                .collect(),
            _ => self.values.clone(),
        }
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
