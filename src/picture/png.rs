//! Pictures written as PNG, with 8 bits.

use std::fmt::Display;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use super::raster::{Picture, to_byte};
use crate::file::{Publish, write};
use crate::{Error, Result};

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
