//! The weights between two columns of units: lines with their values.

use plotters::style::RGBColor;

use super::network::line;
use super::palette::{BLUE, VERMILLION};
use super::svg::{Line, Paint, Svg};
use super::text;
use super::units::UnitColumn;
use crate::Result;

/// Between two columns with at most so many weights, each weight is written on its line.
pub(super) const MAX_VALUES: usize = 16;
const VALUE_SIZE: f32 = 12.0;
/// Height of the white patch under a weight's value.
const VALUE: f32 = 16.0;
/// Widths of the line of a weight of 0 and of the largest.
const THIN: f32 = 0.6;
const THICK: f32 = 6.0;
const PATCH: Paint = Paint {
    fill: RGBColor(255, 255, 255),
    stroke: RGBColor(255, 255, 255),
    width: 0.0,
};

pub(super) type Point = (f32, f32);

/// A line each weight, and its value on it where there are few.
pub(super) fn draw_weights(
    svg: &mut Svg,
    column: &UnitColumn,
    from: &[Point],
    to: &[Point],
    largest: f32,
) -> Result<()> {
    let mut edges = Vec::new();
    for (row, &end) in column.weights.iter().zip(to) {
        for (&weight, &start) in row.iter().zip(from) {
            let share = match weight.abs() / largest {
                share if share.is_finite() => share,
                _ => 0.0,
            };
            svg.line(start, end, color(weight), THIN + (THICK - THIN) * share);
            edges.push((weight, start, end));
        }
    }
    if edges.len() > MAX_VALUES {
        return Ok(());
    }
    let lines: Vec<(Point, Point)> = edges.iter().map(|(_, start, end)| (*start, *end)).collect();
    let values: Vec<String> = edges.iter().map(|(weight, ..)| value(*weight)).collect();
    let mut widths = Vec::with_capacity(values.len());
    for value in &values {
        widths.push(text::width(value, VALUE_SIZE)?);
    }
    let centres = spread(&lines, &widths);
    let places = values.iter().zip(widths).zip(centres);
    for (((value, width), (x, y)), (weight, ..)) in places.zip(&edges) {
        let corner = (x - 0.5 * width - 3.0, y - 0.5 * VALUE);
        svg.rect(corner, (width + 6.0, VALUE), PATCH);
        svg.text(Line {
            x,
            anchor: "middle",
            ..line(value, VALUE_SIZE, dark(color(*weight)), y)
        });
    }
    Ok(())
}

/// Where each line's value goes: on the line, off the other values and away from other lines.
fn spread(lines: &[(Point, Point)], widths: &[f32]) -> Vec<Point> {
    const PLACES: usize = 25;
    const HEIGHT: f32 = VALUE + 1.0;
    let at = |(from, to): (Point, Point), share: f32| {
        (
            from.0 + share * (to.0 - from.0),
            from.1 + share * (to.1 - from.1),
        )
    };
    let mut chosen: Vec<Point> = lines.iter().map(|ends| at(*ends, 0.5)).collect();
    // After a few rounds in which each value takes the best place that the others leave, none moves.
    for _ in 0..6 {
        for (own, (ends, width)) in lines.iter().zip(widths).enumerate() {
            let cost = |point: Point| {
                let near_values: f32 = chosen
                    .iter()
                    .zip(widths)
                    .enumerate()
                    .filter(|(other, _)| *other != own)
                    .map(|(_, (other, other_width))| {
                        let across = 0.5 * (width + other_width) + 6.0 - (point.0 - other.0).abs();
                        let down = HEIGHT - (point.1 - other.1).abs();
                        across.max(0.0) * down.max(0.0)
                    })
                    .sum();
                let near_lines: f32 = lines
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != own)
                    .map(|(_, (from, to))| {
                        let rise = (to.1 - from.1) / (to.0 - from.0).max(1.0);
                        let distance = (from.1 + rise * (point.0 - from.0) - point.1).abs();
                        // How far the line rises along half the value counts as well.
                        (0.5 * HEIGHT + 4.0 + 0.5 * width * rise.abs() - distance).max(0.0)
                    })
                    .sum();
                let off_middle = (point.0 - 0.5 * (ends.0.0 + ends.1.0)).abs();
                1000.0 * near_values + near_lines + 0.01 * off_middle
            };
            let shares = (0..PLACES).map(|i| 0.16 + 0.68 * i as f32 / (PLACES - 1) as f32);
            let best = shares
                .map(|share| at(*ends, share))
                .min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
            if let (Some(best), Some(slot)) = (best, chosen.get_mut(own)) {
                *slot = best;
            }
        }
    }
    chosen
}

fn color(weight: f32) -> RGBColor {
    if weight < 0.0 { VERMILLION } else { BLUE }
}

/// A colour in which small text is legible on white.
pub(super) fn dark(color: RGBColor) -> RGBColor {
    let RGBColor(r, g, b) = color;
    let darker = |part: u8| (u16::from(part) * 4 / 5) as u8;
    RGBColor(darker(r), darker(g), darker(b))
}

/// A number in at most five characters or so.
pub(super) fn value(number: f32) -> String {
    match number.abs() {
        size if size < 9.995 => format!("{number:.2}"),
        size if size < 99.95 => format!("{number:.1}"),
        size if size < 9999.5 => format!("{number:.0}"),
        _ => format!("{number:.0e}"),
    }
}
