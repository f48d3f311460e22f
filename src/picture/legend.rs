//! Legends: the names of series beside their colours.

use super::font::{shorten, width};
use super::frame::TEXT;
use super::palette::{Color, palette};
use super::series::Series;
use super::svg::{Anchor, Paint, Point, Svg};

/// From line to line.
const LINE: f32 = 20.0;
const COLUMN_LINE: f32 = 22.0;

/// Draws names in rows between `left` and `right`, from `top` down; returns where they end. Names that have
/// no room above `lowest` are counted: with dozens of curves, the plane needs the room more.
pub(super) fn draw_rows(
    svg: &mut Svg,
    series: &[Series],
    (left, right): (f32, f32),
    top: f32,
    lowest: f32,
) -> f32 {
    const SAMPLE: f32 = 22.0;
    const AFTER_SAMPLE: f32 = 7.0;
    const AFTER_NAME: f32 = 22.0;
    const COUNT: f32 = 100.0;
    let entries = named(series);
    if entries.is_empty() {
        return top;
    }
    let (mut x, mut y) = (left, top + 0.5 * LINE);
    let mut rest = entries.len();
    for (name, color) in entries {
        let name = shorten(name, TEXT.size, 0.6 * right);
        let length = SAMPLE + AFTER_SAMPLE + width(&name, TEXT.size);
        let is_last_row = y + 1.5 * LINE > lowest;
        let spare = if is_last_row && rest > 1 { COUNT } else { 0.0 };
        if x > left && x + length + spare > right {
            if is_last_row {
                svg.text((x, y), Anchor::Start, &more(rest), TEXT);
                break;
            }
            (x, y) = (left, y + LINE);
        }
        svg.path(&[(x, y), (x + SAMPLE, y)], color, 3.0);
        let beside = (x + SAMPLE + AFTER_SAMPLE, y);
        svg.text(beside, Anchor::Start, &name, TEXT);
        x += length + AFTER_NAME;
        rest -= 1;
    }
    y + 0.5 * LINE
}

/// Names below each other with a dot before each.
pub(super) struct Column {
    entries: Vec<(String, Option<Color>)>,
    /// Pixels; 0 without names.
    pub width: f32,
}

impl Column {
    const DOT: f32 = 22.0;

    /// A column of at most `height` pixels.
    pub fn new(series: &[Series], height: f32) -> Self {
        const LIMIT: f32 = 180.0;
        let named = named(series);
        let room = (height / COLUMN_LINE) as usize;
        let shown = if named.len() > room { room - 1 } else { room };
        let mut entries: Vec<(String, Option<Color>)> = named
            .iter()
            .take(shown)
            .map(|(name, color)| (shorten(name, TEXT.size, LIMIT), Some(*color)))
            .collect();
        if named.len() > shown {
            entries.push((more(named.len() - shown), None));
        }
        let widths = entries.iter().map(|(name, _)| width(name, TEXT.size));
        let width = match entries.is_empty() {
            true => 0.0,
            false => widths.fold(0.0, f32::max).ceil() + Self::DOT + 16.0,
        };
        Self { entries, width }
    }

    /// Draws it; `(left, top)` is its corner.
    pub fn draw(&self, svg: &mut Svg, (left, top): Point) {
        let mut y = top + 10.0;
        for (name, color) in &self.entries {
            if let Some(color) = color {
                svg.circle((left + 6.0, y), 5.0, Paint::filled(*color));
            }
            svg.text((left + Self::DOT, y), Anchor::Start, name, TEXT);
            y += COLUMN_LINE;
        }
    }
}

/// The series that have a name, with their colours.
fn named(series: &[Series]) -> Vec<(&str, Color)> {
    let named = series.iter().map(|one| one.name.as_str());
    let named = named.zip(palette(series.len()));
    named.filter(|(name, _)| !name.is_empty()).collect()
}

fn more(count: usize) -> String {
    format!("… {count} more")
}
