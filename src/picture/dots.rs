//! The dots of a scatter chart and the names on them.

use super::font::{shorten, width};
use super::ink::median;
use super::palette::{INK, palette};
use super::series::Series;
use super::svg::{Point, Svg, TextStyle};

const NAME: TextStyle = TextStyle::new(17.0, INK);
/// The longest name, as a share of the plane's width.
const LONGEST: f32 = 0.4;
/// Groups are drawn in this number of turns, so that the last does not hide the others.
const TURNS: usize = 24;

/// Draws groups of dots, smaller and fainter ones where there are many. `side` is that of the plane.
pub(super) fn draw_dots(svg: &mut Svg, groups: &[Vec<Point>], side: f32) {
    let count: usize = groups.iter().map(Vec::len).sum();
    let (diameter, opacity) = match count {
        0..=400 => (6.0, 0.75),
        401..=3000 => (4.5, 0.6),
        _ => (3.5, 0.5),
    };
    let diameter = diameter * (side / 520.0).sqrt();
    for turn in 0..TURNS {
        for (points, color) in groups.iter().zip(palette(groups.len())) {
            let end = |turn: usize| points.len() * turn / TURNS;
            if let Some(points @ [_, ..]) = points.get(end(turn)..end(turn + 1)) {
                svg.dots(points, diameter, color, opacity);
            }
        }
    }
}

/// A name and the middle of its place.
struct Name {
    text: String,
    x: f32,
    y: f32,
    width: f32,
}

/// Draws each group's name at the median of its dots, moved up or down where names would overlap, but not
/// out of the plane from `left` to `right` and from `top` to `bottom`.
pub(super) fn draw_names(
    svg: &mut Svg,
    series: &[Series],
    groups: &[Vec<Point>],
    ((left, right), (top, bottom)): ((f32, f32), (f32, f32)),
) {
    let longest = LONGEST * (right - left);
    let groups = series.iter().zip(groups);
    let mut names: Vec<Name> = groups
        .filter(|(_, dots)| !dots.is_empty())
        .map(|(one, dots)| {
            let text = shorten(&one.name, NAME.size, longest);
            let width = width(&text, NAME.size) + 4.0;
            let x = median(dots.iter().map(|dot| dot.0).collect());
            Name {
                x: x.clamp(left + 0.5 * width, right - 0.5 * width),
                y: median(dots.iter().map(|dot| dot.1).collect()),
                text,
                width,
            }
        })
        .collect();
    // After a few rounds of pushing pairs apart, up and down, what can be settled is settled.
    for _ in 0..40 {
        for one in 0..names.len() {
            let (before, from) = names.split_at_mut(one);
            let Some(name) = from.first_mut() else {
                continue;
            };
            for other in before {
                let overlap = NAME.size - (name.y - other.y).abs();
                let touch = 0.5 * (name.width + other.width);
                if (name.x - other.x).abs() < touch && overlap > 0.0 {
                    let push = if name.y >= other.y { 0.5 } else { -0.5 } * overlap;
                    name.y += push;
                    other.y -= push;
                }
            }
        }
        let half = 0.5 * NAME.size;
        for name in &mut names {
            name.y = name.y.clamp(top + half, bottom - half);
        }
    }
    for name in names {
        svg.rimmed((name.x, name.y), &name.text, NAME);
    }
}
