//! Lines, in one chart or in many small ones.

use super::axis::{Axis, Scale};
use super::chart::Chart;
use super::frame::{Frame, Room, TEXT};
use super::header::{Mark, draw_header};
use super::series::{Panel, Series, drawable, first};
use super::svg::{Svg, TextStyle};
use crate::Result;

/// Pixels of a single chart, and of what a long legend leaves to the plane at least: then the chart is higher.
const SIZE: (f32, f32) = (760.0, 460.0);
const PLANE: f32 = SIZE.1 - SIZE.1 / 3.0;

/// Pixels of a panel, and of the legend above all.
const PANEL: (f32, f32) = (320.0, 224.0);
const HEAD: f32 = 40.0;
const PANEL_TEXT: TextStyle = TextStyle::new(10.5, TEXT.color);
/// More panels would not be looked at.
const MOST: usize = 200;

/// Draws lines over whole numbers such as epochs (or over any numbers, if some `x` is not whole). On a
/// logarithmic y axis, points that are not positive interrupt their line. From the eleventh on, lines are dashed;
/// colours and dashes repeat from the forty-first on.
pub fn curves(title: &str, x_label: &str, y_label: &str, series: &[Series], y: Scale) -> Chart {
    let mut svg = Svg::default();
    let width = SIZE.0;
    let top = draw_header(&mut svg, title, series, Mark::Line, width, f32::INFINITY);
    let height = SIZE.1.max((top + PLANE).ceil());
    let points = drawable(series);
    let xs = points.clone().map(|p| p.0);
    let x = match xs.clone().all(|x| x.fract() == 0.0) {
        true => Axis::counted(xs, 12),
        false => Axis::around(xs, 8),
    };
    let ys = points.map(|p| p.1);
    let y = match y {
        Scale::Linear => Axis::around(ys, 6),
        Scale::Logarithmic => Axis::logarithmic(ys, 6),
    };
    let panel = Panel {
        x_label: x_label.to_string(),
        y_label: y_label.to_string(),
        ..Panel::default()
    };
    let axes = (x, y);
    let room = Room::around([(&panel, &axes)], TEXT);
    let frame = Frame::new((0.0, top), (width, height - top), room, axes, TEXT);
    frame.draw(&mut svg, &panel);
    frame.draw_lines(&mut svg, series);
    svg.finish((width, height))
}

/// Draws panels, `columns` in a row, all over the same x. Lines are cut off where they are further from 0
/// than `limit`.
///
/// # Errors
/// If there is no panel, or more than 200.
pub fn panels(panels: &[Panel], columns: usize, limit: f64) -> Result<Chart> {
    let first = first(panels, MOST)?;
    let columns = columns.clamp(1, panels.len());
    let rows = panels.len().div_ceil(columns);
    let size = (columns as f32 * PANEL.0, rows as f32 * PANEL.1 + HEAD);
    let mut svg = Svg::default();
    draw_header(&mut svg, "", &first.series, Mark::Line, size.0, HEAD);

    let xs = panels.iter().flat_map(|panel| drawable(&panel.series));
    let x = Axis::around(xs.map(|p| p.0), 6);
    let ys = panels.iter().map(|panel| drawable(&panel.series));
    let ys = ys.map(|points| points.map(|p| p.1).filter(|y| y.abs() <= limit));
    let axes: Vec<(Axis, Axis)> = ys.map(|ys| (x.clone(), Axis::around(ys, 4))).collect();
    let room = Room::around(panels.iter().zip(&axes), PANEL_TEXT);
    for (place, (panel, axes)) in panels.iter().zip(axes).enumerate() {
        let left = (place % columns) as f32 * PANEL.0;
        let top = (place / columns) as f32 * PANEL.1 + HEAD;
        let frame = Frame::new((left, top), PANEL, room, axes, PANEL_TEXT);
        frame.draw(&mut svg, panel);
        frame.draw_zeros(&mut svg);
        frame.draw_lines(&mut svg, &panel.series);
    }
    Ok(svg.finish(size))
}
