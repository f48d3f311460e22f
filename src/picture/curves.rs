//! One chart of lines.

use super::axis::{Axis, Scale};
use super::chart::Chart;
use super::frame::{Frame, MARGIN, TEXT, TITLE};
use super::legend;
use super::series::{Panel, Series, drawable};
use super::svg::{Anchor, Svg};

/// Pixels.
const WIDTH: f32 = 760.0;
const HEIGHT: f32 = 460.0;
const RIGHT: f32 = WIDTH - MARGIN;

/// Draws lines over whole numbers such as epochs (or over any numbers, if some `x` is not whole). On a
/// logarithmic y axis, points that are not positive interrupt their line.
pub fn curves(title: &str, x_label: &str, y_label: &str, series: &[Series], y: Scale) -> Chart {
    let mut svg = Svg::default();
    let mut top = MARGIN;
    if !title.is_empty() {
        let middle = top + 0.5 * TITLE.cap_height();
        svg.fitted(
            (MARGIN, middle),
            Anchor::Start,
            title,
            TITLE,
            RIGHT - MARGIN,
        );
        top += 26.0;
    }
    top = legend::draw_rows(&mut svg, series, (MARGIN, RIGHT), top, HEIGHT / 3.0) + 12.0;

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
    let left = MARGIN + Frame::room_left(&y, y_label, TEXT);
    let frame = Frame {
        left,
        top,
        width: RIGHT - 8.0 - left,
        height: HEIGHT - MARGIN - Frame::room_below(x_label, TEXT) - top,
        x,
        y,
        style: TEXT,
    };
    let labels = Panel {
        x_label: x_label.to_string(),
        y_label: y_label.to_string(),
        ..Panel::default()
    };
    frame.draw(&mut svg, &labels);
    frame.draw_lines(&mut svg, series);
    svg.finish((WIDTH, HEIGHT))
}
