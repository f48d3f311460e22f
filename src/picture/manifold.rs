//! The images that a decoder makes over a plane of codes.

use image::RgbImage;

use super::Picture;
use super::sheet::{CAPTION_SIZE, GAP, INK, MARGIN, PAGE, SOFT_INK, TITLE_SIZE, side};
use super::text::{self, Anchor, CAP_HEIGHT, Label};
use super::tile::draw_bare;
use crate::{Error, Result};

/// Pixels between a tick's label and the next.
const BETWEEN: usize = 12;
/// A tick and the room between it and its label.
const TICK: usize = 5;

/// One axis of the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    pub name: String,
    /// Where the images stand, ascending.
    pub values: Vec<f64>,
}

/// A grid of images without gaps, with the values of both axes beside it: `images` row by row from the
/// top, as many as there are values of `down` times values of `across`. As in a plot, values of `across`
/// grow to the right and values of `down` grow upwards. Every pixel of an image becomes `scale` a side.
///
/// # Errors
/// If there are more or fewer images, they differ in size, or the drawing would have a side over 16,384
/// pixels.
pub fn manifold(
    title: &str,
    images: &[Picture],
    across: &Axis,
    down: &Axis,
    scale: usize,
) -> Result<RgbImage> {
    let (columns, rows) = (across.values.len(), down.values.len());
    let size = |picture: &Picture| (picture.height(), picture.width());
    let tile = match images.first().map(size) {
        Some((height, width))
            if Some(images.len()) == columns.checked_mul(rows)
                && images.iter().all(|image| size(image) == (height, width)) =>
        {
            (height.saturating_mul(scale), width.saturating_mul(scale))
        }
        _ => {
            let expected = format!("{columns} x {rows} images of one size");
            return Err(Error::argument("manifold", expected, images.len()));
        }
    };
    let line = CAPTION_SIZE as usize + 2;
    let [right_of, above] = [labels(&down.values), labels(&across.values)];
    let left = MARGIN + widest(&right_of)?.max(name_width(&down.name)?) + TICK + GAP / 2;
    let top = MARGIN + TITLE_SIZE as usize + GAP + line + GAP / 2;
    let (width, height) = (columns.saturating_mul(tile.1), rows.saturating_mul(tile.0));
    // The labels of the first and last column reach beyond their tiles.
    let right = MARGIN + widest(&above)? / 2;
    let title_width = text::width(title, TITLE_SIZE)?.ceil() as usize;
    let canvas_width =
        (left.saturating_add(width).saturating_add(right)).max(title_width.min(560) + 2 * MARGIN);
    let canvas_height = top.saturating_add(height) + TICK + GAP / 2 + 2 * line + GAP + MARGIN;
    let mut canvas = RgbImage::from_pixel(side(canvas_width)?, side(canvas_height)?, PAGE);
    for (row, images) in images.chunks(columns).enumerate() {
        for (column, image) in images.iter().enumerate() {
            let place = (left + column * tile.1, top + row * tile.0);
            draw_bare(&mut canvas, image, place, tile);
        }
    }

    let caption = |text: String, x: f32, baseline: f32, anchor| Label {
        text,
        x,
        baseline,
        anchor,
        size: CAPTION_SIZE,
        color: SOFT_INK,
    };
    let rise = CAP_HEIGHT * CAPTION_SIZE;
    let title_limit = (canvas_width - 2 * MARGIN) as f32;
    let mut drawn = vec![Label {
        text: text::shorten(title, TITLE_SIZE, title_limit)?,
        x: MARGIN as f32,
        baseline: MARGIN as f32 + CAP_HEIGHT * TITLE_SIZE,
        anchor: Anchor::Start,
        size: TITLE_SIZE,
        color: INK,
    }];
    let beside = (left - TICK - GAP / 2) as f32;
    let name_line = (top - GAP) as f32;
    drawn.push(caption(down.name.clone(), beside, name_line, Anchor::End));
    let step = every(line + 2, tile.0);
    for (place, label) in right_of.into_iter().enumerate().step_by(step) {
        // The first value stands at the bottom.
        let middle = top + (rows - 1 - place) * tile.0 + tile.0 / 2;
        tick(&mut canvas, (left - TICK, middle), (TICK - 1, 1));
        drawn.push(caption(
            label,
            beside,
            middle as f32 + rise / 2.0,
            Anchor::End,
        ));
    }
    let bottom = top + height;
    let under = (bottom + TICK + GAP / 2) as f32 + rise;
    let step = every(widest(&above)? + BETWEEN, tile.1);
    for (place, label) in above.into_iter().enumerate().step_by(step) {
        let middle = left + place * tile.1 + tile.1 / 2;
        tick(&mut canvas, (middle, bottom + 1), (1, TICK - 1));
        drawn.push(caption(label, middle as f32, under, Anchor::Middle));
    }
    let middle = left as f32 + width as f32 / 2.0;
    let under_labels = under + (line + GAP / 2) as f32;
    drawn.push(caption(
        across.name.clone(),
        middle,
        under_labels,
        Anchor::Middle,
    ));
    text::draw(&mut canvas, &drawn)?;
    Ok(canvas)
}

fn tick(canvas: &mut RgbImage, place: (usize, usize), size: (usize, usize)) {
    super::tile::fill(canvas, place, size, SOFT_INK);
}

/// Every how many tiles there is room for a label.
fn every(room: usize, tile: usize) -> usize {
    room.div_ceil(tile.max(1)).max(1)
}

fn name_width(name: &str) -> Result<usize> {
    Ok(text::width(name, CAPTION_SIZE)?.ceil() as usize)
}

fn widest(labels: &[String]) -> Result<usize> {
    let mut most = 0;
    for label in labels {
        most = most.max(name_width(label)?);
    }
    Ok(most)
}

/// The values with as many decimals as tell neighbours apart.
fn labels(values: &[f64]) -> Vec<String> {
    let steps = values.windows(2).filter_map(|pair| match pair {
        [low, high] => Some((high - low).abs()),
        _ => None,
    });
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
