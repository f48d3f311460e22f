//! PNG files. Every kind is read; 8 bits are written.

use std::fmt::Display;
use std::io::{Cursor, Read};
use std::path::Path;

use image::codecs::png::{PngDecoder, PngEncoder};
use image::{ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, Limits, RgbImage};

use super::raster::{Picture, luma, to_byte};
use crate::open::open;
use crate::{Error, Result, file};

/// The longest side that is read.
const MAX_SIDE: u32 = 16_384;
/// The most bytes for the file, for its decoded samples, and for the values made of them.
const MAX_BYTES: u64 = 512 << 20;
/// Bytes that hold size and kind: signature (8), length, name, width, height (4 each), bit depth, colour type.
const HEADER: u64 = 26;

/// Reads a PNG of any bit depth and colour type as a picture of `channels` channels.
///
/// The content counts, not the name. Transparent pixels lie over white, as on a page; grey from colour is the
/// Rec. 709 luma of the encoded values; gamma and colour profiles are ignored; an animation gives its still
/// picture. Sides over 16,384 pixels and pictures that would need more than 512 MiB are refused before anything
/// is decoded: those of more than 134 million pixels in grey, or 44 million in colour.
pub fn read_png(path: impl AsRef<Path>, channels: usize) -> Result<Picture> {
    let path = path.as_ref();
    if channels != 1 && channels != 3 {
        return Err(Error::argument("channels", "1 or 3", channels));
    }
    let bytes = read_at_most(path, MAX_BYTES + 1)?;
    if bytes.len() as u64 > MAX_BYTES {
        let expected = format!("a PNG of at most {} MiB", MAX_BYTES >> 20);
        return Err(Error::file(path, expected, "a larger file"));
    }
    let PngHeader { height, width, .. } = header(path, &bytes)?;
    check_chunks(path, &bytes)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    let undecoded = |e: ImageError| broken(path, describe(&e));
    let decoder = PngDecoder::with_limits(Cursor::new(&bytes), limits).map_err(undecoded)?;

    let kind = decoder.color_type();
    let needed = (height * width) as u64 * 4 * channels as u64;
    let needed = needed.max(decoder.total_bytes());
    let size = match usize::try_from(decoder.total_bytes()) {
        Ok(size) if needed <= MAX_BYTES => size,
        _ => {
            let expected = format!("a picture of at most {} MiB decoded", MAX_BYTES >> 20);
            let found = format!("{width} x {height} pixels ({} MiB)", needed >> 20);
            return Err(Error::file(path, expected, found));
        }
    };
    let mut raw = vec![0u8; size];
    decoder.read_image(&mut raw).map_err(undecoded)?;

    let samples = usize::from(kind.channel_count());
    let sixteen = usize::from(kind.bytes_per_pixel()) > samples;
    let values = compose(&raw, samples, sixteen, channels);
    Picture::new(channels, height, width, values)
}

/// Size and kind of a PNG, from its first chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PngHeader {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Whether its pixels have colours, if only from a palette.
    pub colour: bool,
}

