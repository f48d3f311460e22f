//! Picture files converted to images of one shape.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::idx::MAX_SIDE;
use super::{Images, grouped};
use crate::error::shown;
use crate::memory::room;
use crate::picture::{PngHeader, read_fitted, read_png_header};
use crate::recipe::{DataConfig, Resize};
use crate::{Error, Result};

/// The most pixel bytes of one folder.
const MAX_BYTES: u64 = 1 << 34;

/// The shape of the converted pictures, `(channels, height, width)`: from the recipe, and from the
/// headers of all files where the recipe leaves it open.
pub fn shape(
    folder: &Path,
    pictures: &[(PathBuf, u32)],
    config: &DataConfig,
) -> Result<(usize, usize, usize)> {
    let size = config.size.map(|size| size.height_width());
    let headers = match (config.channels, size) {
        (Some(_), Some(_)) => Headers::new(),
        _ => headers(pictures)?,
    };
    let (height, width) = match size {
        Some(size) => size,
        None => common_size(&headers)?,
    };
    let colour = headers.iter().any(|(_, header)| header.colour);
    let channels = config.channels.unwrap_or(if colour { 3 } else { 1 });
    // In 64 bits: below 2^34 * 3 * 2^12 * 2^12.
    let image = channels as u64 * height as u64 * width as u64;
    let bytes = (pictures.len() as u64).saturating_mul(image);
    if bytes > MAX_BYTES || usize::try_from(bytes).is_err() {
        let (most, count) = (grouped(MAX_BYTES), grouped(pictures.len()));
        return Err(Error::file(
            folder,
            format!("at most {most} bytes of pixels (see data.size)"),
            format!("{count} pictures of {channels}x{height}x{width}"),
        ));
    }
    Ok((channels, height, width))
}

type Headers<'a> = Vec<(&'a Path, PngHeader)>;

fn headers(pictures: &[(PathBuf, u32)]) -> Result<Headers<'_>> {
    let headers = (pictures.par_iter())
        .map(|(path, _)| Ok((path.as_path(), read_png_header(path)?)))
        .collect::<Vec<_>>();
    // Report the first error in the order of the files, whichever thread found one first.
    headers.into_iter().collect()
}

/// The common size of all pictures; sizes that differ are an error.
fn common_size(headers: &Headers) -> Result<(usize, usize)> {
    let size = |header: &PngHeader| (header.height, header.width);
    let Some((first, header)) = headers.first() else {
        return Err(Error::argument("pictures", "1 or more", "none"));
    };
    let (height, width) = size(header);
    let mut headers = headers.iter();
    if let Some((path, other)) = headers.find(|(_, other)| size(other) != (height, width)) {
        return Err(Error::file(
            path,
            format!(
                "{width} x {height} pixels as {}, or data.size in the recipe to resize all",
                shown(first)
            ),
            format!("{} x {} pixels", other.width, other.height),
        ));
    }
    if height.max(width) > MAX_SIDE as usize {
        return Err(Error::file(
            first,
            format!("at most {MAX_SIDE} pixels a side, or data.size in the recipe to resize all"),
            format!("{width} x {height} pixels"),
        ));
    }
    Ok((height, width))
}

/// Decodes the files in parallel and converts them to one shape.
pub fn decode(
    pictures: &[(PathBuf, u32)],
    shape: (usize, usize, usize),
    resize: Resize,
) -> Result<Images> {
    let (channels, height, width) = shape;
    let size = channels * height * width;
    let length = pictures.len().saturating_mul(size);
    let mut pixels = room(length).ok_or_else(|| {
        let found = format!("{} bytes", grouped(length));
        Error::argument("pictures", "no more than fits into memory", found)
    })?;
    pixels.resize(length, 0);
    let done: Vec<Result<()>> = pixels
        .par_chunks_mut(size.max(1))
        .zip(pictures)
        .map(|(image, (path, _))| {
            let file = read_fitted(path, shape, resize.into(), None)?;
            image.copy_from_slice(&file.picture.to_bytes());
            Ok(())
        })
        .collect();
    done.into_iter().collect::<Result<()>>()?;
    let labels = pictures.iter().map(|(_, label)| *label);
    Images::new(shape, pixels, labels.collect())
}
