//! Canvases of pixels, and pictures on them.

use image::{Rgb, RgbImage};

use super::raster::{Picture, to_byte};
use super::resample::resize;
use crate::{Error, Result};

/// The longest side that is drawn.
pub(super) const MAX_SIDE: usize = 16_384;

/// An empty canvas; `what` is for the message.
///
/// # Errors
/// If it would have a side over 16,384 pixels.
pub(super) fn new_canvas(
    what: &str,
    width: usize,
    height: usize,
    page: Rgb<u8>,
) -> Result<RgbImage> {
    let longest = width.max(height);
    if longest > MAX_SIDE {
        let expected =
            format!("at most {MAX_SIDE} pixels a side (fewer pictures, or smaller ones)");
        return Err(Error::argument(what, expected, longest));
    }
    Ok(RgbImage::from_pixel(width as u32, height as u32, page))
}

/// Draws a picture in the middle of its tile, which has its corner at `place` = (x, y) and the size `tile` =
/// (height, width), within a frame of one pixel if a colour for it is given. Parts off the canvas are left out.
pub(super) fn draw(
    canvas: &mut RgbImage,
    picture: &Picture,
    place: (usize, usize),
    tile: (usize, usize),
    frame: Option<Rgb<u8>>,
) {
    let size = picture.size();
    // Either every value becomes a square of whole pixels, or the picture shrinks.
    let whole = (tile.0 / size.0).min(tile.1 / size.1);
    let (drawn, square) = match whole {
        0 => (shrunk(size, tile), 1),
        _ => (size, whole),
    };
    let (height, width) = (drawn.0 * square, drawn.1 * square);
    let left = place.0 + tile.1.saturating_sub(width) / 2;
    let top = place.1 + tile.0.saturating_sub(height) / 2;
    if let Some(color) = frame {
        for row in canvas.rows_mut().skip(top - 1).take(height + 2) {
            let row = row.skip(left - 1).take(width + 2);
            row.for_each(|pixel| *pixel = color);
        }
    }
    let planes = picture.planes().map(|plane| resize(plane, size, drawn));
    let planes: Vec<Vec<f32>> = planes.collect();
    let value = |channel: usize, at: usize| {
        let plane = planes.get(channel).or(planes.first());
        to_byte(plane.and_then(|p| p.get(at)).copied().unwrap_or(0.0))
    };
    for (y, row) in canvas.rows_mut().skip(top).take(height).enumerate() {
        for (x, pixel) in row.skip(left).take(width).enumerate() {
            let at = y / square * drawn.1 + x / square;
            *pixel = Rgb([0, 1, 2].map(|channel| value(channel, at)));
        }
    }
}

/// Height and width of a picture whose relatively longer side fills the tile.
pub(super) fn shrunk((height, width): (usize, usize), tile: (usize, usize)) -> (usize, usize) {
    let fitted = |a: usize, b: usize, limit: usize| (a * limit / b.max(1)).max(1);
    if height * tile.1 > width * tile.0 {
        (tile.0, fitted(width, height, tile.0))
    } else {
        (fitted(height, width, tile.1), tile.1)
    }
}
