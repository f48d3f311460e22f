//! Pictures read from files of any format, bit depth and colour type.

use std::io::{Cursor, Read};
use std::path::Path;

use image::codecs::bmp::BmpDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, Limits};

use super::format::{PictureFormat, PictureHeader, sniff};
use super::memory::Reserved;
use super::png_file::{HEADER, check_chunks, png_header};
use super::raster::{Picture, check_channels, luma};
use crate::open::open;
use crate::{Error, Result};

/// Bytes that decoding any picture may take beside its pixels.
const MIN_ALLOC: u64 = 16 << 20;
/// The most bytes of a file that are read for its header.
const MOST_BYTES: u64 = 1 << 32;

/// Reads a picture's size and kind without its pixels. The content counts, not the name.
///
/// # Errors
/// If the file cannot be read, is no picture of a known format, or has a side of 0.
pub fn read_header(path: impl AsRef<Path>) -> Result<PictureHeader> {
    let path = path.as_ref();
    let start = read_at_most(path, HEADER)?;
    match PictureFormat::of(&start) {
        Some(PictureFormat::Png) => png_header(path, &start),
        Some(format) => {
            let bytes = read_at_most(path, MOST_BYTES)?;
            header(path, decoder(path, format, &bytes, None)?, format)
        }
        // What is almost a PNG gets its own message.
        None if start.first() == Some(&137) => png_header(path, &start),
        None => {
            let expected = "a picture (PNG, JPEG, TIFF, WebP or BMP)";
            Err(Error::file(path, expected, sniff(&start)))
        }
    }
}

fn header(
    path: &Path,
    mut decoder: Box<dyn ImageDecoder + '_>,
    format: PictureFormat,
) -> Result<PictureHeader> {
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        let expected = "a picture of at least 1 x 1 pixels";
        return Err(Error::file(path, expected, format!("{width} x {height}")));
    }
    let (mut height, mut width) = (height as usize, width as usize);
    if is_on_its_side(orientation(decoder.as_mut())) {
        (height, width) = (width, height);
    }
    let kind = decoder.color_type();
    Ok(PictureHeader {
        format,
        height,
        width,
        colour: kind.has_color(),
        bits: (8 * kind.bytes_per_pixel()) / kind.channel_count().max(1),
    })
}

/// How the picture has to be turned; damaged notes of a camera count as none.
fn orientation(decoder: &mut dyn ImageDecoder) -> Orientation {
    decoder.orientation().unwrap_or(Orientation::NoTransforms)
}

fn is_on_its_side(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// Reads a picture file of any bit depth and colour type as a picture of `channels` channels.
///
/// The content counts, not the name. A picture that a camera marked as turned is turned back. Transparent pixels lie over
/// white, as on a page; grey from colour is the Rec. 709 luma of the encoded values; gamma and colour profiles are
/// ignored; an animation gives its first picture. Pictures that need more memory than there is for reading them are
/// refused before anything is decoded (see [`set_picture_memory`](super::set_picture_memory)).
pub fn read_picture(path: impl AsRef<Path>, channels: usize) -> Result<Picture> {
    let path = path.as_ref();
    check_channels(channels)?;
    let header = read_header(path)?;
    Ok(read_reserved(path, &header, channels, 0)?.0)
}

/// Checks that a file is a whole picture, as far as can be told without decoding it: a PNG by its checksums.
///
/// # Errors
/// As [`read_picture`], but for what only decoding shows.
pub fn check_picture(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    read_checked(path, &read_header(path)?, 1, 0)?;
    Ok(())
}

/// [`read_picture`] of a file with this header, and the memory for it, which also has `more` bytes for work on it.
pub(super) fn read_reserved(
    path: &Path,
    header: &PictureHeader,
    channels: usize,
    more: u64,
) -> Result<(Picture, Reserved)> {
    let (raw, reserved) = read_raw(path, header, channels, more)?;
    let values = compose(&raw, channels);
    let picture = Picture::new(channels, header.height, header.width, values)?;
    Ok((picture, reserved))
}

/// The samples of a picture as its file has them, the right way up.
pub(super) struct Raw {
    /// Interleaved samples: 8 or 16 bits, or 32-bit floats, in the processor's byte order.
    bytes: Vec<u8>,
    pub kind: ColorType,
    /// The ICC colour profile.
    pub profile: Option<Vec<u8>>,
}

/// Decodes a file with this header. Memory is reserved for `channels` planes, and for `more` bytes.
pub(super) fn read_raw(
    path: &Path,
    header: &PictureHeader,
    channels: usize,
    more: u64,
) -> Result<(Raw, Reserved)> {
    let (bytes, reserved) = read_checked(path, header, channels, more)?;
    // Bounds what texts and profiles in the file unpack to.
    let mut limits = Limits::default();
    limits.max_alloc = Some(reserved.bytes().max(MIN_ALLOC));
    let undecoded = |e: ImageError| broken(path, header.format, describe(&e));
    let open = |limits| decoder(path, header.format, &bytes, limits);
    let mut decoder = open(Some(limits))?;
    let profile = match header.format {
        // The caller's limits would bound the profile by the size of the picture.
        PictureFormat::Tiff => open(None)?.icc_profile(),
        _ => decoder.icc_profile(),
    };
    // A profile that cannot be read counts as none.
    let profile = profile.unwrap_or(None);
    let turned = match header.format {
        // Its header gives the size as it is stored.
        PictureFormat::Png => Orientation::NoTransforms,
        _ => orientation(decoder.as_mut()),
    };
    let kind = decoder.color_type();
    let raw = if turned == Orientation::NoTransforms {
        // A picture that has a reservation has room in memory, if not for a liar in its place.
        let mut raw = vec![0u8; usize::try_from(decoder.total_bytes()).unwrap_or(0)];
        decoder.read_image_boxed(&mut raw).map_err(undecoded)?;
        raw
    } else {
        let mut picture = DynamicImage::from_decoder(decoder).map_err(undecoded)?;
        picture.apply_orientation(turned);
        picture.into_bytes()
    };
    let raw = Raw {
        bytes: raw,
        kind,
        profile,
    };
    Ok((raw, reserved))
}

/// A decoder of a file's bytes; without limits of the caller's it has its own.
fn decoder<'a>(
    path: &Path,
    format: PictureFormat,
    bytes: &'a [u8],
    limits: Option<Limits>,
) -> Result<Box<dyn ImageDecoder + 'a>> {
    let bytes = Cursor::new(bytes);
    let opened = || -> Result<Box<dyn ImageDecoder + 'a>, ImageError> {
        let mut decoder: Box<dyn ImageDecoder + 'a> = match format {
            PictureFormat::Png => {
                let limits = limits.unwrap_or_default();
                return Ok(Box::new(PngDecoder::with_limits(bytes, limits)?));
            }
            PictureFormat::Jpeg => Box::new(JpegDecoder::new(bytes)?),
            PictureFormat::Tiff => Box::new(TiffDecoder::new(bytes)?),
            PictureFormat::WebP => Box::new(WebPDecoder::new(bytes)?),
            PictureFormat::Bmp => Box::new(BmpDecoder::new(bytes)?),
        };
        if let Some(limits) = limits {
            decoder.set_limits(limits)?;
        }
        Ok(decoder)
    };
    opened().map_err(|error| broken(path, format, describe(&error)))
}

