//! Pictures on canvases.

use image::{Rgb, RgbImage};

use super::Picture;
use super::png::to_byte;
use super::resample::resize;

const FRAME: Rgb<u8> = Rgb([150, 150, 150]);

/// Fills the rectangle at `place` = (x, y) of `size` = (width, height), as far as it lies on the canvas.
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

/// A picture in the middle of its tile, framed.
pub(super) fn draw_tile(
    canvas: &mut RgbImage,
    picture: &Picture,
    place: (usize, usize),
    tile: (usize, usize),
) {
    let (height, width) = (picture.height(), picture.width());
    let whole = (tile.0 / height).min(tile.1 / width);
    let (new_height, new_width) = if whole >= 1 {
        (height * whole, width * whole)
    } else {
        // The side that is relatively longer fills the tile.
        let fitted = |a: usize, b: usize, limit: usize| (a * limit / b.max(1)).max(1);
        if height * tile.1 > width * tile.0 {
            (tile.0, fitted(width, height, tile.0))
        } else {
            (fitted(height, width, tile.1), tile.1)
        }
    };
    let planes: Vec<Vec<f32>> = picture
        .planes()
        .map(|plane| {
            if whole >= 1 {
                magnify(plane, width, whole)
            } else {
                resize(plane, (height, width), (new_height, new_width))
            }
        })
        .collect();
    let left = place.0 + (tile.1 - new_width.min(tile.1)) / 2;
    let top = place.1 + (tile.0 - new_height.min(tile.0)) / 2;
    let framed = (new_width + 2, new_height + 2);
    fill(canvas, (left - 1, top - 1), framed, FRAME);
    let value = |channel: usize, at: usize| {
        let plane = planes.get(channel).or(planes.first());
        to_byte(plane.and_then(|p| p.get(at)).copied().unwrap_or(0.0))
    };
    let rows = canvas.rows_mut().skip(top).take(new_height);
    for (y, row) in rows.enumerate() {
        for (x, pixel) in row.skip(left).take(new_width).enumerate() {
            let at = y * new_width + x;
            *pixel = Rgb([value(0, at), value(1, at), value(2, at)]);
        }
    }
}

/// Every value as a square of `scale` a side.
fn magnify(plane: &[f32], width: usize, scale: usize) -> Vec<f32> {
    plane
        .chunks_exact(width)
        .flat_map(|row| std::iter::repeat_n(row, scale))
        .flat_map(|row| row.iter().flat_map(|v| std::iter::repeat_n(*v, scale)))
        .collect()
}
