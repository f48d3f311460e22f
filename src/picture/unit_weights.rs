//! The weights between two columns of units: lines with their values.

use super::font::width;
use super::palette::{BLUE, Color, VERMILLION, WHITE};
use super::svg::{Anchor, Paint, Point, Svg, TextStyle};

/// With at most this many weights between two columns, each weight is written on its line.
pub(super) const MAX_VALUES: usize = 16;
const VALUE_SIZE: f32 = 12.0;
/// Height of the white patch under a weight's value.
const VALUE: f32 = 16.0;
/// Widths of the line of a weight of 0 and of the largest.
const THIN: f32 = 0.6;
const THICK: f32 = 6.0;

/// Draws a line for each weight, as wide as its share of the largest, with its value where there are few.
/// `weights` has a row for each place in `to`, with a value for each in `from`.
pub(super) fn draw_weights(
    svg: &mut Svg,
    weights: &[Vec<f32>],
    from: &[Point],
    to: &[Point],
    largest: f32,
) {
    let (mut lines, mut drawn) = (Vec::new(), Vec::new());
    for (row, &end) in weights.iter().zip(to) {
        for (&weight, &start) in row.iter().zip(from) {
            let share = match weight.abs() / largest {
                share if share.is_finite() => share,
                _ => 0.0,
            };
            svg.line(start, end, color(weight), THIN + (THICK - THIN) * share);
            lines.push((start, end));
            drawn.push(weight);
        }
    }
    if drawn.len() > MAX_VALUES {
        return;
    }
    let values: Vec<String> = drawn.iter().map(|weight| value(*weight)).collect();
    let widths: Vec<f32> = values.iter().map(|text| width(text, VALUE_SIZE)).collect();
    let centres = spread(&lines, &widths);
    let places = values.iter().zip(widths).zip(centres);
    for (((value, width), (x, y)), weight) in places.zip(drawn) {
        let corner = (x - 0.5 * width - 3.0, y - 0.5 * VALUE);
        svg.rect(corner, (width + 6.0, VALUE), Paint::filled(WHITE));
        let style = TextStyle::new(VALUE_SIZE, color(weight).darker());
        svg.text((x, y), Anchor::Middle, value, style);
    }
}

/// A place for each line's value: on the line, off the other values and away from other lines.
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
            let others = || {
                let all = lines.iter().zip(widths).zip(&chosen).enumerate();
                all.filter(|(other, _)| *other != own)
            };
            let cost = |point: Point| {
                let near_values: f32 = others()
                    .map(|(_, ((_, other_width), other))| {
                        let across = 0.5 * (width + other_width) + 6.0 - (point.0 - other.0).abs();
                        let down = HEIGHT - (point.1 - other.1).abs();
                        across.max(0.0) * down.max(0.0)
                    })
                    .sum();
                let near_lines: f32 = others()
                    .map(|(_, (((from, to), _), _))| {
                        let rise = (to.1 - from.1) / (to.0 - from.0).max(1.0);
                        let distance = (from.1 + rise * (point.0 - from.0) - point.1).abs();
                        // A steep line crosses half the value's width, too.
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

fn color(weight: f32) -> Color {
    if weight < 0.0 { VERMILLION } else { BLUE }
}

/// A number in about five characters.
pub(super) fn value(number: f32) -> String {
    match number.abs() {
        size if size < 9.995 => format!("{number:.2}"),
        size if size < 99.95 => format!("{number:.1}"),
        size if size < 9999.5 => format!("{number:.0}"),
        _ => format!("{number:.0e}"),
    }
}
