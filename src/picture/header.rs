//! The title of a chart, and the legend below it.

use super::font::{shorten, width};
use super::frame::{MARGIN, TEXT, TITLE};
use super::palette::lines;
use super::series::Series;
use super::svg::{Anchor, Paint, Svg};

/// What a legend shows before a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Line,
    Dot,
}

/// Height of a row of names, and pixels of a mark, after it, after a name, and for the count at the end.
const ROW: f32 = 20.0;
const MARK: f32 = 22.0;
const DOT: f32 = 10.0;
const AFTER_MARK: f32 = 7.0;
const AFTER_NAME: f32 = 22.0;
const COUNT: f32 = 100.0;

/// Draws a title and the names of series in rows on a drawing of `all` pixels across; returns where they end.
/// Names that have no room above `lowest` are only counted: with dozens of series, the plane needs the room
/// more.
pub(super) fn draw_header(
    svg: &mut Svg,
    title: &str,
    series: &[Series],
    mark: Mark,
    all: f32,
    lowest: f32,
) -> f32 {
    let (left, right) = (MARGIN, all - MARGIN);
    let mut y = MARGIN;
    if !title.is_empty() {
        let middle = y + 0.5 * TITLE.cap_height();
        svg.fitted((left, middle), Anchor::Start, title, TITLE, right - left);
        y += 26.0;
    }
    let named = series.iter().zip(lines(series.len()));
    let named = named.filter(|(one, _)| !one.name.is_empty());
    let mut rest = named.clone().count();
    if rest == 0 {
        return y;
    }
    let mut x = left;
    y += 0.5 * ROW;
    let mark_width = if mark == Mark::Line { MARK } else { DOT };
    for (one, line) in named {
        let name = shorten(&one.name, TEXT.size, 0.6 * right);
        let length = mark_width + AFTER_MARK + width(&name, TEXT.size);
        let is_last_row = y + 1.5 * ROW > lowest;
        let spare = if is_last_row && rest > 1 { COUNT } else { 0.0 };
        if x > left && x + length + spare > right {
            if is_last_row {
                svg.text((x, y), Anchor::Start, &format!("… {rest} more"), TEXT);
                break;
            }
            (x, y) = (left, y + ROW);
        }
        let end = x + mark_width;
        match mark {
            Mark::Line => svg.dashed(&[(x, y), (end, y)], line, 3.0),
            Mark::Dot => svg.circle((x + 0.5 * DOT, y), 0.5 * DOT, Paint::filled(line.0)),
        }
        svg.text((end + AFTER_MARK, y), Anchor::Start, &name, TEXT);
        x += length + AFTER_NAME;
        rest -= 1;
    }
    y + 0.5 * ROW
}
