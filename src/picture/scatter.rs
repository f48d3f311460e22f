//! Points in groups, in one chart or a few side by side.

use super::axis::{Axis, range};
use super::chart::Chart;
use super::dots::{draw_dots, draw_names};
use super::frame::{Frame, Room, TEXT};
use super::header::{Mark, draw_header};
use super::series::{Panel, Series, drawable, first};
use super::svg::{Point, Svg};
use crate::Result;
use crate::number::grouped;

/// How points are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScatterOptions {
    /// A step along x is as long as one along y.
    pub equal_scale: bool,
    /// Each group's name stands at the median of its points; with more than 30 groups none does, as names would
    /// hide the points.
    pub names_at_medians: bool,
}

/// Pixels a side of the square that holds the points: of a single chart, and of one among several.
const SIDE: f32 = 520.0;
const PANEL_SIDE: f32 = 330.0;
/// More panels would not be looked at.
const MOST_PANELS: usize = 12;
/// Names among the points.
const MOST_NAMES: usize = 30;
/// Points drawn in a panel; more would only make the file larger.
const MOST_POINTS: usize = 20_000;

/// Draws charts of dots side by side under one title, each with its own axes. A single one is larger.
///
/// Up to seven groups have the colours of curves, up to ten have ten others; from there on
/// colours repeat. If a panel has more than 20,000 points, every second, third, ... is drawn, and the chart
/// says so.
///
/// # Errors
/// If there is no panel, or more than twelve.
pub fn scatter(title: &str, panels: &[Panel], options: ScatterOptions) -> Result<Chart> {
    let first = first(panels, MOST_PANELS)?;
    let side = if panels.len() == 1 { SIDE } else { PANEL_SIDE };
    let panels: Vec<Panel> = panels.iter().map(thinned).collect();
    let axes = |panel: &Panel| axes(&panel.series, options.equal_scale, side);
    let axes: Vec<(Axis, Axis)> = panels.iter().map(axes).collect();
    let room = Room::around(panels.iter().zip(&axes), TEXT);
    let (across, down) = (room.left + room.right, room.above + room.below);
    let cell = (side + across, side + down);
    let width = panels.len() as f32 * cell.0;
    let mut svg = Svg::default();
    let top = draw_header(&mut svg, title, &first.series, Mark::Dot, width, 0.5 * side);
    for (place, (panel, axes)) in panels.iter().zip(axes).enumerate() {
        let corner = (place as f32 * cell.0, top);
        let frame = Frame::new(corner, cell, room, axes, TEXT);
        frame.draw(&mut svg, panel);
        let points = panel.series.iter().map(|group| group.points.iter());
        let groups: Vec<Vec<Point>> = points
            .map(|points| points.filter_map(|point| frame.place(*point)).collect())
            .collect();
        draw_dots(&mut svg, &groups, side);
        if options.names_at_medians && groups.len() <= MOST_NAMES {
            let across = (frame.left, frame.left + frame.width);
            let plane = (across, (frame.top, frame.top + side));
            draw_names(&mut svg, &panel.series, &groups, plane);
        }
    }
    Ok(svg.finish((width, top + cell.1)))
}

/// The panel with at most 20,000 points, and a note if it had more.
fn thinned(panel: &Panel) -> Panel {
    let mut panel = panel.clone();
    let all: usize = panel.series.iter().map(|group| group.points.len()).sum();
    let ordinal = match all.div_ceil(MOST_POINTS) {
        0 | 1 => return panel,
        2 => "2nd".to_string(),
        3 => "3rd".to_string(),
        n => format!("{n}th"),
    };
    for group in &mut panel.series {
        let points = group.points.iter().step_by(all.div_ceil(MOST_POINTS));
        group.points = points.copied().collect();
    }
    if !panel.caption.is_empty() {
        panel.caption.push_str("; ");
    }
    let note = format!("every {ordinal} of the {} points is drawn", grouped(all));
    panel.caption.push_str(&note);
    panel
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
    let [across, down] = ends.map(|(low, high)| high - low);
    let [x, y] = ends.map(|(low, high)| {
        let length = match equal_scale {
            true => across.max(down),
            false => high - low,
        };
        let middle = low + 0.5 * (high - low);
        let about = (side / 52.0) as usize;
        Axis::between(middle - 0.54 * length, middle + 0.54 * length, about)
    });
    (x, y)
}
