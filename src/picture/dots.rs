//! The dots of a scatter chart and the names on them, as SVG elements.

use std::fmt::Write as _;

use plotters::style::RGBColor;

use super::palette::palette;
use super::plot::{Drawn, INK, UNIT, finite};
use super::text::{self, CAP_HEIGHT, FAMILY};

const NAME_SIZE: f32 = 17.0 * UNIT as f32;
/// Groups are drawn in so many turns, so that the last does not hide the others.
const TURNS: usize = 24;

/// Dots as strokes of no length with round ends: a tenth of the size of as many circles.
pub(super) fn draw_dots(groups: &[Vec<(i32, i32)>], side: i32, above: &mut String) {
    let count: usize = groups.iter().map(Vec::len).sum();
    let (diameter, opacity) = match count {
        0..=400 => (6.0, 0.75),
        401..=3000 => (4.5, 0.6),
        _ => (3.5, 0.5),
    };
    // Small charts have smaller dots.
    let share = (f64::from(side) / 520.0).sqrt();
    let diameter = (diameter * share * f64::from(UNIT)) as i32;
    for turn in 0..TURNS {
        for (points, color) in groups.iter().zip(palette(groups.len())) {
            let end = |turn: usize| points.len() * turn / TURNS;
            let Some(points) = points.get(end(turn)..end(turn + 1)) else {
                continue;
            };
            if points.is_empty() {
                continue;
            }
            let RGBColor(r, g, b) = color;
            // Writing to a string cannot fail, here and below.
            let _ = write!(
                above,
                r#"<path fill="none" stroke="rgb({r},{g},{b})" stroke-opacity="{opacity}" stroke-width="{diameter}" stroke-linecap="round" d=""#
            );
            for (x, y) in points {
                let _ = write!(above, "M{x} {y}h0");
            }
            above.push_str("\"/>\n");
        }
    }
}

/// The middle one of the finite points' values.
pub(super) fn median(points: &[(f64, f64)], of: fn(&(f64, f64)) -> f64) -> Option<f64> {
    let mut values: Vec<f64> = points.iter().filter(finite).map(of).collect();
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let (_, value, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    Some(*value)
}

/// Names with a white rim, moved apart where they would lie on each other.
pub(super) fn draw_names(names: Vec<(&str, (i32, i32))>, above: &mut String) -> Drawn {
    let mut placed = Vec::new();
    for (name, (x, y)) in names {
        let width = text::width(name, NAME_SIZE)? + 4.0 * UNIT as f32;
        placed.push((name, f64::from(x), f64::from(y), f64::from(width)));
    }
    let height = f64::from(NAME_SIZE);
    // A few rounds of pushing pairs apart, up and down, settle what can be settled.
    for _ in 0..40 {
        for one in 0..placed.len() {
            let (before, from) = placed.split_at_mut(one);
            let Some((_, x, y, width)) = from.first_mut() else {
                continue;
            };
            for (_, other_x, other_y, other_width) in before {
                let overlap = height - (*y - *other_y).abs();
                if (*x - *other_x).abs() < 0.5 * (*width + *other_width) && overlap > 0.0 {
                    let push = if *y >= *other_y { 0.5 } else { -0.5 } * overlap;
                    *y += push;
                    *other_y -= push;
                }
            }
        }
    }
    let RGBColor(r, g, b) = INK;
    for (name, x, y, _) in placed {
        let baseline = y + 0.5 * f64::from(CAP_HEIGHT * NAME_SIZE);
        let _ = writeln!(
            above,
            r#"<text x="{x:.0}" y="{baseline:.0}" text-anchor="middle" font-family="{FAMILY}" font-size="{NAME_SIZE}" fill="rgb({r},{g},{b})" stroke="white" stroke-width="{}" stroke-linejoin="round" paint-order="stroke">{}</text>"#,
            4 * UNIT,
            text::escape(name),
        );
    }
    Ok(())
}
