//! Pictures with all that their files hold, to be written again as they came.

use std::io::Cursor;
use std::path::Path;

use image::codecs::bmp::BmpEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};

use super::format::PictureFormat;
use super::raster::Picture;
use super::read::{Raw, read_header, read_raw};
use crate::file::{Publish, write};
use crate::{Error, Result};

/// The quality of a JPEG, of 100.
const QUALITY: u8 = 95;

/// A picture with its transparency, depth and colour profile.
#[derive(Debug, Clone)]
pub struct Photo {
    /// Grey or colour, as in the file; what transparency hides is kept.
    pub picture: Picture,
    /// The opacity of each pixel, row by row, from 0 to 1.
    pub alpha: Option<Vec<f32>>,
    /// Whether values have 16 bits or more, not 8.
    pub is_deep: bool,
    /// The ICC colour profile.
    pub profile: Option<Vec<u8>>,
    /// The format of the file.
    pub format: PictureFormat,
}

impl Photo {
    /// Reads a picture file with all of this. A picture that a camera marked as turned is turned back.
    ///
    /// # Errors
    /// As [`read_picture`](super::read_picture).
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let header = read_header(path)?;
        let (raw, _reserved) = read_raw(path, &header, 4, 0)?;
        let channels = if raw.kind.has_color() { 3 } else { 1 };
        let pixels = header.height * header.width;
        let mut values = vec![0f32; channels * pixels];
        let mut alpha = raw.has_alpha().then(|| vec![1f32; pixels]);
        for (at, samples) in raw.pixels().enumerate() {
            for (plane, value) in values.chunks_exact_mut(pixels).zip(samples) {
                if let Some(slot) = plane.get_mut(at) {
                    *slot = value;
                }
            }
            let opacity = samples.get(channels);
            if let (Some(slot), Some(&opacity)) =
                (alpha.as_mut().and_then(|a| a.get_mut(at)), opacity)
            {
                *slot = opacity;
            }
        }
        let is_deep = raw.is_deep();
        let Raw { profile, .. } = raw;
        Ok(Self {
            picture: Picture::clamped(channels, header.height, header.width, values)?,
            alpha,
            is_deep,
            profile,
            format: header.format,
        })
    }

    /// Writes it in a format; the file appears whole or not at all. What the format cannot hold is left out: 16 bits
    /// become 8, and transparent pixels lie over white.
    ///
    /// # Errors
    /// If the format cannot hold a picture of this size, or the file cannot be written.
    pub fn write(
        &self,
        path: impl AsRef<Path>,
        format: PictureFormat,
        publish: Publish,
    ) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.encoded(format).map_err(|error| error.inside(path))?;
        write(path, &bytes, publish)
    }

    /// The bytes of the file that [`write`](Self::write) writes.
    ///
    /// # Errors
    /// If the format cannot hold a picture of this size.
    pub fn encoded(&self, format: PictureFormat) -> Result<Vec<u8>> {
        self.encode(format).map_err(|error| {
            let expected = format!("a picture that {} can hold", format.title());
            Error::argument("picture", expected, error)
        })
    }

    fn encode(&self, format: PictureFormat) -> std::result::Result<Vec<u8>, ImageError> {
        let picture = &self.picture;
        let (height, width) = (picture.height() as u32, picture.width() as u32);
        let is_deep = self.is_deep && format.holds_sixteen_bits();
        // TIFF as it is written here has no grey with transparency.
        // TIFF, as it is written here, has no grey with opacity.
        let is_grey = picture.channels() == 1;
        let keeps_alpha = self.alpha.is_some() && format.holds_alpha();
        let colours = match (is_grey, keeps_alpha) {
            (true, true) if format == PictureFormat::Tiff => 3,
            _ => picture.channels(),
        };
        let kind = match (colours, keeps_alpha, is_deep) {
            (1, false, false) => ExtendedColorType::L8,
            (1, false, true) => ExtendedColorType::L16,
            (1, true, false) => ExtendedColorType::La8,
            (1, true, true) => ExtendedColorType::La16,
            (_, false, false) => ExtendedColorType::Rgb8,
            (_, false, true) => ExtendedColorType::Rgb16,
            (_, true, false) => ExtendedColorType::Rgba8,
            (_, true, true) => ExtendedColorType::Rgba16,
        };
        let mut bytes = Vec::new();
        self.interleaved(colours, keeps_alpha, |value| match is_deep {
            true => bytes.extend(((value * 65_535.0).round() as u16).to_ne_bytes()),
            false => bytes.push((value * 255.0).round() as u8),
        });
        let mut file = Cursor::new(Vec::new());
        match format {
            PictureFormat::Png => {
                self.finish(PngEncoder::new(&mut file), &bytes, (width, height), kind)
            }
            PictureFormat::Jpeg => {
                let encoder = JpegEncoder::new_with_quality(&mut file, QUALITY);
                self.finish(encoder, &bytes, (width, height), kind)
            }
            PictureFormat::Tiff => {
                self.finish(TiffEncoder::new(&mut file), &bytes, (width, height), kind)
            }
            PictureFormat::WebP => {
                let encoder = WebPEncoder::new_lossless(&mut file);
                self.finish(encoder, &bytes, (width, height), kind)
            }
            PictureFormat::Bmp => {
                BmpEncoder::new(&mut file).write_image(&bytes, width, height, kind)
            }
        }?;
        Ok(file.into_inner())
    }

    /// Writes samples with the colour profile, if the format has a place for it.
    fn finish(
        &self,
        mut encoder: impl ImageEncoder,
        bytes: &[u8],
        (width, height): (u32, u32),
        kind: ExtendedColorType,
    ) -> std::result::Result<(), ImageError> {
        if let Some(profile) = &self.profile {
            // A format without a place for it leaves it out.
            let _ = encoder.set_icc_profile(profile.clone());
        }
        encoder.write_image(bytes, width, height, kind)
    }

    /// Hands over the values of each pixel together: this number of colours, grey repeated, and then the opacity; without
    /// that, pixels lie over white.
    fn interleaved(&self, colours: usize, with_alpha: bool, mut put: impl FnMut(f32)) {
        let planes: Vec<&[f32]> = self.picture.planes().collect();
        let pixels = self.picture.height() * self.picture.width();
        for at in 0..pixels {
            let opacity = self.alpha.as_ref().and_then(|alpha| alpha.get(at));
            let opacity = opacity.copied().unwrap_or(1.0).clamp(0.0, 1.0);
            for channel in 0..colours {
                let plane = planes.get(channel).or(planes.first());
                let value = plane.and_then(|plane| plane.get(at));
                let value = value.copied().unwrap_or(0.0);
                put(match with_alpha {
                    true => value,
                    false => (value * opacity + 1.0 - opacity).clamp(0.0, 1.0),
                });
            }
            if with_alpha {
                put(opacity);
            }
        }
    }
}