/// Reads a PNG's size and kind without the rest of the file.
///
/// # Errors
/// If the file cannot be read, is no PNG, or has a side of 0 or over 16,384 pixels.
pub fn read_png_header(path: impl AsRef<Path>) -> Result<PngHeader> {
    let path = path.as_ref();
    let bytes = read_at_most(path, HEADER)?;
    let header = header(path, &bytes)?;
    match bytes.len() as u64 {
        HEADER => Ok(header),
        _ => Err(broken(path, "one that ends early")),
    }
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

fn broken(path: &Path, found: impl Into<String>) -> Error {
    Error::file(path, "a whole PNG", found)
}

/// Size and kind from the first chunk, before any memory depends on them.
fn header(path: &Path, bytes: &[u8]) -> Result<PngHeader> {
    let signature = [137, b'P', b'N', b'G', 13, 10, 26, 10];
    let Some(rest) = bytes.strip_prefix(&signature) else {
        return Err(Error::file(path, "a PNG", sniff(bytes)));
    };
    // Chunk: length (4 bytes), name (4), then for IHDR width (4), height (4), bit depth and colour type.
    let number = |at: usize| {
        let four = rest.get(at..at + 4)?;
        Some(u32::from_be_bytes(four.try_into().ok()?))
    };
    let (Some(name), Some(width), Some(height)) = (rest.get(4..8), number(8), number(12)) else {
        return Err(broken(path, "one that ends early"));
    };
    if name != b"IHDR" {
        return Err(broken(path, "one without a header"));
    }
    let sides = 1..=MAX_SIDE;
    if !sides.contains(&width) || !sides.contains(&height) {
        let expected = format!("a picture of 1 to {MAX_SIDE} pixels a side");
        let found = format!("{width} x {height} pixels");
        return Err(Error::file(path, expected, found));
    }
    Ok(PngHeader {
        height: height as usize,
        width: width as usize,
        colour: rest.get(17).is_some_and(|kind| kind & 2 != 0),
    })
}

/// Checks all chunks, down to the last. The decoder stops after the last pixel and so misses a cut file, and
/// for damaged data its message names a consequence, not the damage.
fn check_chunks(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    loop {
        let length = rest.first_chunk::<4>().map(|b| u32::from_be_bytes(*b));
        let end = length.and_then(|n| usize::try_from(n).ok()?.checked_add(12));
        let Some(chunk) = end.and_then(|end| rest.get(..end)) else {
            return Err(broken(path, "one that ends early"));
        };
        let (covered, crc) = chunk.split_at(chunk.len() - 4);
        let covered = covered.get(4..).unwrap_or_default();
        let critical = covered.first().is_some_and(u8::is_ascii_uppercase);
        if critical && crc != crc32(covered).to_be_bytes() {
            return Err(broken(path, "a wrong checksum (a damaged file)"));
        }
        if covered.starts_with(b"IEND") {
            return Ok(());
        }
        // The name is followed by three bytes for each colour; the decoder panics where one is not whole.
        if covered.starts_with(b"PLTE") && !(covered.len() - 4).is_multiple_of(3) {
            return Err(broken(path, "a palette that ends within a colour"));
        }
        rest = rest.get(chunk.len()..).unwrap_or_default();
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The kind of a file that is not a PNG, by its first bytes.
fn sniff(bytes: &[u8]) -> &'static str {
    let starts = |start: &[u8]| bytes.starts_with(start);
    match bytes {
        [] => "an empty file",
        _ if starts(&[0xff, 0xd8, 0xff]) => "a JPEG (convert it to PNG)",
        _ if starts(b"GIF8") => "a GIF (convert it to PNG)",
        _ if starts(b"BM") => "a BMP (convert it to PNG)",
        _ if starts(b"II*\0") || starts(b"MM\0*") => "a TIFF (convert it to PNG)",
        _ if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => "a WebP (convert it to PNG)",
        _ => "another kind of file",
    }
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
pub fn write_png(path: impl AsRef<Path>, picture: &Picture) -> Result<()> {
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
    encode(path.as_ref(), &bytes, picture.size(), kind)
}

/// Writes a canvas (a sheet, a grid of filters, a chart) as an 8-bit colour PNG, whole or not at all.
pub fn write_rgb(path: impl AsRef<Path>, canvas: &RgbImage) -> Result<()> {
    let size = (canvas.height() as usize, canvas.width() as usize);
    encode(path.as_ref(), canvas, size, ExtendedColorType::Rgb8)
}

fn encode(
    path: &Path,
    bytes: &[u8],
    (height, width): (usize, usize),
    kind: ExtendedColorType,
) -> Result<()> {
    let refused = |e: &dyn Display| {
        let what = path.display().to_string();
        Error::argument(what, "a picture that PNG can hold", e)
    };
    let width = u32::try_from(width).map_err(|e| refused(&e))?;
    let height = u32::try_from(height).map_err(|e| refused(&e))?;
    let mut png = Vec::new();
    PngEncoder::new(&mut png)
        .write_image(bytes, width, height, kind)
        .map_err(|e| refused(&e))?;
    file::replace(path, &png)
}