/// The start of a file, or all of it.
fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::io("read", path, e))?;
    Ok(bytes)
}

/// The bytes of a file with this header, after a check of all chunks of a PNG, and memory for what is made of them.
fn read_checked(
    path: &Path,
    header: &PictureHeader,
    channels: usize,
    more: u64,
) -> Result<(Vec<u8>, Reserved)> {
    let (_, length) = open(path)?;
    let reserved = Reserved::wait(path, header, channels, length, more)?;
    let bytes = read_at_most(path, length)?;
    let found = match header.format {
        PictureFormat::Png => {
            check_chunks(path, &bytes)?;
            png_header(path, &bytes)?
        }
        format => self::header(path, decoder(path, format, &bytes, None)?, format)?,
    };
    if found != *header {
        let expected = "a file that does not change while it is read";
        return Err(Error::file(path, expected, "one that does"));
    }
    Ok((bytes, reserved))
}

fn broken(path: &Path, format: PictureFormat, found: impl Into<String>) -> Error {
    Error::file(path, format!("a whole {}", format.title()), found)
}

/// The decoder's message in one line.
fn describe(error: &ImageError) -> String {
    use std::error::Error as _;
    // The outer message only repeats the format.
    let text = match error {
        ImageError::Decoding(e) => e.source().map_or_else(|| e.to_string(), |s| s.to_string()),
        other => other.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Raw {
    /// Whether samples have more than 8 bits.
    pub fn is_deep(&self) -> bool {
        self.kind.bytes_per_pixel() > self.kind.channel_count()
    }

    /// Whether each pixel has an opacity.
    pub fn has_alpha(&self) -> bool {
        self.kind.has_alpha()
    }

    /// The samples of each pixel, grey or colour and then opacity, as numbers from 0 to 1; floats are taken as they are.
    /// What a pixel lacks is 1: alpha is opaque.
    pub fn pixels(&self) -> impl ExactSizeIterator<Item = [f32; 4]> {
        let samples = usize::from(self.kind.channel_count()).max(1);
        let bytes = usize::from(self.kind.bytes_per_pixel()) / samples;
        let pixels = self.bytes.chunks_exact((samples * bytes).max(1));
        pixels.map(move |pixel| {
            let mut sample = [1f32; 4];
            for (to, from) in sample.iter_mut().zip(pixel.chunks_exact(bytes.max(1))) {
                *to = match *from {
                    [byte] => f32::from(byte) / 255.0,
                    [a, b] => f32::from(u16::from_ne_bytes([a, b])) / 65_535.0,
                    [a, b, c, d] => f32::from_ne_bytes([a, b, c, d]),
                    _ => 0.0,
                };
            }
            sample
        })
    }
}

/// Values of `channels` planes, transparent pixels over white.
fn compose(raw: &Raw, channels: usize) -> Vec<f32> {
    let pixels = raw.pixels();
    let count = pixels.len();
    let mut values = vec![0f32; channels * count];
    for (at, [a, b, c, d]) in pixels.enumerate() {
        let (mut rgb, opacity) = match raw.kind.has_color() {
            true => ([a, b, c], d),
            false => ([a, a, a], b),
        };
        // Floats may lie outside.
        rgb = rgb.map(|v| if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) });
        if opacity < 1.0 {
            rgb = rgb.map(|v| (v * opacity + 1.0 - opacity).clamp(0.0, 1.0));
        }
        if channels == 1 {
            let [r, g, b] = rgb;
            rgb = [luma(r, g, b); 3];
        }
        for (plane, v) in values.chunks_exact_mut(count).zip(rgb) {
            if let Some(slot) = plane.get_mut(at) {
                *slot = v;
            }
        }
    }
    values
}
