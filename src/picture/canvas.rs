//! Canvases of pixels, and pictures on them.

use image::{Rgb, RgbImage};

use super::raster::{Picture, to_byte};
use super::resample::resize;
use crate::{Error, Result};

/// The longest side that is drawn.
pub(super) const MAX_SIDE: usize = 16_384;

const FRAME: Rgb<u8> = Rgb([150, 150, 150]);

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
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(across), Ok(down)) if width.max(height) <= MAX_SIDE => {
            Ok(RgbImage::from_pixel(across, down, page))
        }
        _ => {
            let expected =
                format!("at most {MAX_SIDE} pixels a side (fewer pictures, or smaller ones)");
            Err(Error::argument(what, expected, width.max(height)))
        }
    }
}

/// Fills the rectangle at `place` = (x, y) of `size` = (width, height); parts off the canvas are left out.
pub(super) fn fill(
    canvas: &mut RgbImage,
    place: (usize, usize),
    size: (usize, usize),
    color: Rgb<u8>,
) {
    let columns = canvas.width() as usize;
    let rows = canvas.rows_mut().skip(place.1).take(size.1);
    for row in rows {
        let width = size.0.min(columns.saturating_sub(place.0));
        row.skip(place.0).take(width).for_each(|p| *p = color);
    }
}

/// Draws a picture in the middle of its tile, with a frame.
pub(super) fn draw_tile(
    canvas: &mut RgbImage,
    picture: &Picture,
    place: (usize, usize),
    tile: (usize, usize),
) {
    let (height, width) = size_in(picture, tile);
    let (left, top) = corner((height, width), place, tile);
    fill(canvas, (left - 1, top - 1), (width + 2, height + 2), FRAME);
    draw_bare(canvas, picture, place, tile);
}

/// Draws a picture in the middle of its tile, without a frame.
pub(super) fn draw_bare(
    canvas: &mut RgbImage,
    picture: &Picture,
    place: (usize, usize),
    tile: (usize, usize),
) {
    let (height, width) = (picture.height(), picture.width());
    let (new_height, new_width) = size_in(picture, tile);
    // Either every value becomes a square of whole pixels, or the picture shrinks.
    let (planes, stride, square): (Vec<Vec<f32>>, usize, usize) = match times(picture, tile) {
        0 => {
            let shrink = |plane| resize(plane, (height, width), (new_height, new_width));
            (picture.planes().map(shrink).collect(), new_width, 1)
        }
        whole => (
            picture.planes().map(<[f32]>::to_vec).collect(),
            width,
            whole,
        ),
    };
    let value = |channel: usize, at: usize| {
        let plane = planes.get(channel).or(planes.first());
        to_byte(plane.and_then(|p| p.get(at)).copied().unwrap_or(0.0))
    };
    let (left, top) = corner((new_height, new_width), place, tile);
    let rows = canvas.rows_mut().skip(top).take(new_height);
    for (y, row) in rows.enumerate() {
        for (x, pixel) in row.skip(left).take(new_width).enumerate() {
            let at = y / square * stride + x / square;
            *pixel = Rgb([value(0, at), value(1, at), value(2, at)]);
        }
    }
}

/// Height and width of a picture in a tile: a whole multiple of its own, or shrunk.
fn size_in(picture: &Picture, tile: (usize, usize)) -> (usize, usize) {
    let (height, width) = (picture.height(), picture.width());
    let whole = times(picture, tile);
    if whole >= 1 {
        return (height * whole, width * whole);
    }
    // The relatively longer side fills the tile.
    let fitted = |a: usize, b: usize, limit: usize| (a * limit / b.max(1)).max(1);
    if height * tile.1 > width * tile.0 {
        (tile.0, fitted(width, height, tile.0))
    } else {
        (fitted(height, width, tile.1), tile.1)
    }
}

/// The whole multiple of a picture that fits into a tile; 0 for a larger picture.
fn times(picture: &Picture, tile: (usize, usize)) -> usize {
    (tile.0 / picture.height()).min(tile.1 / picture.width())
}

/// The corner (left, top) of a picture of `size` in the middle of a tile.
fn corner(size: (usize, usize), place: (usize, usize), tile: (usize, usize)) -> (usize, usize) {
    let middle = |room: usize, side: usize| (room - side.min(room)) / 2;
    (
        place.0 + middle(tile.1, size.1),
        place.1 + middle(tile.0, size.0),
    )
}
