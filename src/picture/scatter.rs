//! Points in groups, in one chart or a few side by side.

use super::axis::{Axis, range};
use super::chart::Chart;
use super::dots::{draw_dots, draw_names};
use super::frame::{Frame, MARGIN, NOTE, TEXT, TITLE};
use super::legend;
use super::series::{Panel, Series, drawable};
use super::svg::{Anchor, Point, Svg};
use crate::number::grouped;
use crate::{Error, Result};

/// How points are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScatterOptions {
    /// A step along x is as long as one along y.
    pub equal_scale: bool,
    /// Each group's name stands at the median of its points.
    pub names_at_medians: bool,
}

/// Pixels a side of the square that holds the points: of a single chart, and of one among several.
const SIDE: f32 = 520.0;
const PANEL_SIDE: f32 = 330.0;
/// Pixels around it; to the left more, if labels are wide.
const LEFT: f32 = 82.0;
const RIGHT: f32 = 22.0;
const ABOVE: f32 = 48.0;
const BELOW: f32 = 78.0;

/// More panels would not be looked at.
const MOST_PANELS: usize = 12;
/// Points drawn in a panel; more would only make the file larger.
const MOST_POINTS: usize = 20_000;

/// Draws charts of dots side by side under one title, each with its own axes. A single one is larger.
///
/// Up to seven groups have the colours of curves, up to [`COLORS`](super::COLORS) ten others; from there on
/// colours repeat. If a panel has more than 20,000 points, every second, third, ... is drawn, and the chart
/// says so.
///
/// # Errors
/// If there is no panel, or more than twelve.
pub fn scatter(title: &str, panels: &[Panel], options: ScatterOptions) -> Result<Chart> {
    let (first, side) = match panels {
        [one] => (one, SIDE),
        [first, ..] if panels.len() <= MOST_PANELS => (first, PANEL_SIDE),
        _ => {
            let expected = format!("1 to {MOST_PANELS} of them");
            return Err(Error::argument("panels", expected, panels.len()));
        }
    };
    let axes: Vec<(Axis, Axis)> = panels
        .iter()
        .map(|panel| axes(&panel.series, options.equal_scale, side))
        .collect();
    let room = |(panel, (_, y)): (&Panel, &(Axis, Axis))| {
        MARGIN + Frame::room_left(y, &panel.y_label, TEXT)
    };
    let left = panels.iter().zip(&axes).map(room).fold(LEFT, f32::max);
    let pitch = (left + side + RIGHT).ceil();
    let titled = panels.iter().any(|panel| !panel.title.is_empty());
    let captioned = panels.iter().any(|panel| !panel.caption.is_empty());
    let top = ABOVE + if titled { 28.0 } else { 0.0 } + if captioned { 18.0 } else { 0.0 };
    let legend = legend::Column::new(&first.series, side);
    let charts = panels.len() as f32 * pitch;
    let width = charts + legend.width;

    let mut svg = Svg::default();
    let at = (MARGIN, MARGIN + 0.5 * TITLE.cap_height());
    svg.fitted(at, Anchor::Start, title, TITLE, width - 2.0 * MARGIN);
    for (place, (panel, (x, y))) in panels.iter().zip(axes).enumerate() {
        let frame = Frame {
            left: left + place as f32 * pitch,
            top,
            width: side,
            height: side,
            x,
            y,
            style: TEXT,
        };
        draw(&mut svg, &frame, panel, options);
    }
    legend.draw(&mut svg, (charts, top));
    Ok(svg.finish((width, top + side + BELOW)))
}

/// The axes, longer than the ranges of the points so that none lies on the frame.
fn axes(series: &[Series], equal_scale: bool, side: f32) -> (Axis, Axis) {
    let points = drawable(series);
    let ends = [
        range(points.clone().map(|p| p.0)),
        range(points.map(|p| p.1)),
    ];
    let ends = ends.map(|ends| match ends {
        Some((low, high)) if low < high => (low, high),
        Some((one, _)) => (one - 1.0, one + 1.0),
        None => (-1.0, 1.0),
    });
    let longest = ends.map(|(low, high)| high - low);
    let longest = longest.into_iter().fold(0.0, f64::max);
    let [x, y] = ends.map(|(low, high)| {
        let length = if equal_scale { longest } else { high - low };
        let middle = low + 0.5 * (high - low);
        let about = (side / 52.0) as usize;
        Axis::between(middle - 0.54 * length, middle + 0.54 * length, about)
    });
    (x, y)
}

fn draw(svg: &mut Svg, frame: &Frame, panel: &Panel, options: ScatterOptions) {
    frame.draw(svg, panel);
    let all: usize = panel.series.iter().map(|group| group.points.len()).sum();
    let every = all.div_ceil(MOST_POINTS).max(1);
    let groups: Vec<Vec<Point>> = panel
        .series
        .iter()
        .map(|group| group.points.iter().step_by(every))
        .map(|points| points.filter_map(|point| frame.place(*point)).collect())
        .collect();
    draw_dots(svg, &groups, frame.width);
    if every > 1 {
        let ordinal = match every {
            2 => "2nd".to_string(),
            3 => "3rd".to_string(),
            n => format!("{n}th"),
        };
        let note = format!("every {ordinal} of the {} points is drawn", grouped(all));
        let below = frame.top + frame.height + BELOW - MARGIN;
        svg.text((frame.left, below), Anchor::Start, &note, NOTE);
    }
    if options.names_at_medians {
        draw_names(svg, frame, &panel.series);
    }
}
