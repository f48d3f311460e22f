//! Many small charts of lines in one drawing.

use super::axis::Axis;
use super::chart::Chart;
use super::frame::{Frame, MARGIN, TEXT};
use super::legend;
use super::series::{Panel, drawable};
use super::svg::{Svg, TextStyle};
use crate::{Error, Result};

/// Pixels of a panel, of the legend above all, and of the title and caption above a plane.
const WIDTH: f32 = 320.0;
const HEIGHT: f32 = 224.0;
const HEAD: f32 = 40.0;
const TITLES: f32 = 44.0;
const STYLE: TextStyle = TextStyle::new(10.5, TEXT.color);
/// More would not be looked at.
const MOST: usize = 200;

/// Draws panels, `columns` in a row, all over the same x. Lines are cut off where they are further from 0
/// than `limit`.
///
/// # Errors
/// If there is no panel, or more than 200.
pub fn panels(panels: &[Panel], columns: usize, limit: f64) -> Result<Chart> {
    let first = match panels {
        [first, ..] if panels.len() <= MOST => first,
        _ => {
            let expected = format!("1 to {MOST} of them");
            return Err(Error::argument("panels", expected, panels.len()));
        }
    };
    let columns = columns.clamp(1, panels.len());
    let rows = panels.len().div_ceil(columns);
    let size = (columns as f32 * WIDTH, rows as f32 * HEIGHT + HEAD);
    let mut svg = Svg::default();
    legend::draw_rows(
        &mut svg,
        &first.series,
        (MARGIN, size.0 - MARGIN),
        12.0,
        HEAD,
    );

    let xs = panels.iter().flat_map(|panel| drawable(&panel.series));
    let x = Axis::around(xs.map(|p| p.0), 6);
    let ys: Vec<Axis> = panels
        .iter()
        .map(|panel| drawable(&panel.series).map(|p| p.1))
        .map(|ys| Axis::around(ys.filter(|y| y.abs() <= limit), 4))
        .collect();
    let room = |(panel, y): (&Panel, &Axis)| Frame::room_left(y, &panel.y_label, STYLE);
    let left = panels.iter().zip(&ys).map(room).fold(40.0, f32::max);
    let below = panels
        .iter()
        .map(|panel| Frame::room_below(&panel.x_label, STYLE));
    let below = below.fold(0.0, f32::max) + 14.0;
    for (place, (panel, y)) in panels.iter().zip(ys).enumerate() {
        let frame = Frame {
            left: (place % columns) as f32 * WIDTH + MARGIN + left,
            top: (place / columns) as f32 * HEIGHT + HEAD + TITLES,
            width: WIDTH - left - 2.0 * MARGIN,
            height: HEIGHT - TITLES - below,
            x: x.clone(),
            y,
            style: STYLE,
        };
        frame.draw(&mut svg, panel);
        frame.draw_zeros(&mut svg);
        frame.draw_lines(&mut svg, &panel.series);
    }
    Ok(svg.finish(size))
}
