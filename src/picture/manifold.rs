//! The images that a decoder makes over a plane of codes.

use image::RgbImage;

use super::canvas::{draw, new_canvas};
use super::palette::SOFT_INK;
use super::raster::Picture;
use super::sheet::{CAPTION, GAP, MARGIN, PAGE, TITLE, TITLE_LIMIT, draw_title, widest};
use super::svg::{Anchor, Svg};
use crate::{Error, Result};

/// Pixels between a tick's label and the next.
const BETWEEN: usize = 12;
/// A tick and the room between it and its label.
const TICK: usize = 5;

/// One axis of the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifoldAxis {
    /// The name of the axis.
    pub name: String,
    /// The places of the images, ascending.
    pub values: Vec<f64>,
}

/// Draws a grid of images without gaps, with the values of both axes beside it. `images` has a row for each
/// value of `down`, from the top, with an image for each value of `across`. As in a plot, values of `across`
/// grow to the right and values of `down` upwards. Every pixel of an image becomes a square of `scale` pixels a side.
///
/// # Errors
/// If the images do not fill the grid or differ in size, or the drawing would have a side over 16,384 pixels.
pub fn manifold(
    title: &str,
    images: &[Picture],
    across: &ManifoldAxis,
    down: &ManifoldAxis,
    scale: usize,
) -> Result<RgbImage> {
    let (columns, rows) = (across.values.len(), down.values.len());
    let size = images.first().map_or((0, 0), Picture::size);
    if images.is_empty()
        || Some(images.len()) != columns.checked_mul(rows)
        || images.iter().any(|image| image.size() != size)
    {
        let expected = format!("{columns} x {rows} images of one size");
        return Err(Error::argument("manifold", expected, images.len()));
    }
    let tile = (size.0.saturating_mul(scale), size.1.saturating_mul(scale));
    let line = CAPTION.size as usize + 2;
    let [beside, below] = [labels(&down.values), labels(&across.values)];
    let room = widest(beside.iter().chain([&down.name]), CAPTION, f32::INFINITY);
    let left = MARGIN + room + TICK + GAP / 2;
    let top = MARGIN + TITLE.size as usize + GAP + line + GAP / 2;
    let (width, height) = (columns.saturating_mul(tile.1), rows.saturating_mul(tile.0));
    let widest_below = widest(&below, CAPTION, f32::INFINITY);
    // The labels of the first and last column reach beyond their tiles.
    let right = MARGIN + widest_below / 2;
    let title_width = widest([&title.to_string()], TITLE, TITLE_LIMIT) + 2 * MARGIN;
    let canvas_width = left.saturating_add(width).saturating_add(right);
    let canvas_height = top.saturating_add(height) + TICK + GAP / 2 + 2 * line + GAP + MARGIN;
    let canvas_width = canvas_width.max(title_width);
    let mut canvas = new_canvas("manifold", canvas_width, canvas_height, PAGE)?;
    for (row, images) in images.chunks(columns).enumerate() {
        for (column, image) in images.iter().enumerate() {
            let place = (left + column * tile.1, top + row * tile.0);
            draw(&mut canvas, image, place, tile, None);
        }
    }

    let mut svg = Svg::default();
    draw_title(&mut svg, title, canvas.width() as usize);
    let half_line = 0.5 * CAPTION.cap_height();
    let edge = (left - TICK - GAP / 2) as f32;
    let name_y = (top - GAP) as f32 - half_line;
    svg.text((edge, name_y), Anchor::End, &down.name, CAPTION);
    let step = every(line + 2, tile.0);
    for (place, label) in beside.iter().enumerate().step_by(step) {
        // The first value stands at the bottom.
        let y = (top + (rows - 1 - place) * tile.0 + tile.0 / 2) as f32;
        let ends = [left - TICK, left - 1].map(|x| (x as f32, y + 0.5));
        svg.path(&ends, SOFT_INK, 1.0);
        svg.text((edge, y), Anchor::End, label, CAPTION);
    }
    let bottom = top + height;
    let y = (bottom + TICK + GAP / 2) as f32 + half_line;
    let step = every(widest_below + BETWEEN, tile.1);
    for (place, label) in below.iter().enumerate().step_by(step) {
        let x = (left + place * tile.1 + tile.1 / 2) as f32;
        let ends = [bottom + 1, bottom + TICK].map(|y| (x + 0.5, y as f32));
        svg.path(&ends, SOFT_INK, 1.0);
        svg.text((x, y), Anchor::Middle, label, CAPTION);
    }
    let middle = left as f32 + width as f32 / 2.0;
    let name_y = y + (line + GAP / 2) as f32;
    svg.text((middle, name_y), Anchor::Middle, &across.name, CAPTION);
    svg.draw_on(&mut canvas)?;
    Ok(canvas)
}

/// The number of tiles from label to label.
fn every(room: usize, tile: usize) -> usize {
    room.div_ceil(tile.max(1)).max(1)
}

/// The values with enough decimals to tell neighbours apart.
fn labels(values: &[f64]) -> Vec<String> {
    let pairs = values.iter().zip(values.iter().skip(1));
    let steps = pairs.map(|(low, high)| (high - low).abs());
    let smallest = steps.filter(|step| *step > 0.0).fold(1.0, f64::min);
    let decimals = (1.0 - smallest.log10().floor()).clamp(0.0, 9.0) as usize;
    let zero = format!("{:.decimals$}", 0.0);
    values
        .iter()
        .map(|value| match format!("{value:.decimals$}") {
            text if text == format!("-{zero}") => zero.clone(),
            text => text,
        })
        .collect()
}
