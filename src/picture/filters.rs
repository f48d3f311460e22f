//! A layer's filters as one picture.

use image::{Rgb, RgbImage};

use super::canvas::{draw, new_canvas};
use super::raster::Picture;
use crate::{Error, Result};

/// Pixels around the grid, and between the frames of two tiles.
const MARGIN: usize = 8;
const GAP: usize = 4;
/// Pixels of a tile's frame: black and white edges both end there.
const FRAME: usize = 1;

const PAGE: Rgb<u8> = Rgb([245, 245, 245]);
const FRAME_COLOR: Rgb<u8> = Rgb([96, 96, 96]);

/// Draws filters (`height * width` weights each, row-major) as grey tiles in a near-square grid.
///
/// All share one scale, from the smallest weight of all in black to the largest in white, so that their
/// strengths can be compared; weights that are all equal become middle grey. Every weight is a square of
/// `scale` pixels a side. The tile in row `r` and column `c` of the grid has its upper left pixel at
/// `9 + c * (width * scale + 6)`, `9 + r * (height * scale + 6)`.
pub fn filter_grid(
    tiles: &[Vec<f32>],
    height: usize,
    width: usize,
    scale: usize,
) -> Result<RgbImage> {
    let size = height.saturating_mul(width);
    if tiles.is_empty() || size == 0 || scale == 0 {
        let count = tiles.len();
        let found = format!("{count} tiles of {height} x {width} at scale {scale}");
        return Err(Error::argument("filters", "at least one of each", found));
    }
    if let Some(tile) = tiles.iter().find(|tile| tile.len() != size) {
        let expected = format!("{height} x {width} weights a tile");
        return Err(Error::argument("filters", expected, tile.len()));
    }
    let weights = || tiles.iter().flatten().copied();
    if let Some(bad) = weights().find(|w| !w.is_finite()) {
        return Err(Error::argument("filters", "finite weights", bad));
    }
    let low = weights().fold(f32::INFINITY, f32::min);
    let high = weights().fold(f32::NEG_INFINITY, f32::max);

    let (rows, columns) = near_square(tiles.len());
    let pitch = |side: usize| side.saturating_mul(scale).saturating_add(2 * FRAME + GAP);
    let extent = |count: usize, side: usize| {
        count
            .saturating_mul(pitch(side))
            .saturating_add(2 * MARGIN - GAP)
    };
    let size = (extent(columns, width), extent(rows, height));
    let mut canvas = new_canvas("filters", size.0, size.1, PAGE)?;
    // In f64 the range of two finite f32 is finite too.
    let (low, range) = (f64::from(low), f64::from(high) - f64::from(low));
    let shade = |weight: &f32| match range > 0.0 {
        true => ((f64::from(*weight) - low) / range) as f32,
        false => 0.5,
    };
    let tile_size = (height * scale, width * scale);
    for (at, tile) in tiles.iter().enumerate() {
        let left = MARGIN + FRAME + (at % columns) * pitch(width);
        let top = MARGIN + FRAME + (at / columns) * pitch(height);
        let picture = Picture::clamped(1, height, width, tile.iter().map(shade).collect())?;
        let frame = Some(FRAME_COLOR);
        draw(&mut canvas, &picture, (left, top), tile_size, frame);
    }
    Ok(canvas)
}

/// Rows and columns for `count` tiles: a full grid if one is at most twice as wide as high, else one with
/// places left over.
fn near_square(count: usize) -> (usize, usize) {
    let least = (1..=count).find(|c| c * c >= count).unwrap_or(1);
    let full = (least..=count).find(|c| count.is_multiple_of(*c) && *c <= 2 * (count / c));
    let columns = full.unwrap_or(least);
    (count.div_ceil(columns), columns)
}
