//! The layout of PNG files: header and chunks, without the pixels.

use std::path::Path;

use super::format::{PictureFormat, PictureHeader};
use crate::{Error, Result};

/// The longest side that a PNG can have.
const MAX_SIDE: u32 = i32::MAX.unsigned_abs();
/// Bytes that hold size and kind: signature (8), length, name, width, height (4 each), bit depth, colour type.
pub(super) const HEADER: u64 = 26;

fn broken(path: &Path, found: impl Into<String>) -> Error {
    Error::file(path, "a whole PNG", found)
}

/// Size and kind from the first chunk, before any memory depends on them.
pub(super) fn png_header(path: &Path, bytes: &[u8]) -> Result<PictureHeader> {
    let signature = [137, b'P', b'N', b'G', 13, 10, 26, 10];
    let Some(rest) = bytes.strip_prefix(&signature) else {
        return Err(Error::file(path, "a PNG", "another kind of file"));
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
    if (bytes.len() as u64) < HEADER {
        return Err(broken(path, "one that ends early"));
    }
    Ok(PictureHeader {
        format: PictureFormat::Png,
        height: height as usize,
        width: width as usize,
        colour: rest.get(17).is_some_and(|kind| kind & 2 != 0),
        bits: rest.get(16).copied().unwrap_or(0),
    })
}

/// Checks all chunks, down to the last. The decoder stops after the last pixel and so misses a cut file, and
/// for damaged data its message names a consequence, not the damage.
pub(super) fn check_chunks(path: &Path, bytes: &[u8]) -> Result<()> {
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
