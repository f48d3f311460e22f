//! Picture files converted to images of one shape.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::idx::MAX_SIDE;
use super::{Images, grouped};
use crate::error::shown;
use crate::memory::room;
use crate::picture::{Fit, PictureHeader, read_fitted, read_header};
use crate::recipe::{DataConfig, Resize};
use crate::{Error, Result};

/// The most pixel bytes of one folder.
const MAX_BYTES: u64 = 1 << 34;

/// How picture files become samples.
#[derive(Debug, Clone, Copy)]
pub enum Layout {
    /// All in one shape, `(channels, height, width)`.
    Fixed((usize, usize, usize)),
    /// In their own sizes, as pictures of which networks read square patches of this side.
    Patches { channels: usize, side: usize },
}

/// The layout that the recipe asks for; the headers of all files decide where it leaves something open.
pub fn layout(folder: &Path, pictures: &[(PathBuf, u32)], config: &DataConfig) -> Result<Layout> {
    if let Some(side) = config.patch {
        return patches(folder, &headers(pictures)?, config.channels, side);
    }
    let size = config.size.map(|size| size.height_width());
    let headers = match (config.channels, size) {
        (Some(_), Some(_)) => Headers::new(),
        _ => headers(pictures)?,
    };
    let (height, width) = match size {
        Some(size) => size,
        None => common_size(&headers)?,
    };
    let channels = config.channels.unwrap_or_else(|| channels(&headers));
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
    Ok(Layout::Fixed((channels, height, width)))
}

/// The layout for patches, of pictures that are all large enough and fit into memory together.
fn patches(folder: &Path, headers: &Headers, stated: Option<usize>, side: usize) -> Result<Layout> {
    let small = |header: &PictureHeader| header.height.min(header.width) < side;
    if let Some((path, header)) = headers.iter().find(|(_, header)| small(header)) {
        let others = headers.iter().filter(|(_, header)| small(header)).count() - 1;
        let found = format!("{} x {} pixels", header.width, header.height);
        return Err(Error::file(
            path,
            format!("at least {side} x {side} pixels, the size of a patch (data.patch)"),
            match others {
                0 => found,
                _ => format!("{found}; {others} more pictures are too small"),
            },
        ));
    }
    let channels = stated.unwrap_or_else(|| channels(headers));
    let bytes = headers.iter().fold(0u64, |sum, (_, header)| {
        let pixels = (header.height as u64).saturating_mul(header.width as u64);
        sum.saturating_add(pixels.saturating_mul(channels as u64))
    });
    if bytes > MAX_BYTES || usize::try_from(bytes).is_err() {
        let (most, found) = (grouped(MAX_BYTES), grouped(bytes));
        let expected = format!("at most {most} bytes of pixels");
        return Err(Error::file(folder, expected, format!("{found} bytes")));
    }
    Ok(Layout::Patches { channels, side })
}

/// 3 if any picture is in colour, else 1.
fn channels(headers: &Headers) -> usize {
    match headers.iter().any(|(_, header)| header.colour) {
        true => 3,
        false => 1,
    }
}

type Headers<'a> = Vec<(&'a Path, PictureHeader)>;

fn headers(pictures: &[(PathBuf, u32)]) -> Result<Headers<'_>> {
    let headers = (pictures.par_iter())
        .map(|(path, _)| Ok((path.as_path(), read_header(path)?)))
        .collect::<Vec<_>>();
    // Report the first error in the order of the files, whichever thread found one first.
    headers.into_iter().collect()
}

/// The common size of all pictures; sizes that differ are an error.
fn common_size(headers: &Headers) -> Result<(usize, usize)> {
    let size = |header: &PictureHeader| (header.height, header.width);
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

/// Decodes the files in parallel.
pub fn decode(pictures: &[(PathBuf, u32)], layout: Layout, resize: Resize) -> Result<Images> {
    let labels = pictures.iter().map(|(_, label)| *label).collect();
    match layout {
        Layout::Fixed(shape) => Images::new(shape, decode_fixed(pictures, shape, resize)?, labels),
        Layout::Patches { channels, side } => {
            let whole = |(path, _): &(PathBuf, u32)| {
                let header = read_header(path)?;
                let shape = (channels, header.height, header.width);
                let file = read_fitted(path, shape, Fit::None, None)?;
                Ok((header.height, header.width, file.picture.to_bytes()))
            };
            let wholes: Vec<Result<_>> = pictures.par_iter().map(whole).collect();
            let wholes = wholes.into_iter().collect::<Result<Vec<_>>>()?;
            Images::in_patches(channels, side, wholes)?.with_labels(labels)
        }
    }
}

/// The bytes of pictures that are converted to one shape.
fn decode_fixed(
    pictures: &[(PathBuf, u32)],
    shape: (usize, usize, usize),
    resize: Resize,
) -> Result<Vec<u8>> {
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
    Ok(pixels)
}
