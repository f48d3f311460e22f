//! Pictures in PNG files. Every kind is read; 8 bits are written.

use std::fmt::Display;
use std::io::Cursor;
use std::path::Path;

use image::codecs::png::{PngDecoder, PngEncoder};
use image::{ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, Limits, RgbImage};

use super::memory::Reserved;
use super::png_file::{PngHeader, broken, check_chunks, png_header, read_at_most, read_png_header};
use super::raster::{Picture, check_channels, luma, to_byte};
use crate::file::{Publish, write};
use crate::open::open;
use crate::{Error, Result};

/// Bytes that decoding any picture may take beside its pixels.
const MIN_ALLOC: u64 = 16 << 20;

/// Reads a PNG of any bit depth and colour type as a picture of `channels` channels.
///
/// The content counts, not the name. Transparent pixels lie over white, as on a page; grey from colour is the
/// Rec. 709 luma of the encoded values; gamma and colour profiles are ignored; an animation gives its still
/// picture. Pictures that need more memory than there is for reading them are refused before anything is decoded
/// (see [`set_picture_memory`](super::set_picture_memory)).
pub fn read_png(path: impl AsRef<Path>, channels: usize) -> Result<Picture> {
    let path = path.as_ref();
    check_channels(channels)?;
    let header = read_png_header(path)?;
    Ok(read_reserved(path, &header, channels, 0)?.0)
}

/// Checks that a file is a whole PNG, undamaged as far as its checksums tell, without decoding it.
///
/// # Errors
/// As [`read_png`], but for what only decoding shows.
pub fn check_png(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    read_checked(path, &read_png_header(path)?, 1, 0)?;
    Ok(())
}

/// [`read_png`] of a file with this header, and the memory for it, which also has `more` bytes for work on it.
pub(super) fn read_reserved(
    path: &Path,
    header: &PngHeader,
    channels: usize,
    more: u64,
) -> Result<(Picture, Reserved)> {
    let (bytes, reserved) = read_checked(path, header, channels, more)?;
    // Bounds what texts and profiles in the file unpack to.
    let mut limits = Limits::default();
    limits.max_alloc = Some(reserved.bytes().max(MIN_ALLOC));
    let undecoded = |e: ImageError| broken(path, describe(&e));
    let decoder = PngDecoder::with_limits(Cursor::new(&bytes), limits).map_err(undecoded)?;
    let kind = decoder.color_type();
    // A picture that has a reservation has room in memory, if not for a liar in its place.
    let mut raw = vec![0u8; usize::try_from(decoder.total_bytes()).unwrap_or(0)];
    decoder.read_image(&mut raw).map_err(undecoded)?;
    drop(bytes);

    let samples = usize::from(kind.channel_count());
    let sixteen = usize::from(kind.bytes_per_pixel()) > samples;
    let values = compose(&raw, samples, sixteen, channels);
    let picture = Picture::new(channels, header.height, header.width, values)?;
    Ok((picture, reserved))
}

/// The bytes of a file with this header, after a check of all chunks, and memory for what is made of them.
fn read_checked(
    path: &Path,
    header: &PngHeader,
    channels: usize,
    more: u64,
) -> Result<(Vec<u8>, Reserved)> {
    let (_, length) = open(path)?;
    let reserved = Reserved::wait(path, header, channels, length, more)?;
    let bytes = read_at_most(path, length)?;
    check_chunks(path, &bytes)?;
    if png_header(path, &bytes)? != *header {
        let expected = "a file that does not change while it is read";
        return Err(Error::file(path, expected, "one that does"));
    }
    Ok((bytes, reserved))
}

/// The decoder's message in one line.
fn describe(error: &ImageError) -> String {
    use std::error::Error as _;
    // The outer message only repeats that it was a PNG.
    let text = match error {
        ImageError::Decoding(e) => e.source().map_or_else(|| e.to_string(), |s| s.to_string()),
        other => other.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Values of `channels` planes from interleaved samples, grey or colour, with or without alpha.
fn compose(raw: &[u8], samples: usize, sixteen: bool, channels: usize) -> Vec<f32> {
    let bytes = if sixteen { 2 } else { 1 };
    let pixels = raw.chunks_exact((samples * bytes).max(1));
    let count = pixels.len();
    let mut values = vec![0f32; channels * count];
    for (at, pixel) in pixels.enumerate() {
        let mut sample = [1f32; 4];
        for (to, from) in sample.iter_mut().zip(pixel.chunks_exact(bytes)) {
            *to = match from {
                [high, low] => f32::from(u16::from_ne_bytes([*high, *low])) / 65_535.0,
                [byte] => f32::from(*byte) / 255.0,
                _ => 0.0,
            };
        }
        let [a, b, c, d] = sample;
        // What a pixel lacks is 1: alpha is opaque.
        let (mut rgb, opacity) = match samples {
            1 | 2 => ([a, a, a], b),
            _ => ([a, b, c], d),
        };
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

/// Writes a picture as an 8-bit grey or colour PNG. The file appears whole or not at all.
pub fn write_png(path: impl AsRef<Path>, picture: &Picture, publish: Publish) -> Result<()> {
    let path = path.as_ref();
    let png = png_bytes(picture).map_err(|error| error.inside(path))?;
    write(path, &png, publish)
}

/// The bytes of the file that [`write_png`] writes.
pub fn png_bytes(picture: &Picture) -> Result<Vec<u8>> {
    let pixels = picture.height() * picture.width();
    let mut bytes = vec![0u8; pixels * picture.channels()];
    for (channel, plane) in picture.planes().enumerate() {
        let slots = bytes.iter_mut().skip(channel).step_by(picture.channels());
        for (slot, v) in slots.zip(plane) {
            *slot = to_byte(*v);
        }
    }
    let kind = match picture.channels() {
        1 => ExtendedColorType::L8,
        _ => ExtendedColorType::Rgb8,
    };
    encode(&bytes, picture.size(), kind)
}

/// Writes a canvas (a sheet, a grid of filters, a chart) as an 8-bit colour PNG, whole or not at all.
pub fn write_rgb(path: impl AsRef<Path>, canvas: &RgbImage, publish: Publish) -> Result<()> {
    let path = path.as_ref();
    let size = (canvas.height() as usize, canvas.width() as usize);
    let png = encode(canvas, size, ExtendedColorType::Rgb8);
    write(path, &png.map_err(|error| error.inside(path))?, publish)
}

fn encode(
    bytes: &[u8],
    (height, width): (usize, usize),
    kind: ExtendedColorType,
) -> Result<Vec<u8>> {
    let refused = |e: &dyn Display| Error::argument("picture", "a size that PNG can hold", e);
    let width = u32::try_from(width).map_err(|e| refused(&e))?;
    let height = u32::try_from(height).map_err(|e| refused(&e))?;
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(bytes, width, height, kind)
        .map_err(|e| refused(&e))?;
    Ok(png)
}
