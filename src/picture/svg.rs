//! Shapes and text of a drawing made by hand, in pixels.

use std::fmt::Write as _;

use plotters::style::RGBColor;

use super::plot::Chart;
use super::text::{self, CAP_HEIGHT, FAMILY};
use crate::Result;

/// How a shape is filled and framed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub fill: RGBColor,
    pub stroke: RGBColor,
    pub width: f32,
}

/// A line of text; y is the middle of its capitals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub text: &'a str,
    pub x: f32,
    pub y: f32,
    pub size: f32,
    pub color: RGBColor,
    /// `start`, `middle` or `end`.
    pub anchor: &'static str,
}

/// A drawing under way.
#[derive(Debug, Default)]
pub(super) struct Svg {
    body: String,
}

fn rgb(color: RGBColor) -> String {
    let RGBColor(r, g, b) = color;
    format!("#{r:02x}{g:02x}{b:02x}")
}

// Writing to a string cannot fail.
impl Svg {
    /// A rectangle with round corners at `(x, y)` of `(width, height)`.
    pub fn rect(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), paint: Paint) {
        let (fill, stroke) = (rgb(paint.fill), rgb(paint.stroke));
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="6" fill="{fill}" stroke="{stroke}" stroke-width="{}"/>"#,
            paint.width
        );
    }

    pub fn circle(&mut self, (x, y): (f32, f32), radius: f32, paint: Paint) {
        let (fill, stroke) = (rgb(paint.fill), rgb(paint.stroke));
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="{}"/>"#,
            paint.width
        );
    }

    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), color: RGBColor, width: f32) {
        let _ = writeln!(
            self.body,
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{}" stroke-width="{width:.2}" stroke-opacity="0.8"/>"#,
            from.0,
            from.1,
            to.0,
            to.1,
            rgb(color)
        );
    }

    /// A line through points with a tip at its end.
    pub fn arrow(&mut self, points: &[(f32, f32)], color: RGBColor) {
        const TIP: f32 = 7.0;
        let [.., before, end] = points else {
            return;
        };
        let (dx, dy) = (end.0 - before.0, end.1 - before.1);
        let length = dx.hypot(dy).max(f32::EPSILON);
        let (dx, dy) = (dx / length * TIP, dy / length * TIP);
        let mut path = String::new();
        for (place, (x, y)) in points.iter().enumerate() {
            let command = if place == 0 { 'M' } else { 'L' };
            // The line ends within the tip.
            let last = place + 1 == points.len();
            let (x, y) = if last { (x - dx, y - dy) } else { (*x, *y) };
            let _ = write!(path, "{command}{x:.1} {y:.1}");
        }
        let color = rgb(color);
        let _ = writeln!(
            self.body,
            r#"<path d="{path}" fill="none" stroke="{color}" stroke-width="1.5" stroke-linejoin="round"/>"#
        );
        let (left, right) = (
            (end.0 - dx - 0.5 * dy, end.1 - dy + 0.5 * dx),
            (end.0 - dx + 0.5 * dy, end.1 - dy - 0.5 * dx),
        );
        let _ = writeln!(
            self.body,
            r#"<path d="M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z" fill="{color}"/>"#,
            end.0, end.1, left.0, left.1, right.0, right.1
        );
    }

    pub fn text(&mut self, line: Line) {
        if line.text.is_empty() {
            return;
        }
        let _ = writeln!(
            self.body,
            r#"<text x="{:.1}" y="{:.1}" font-family="{FAMILY}" font-size="{}" text-anchor="{}" fill="{}" xml:space="preserve">{}</text>"#,
            line.x,
            line.y + 0.5 * CAP_HEIGHT * line.size,
            line.size,
            line.anchor,
            rgb(line.color),
            text::escape(line.text),
        );
    }

    /// Text on the left and on the right of a row from `left` to `right`; the left one is shortened where
    /// both have no room.
    pub fn row(&mut self, (left, right): (f32, f32), line: Line, other: Line) -> Result<()> {
        const BETWEEN: f32 = 10.0;
        let taken = text::width(other.text, other.size)?;
        let shortened = text::shorten(line.text, line.size, right - left - taken - BETWEEN)?;
        self.text(Line {
            text: &shortened,
            x: left,
            anchor: "start",
            ..line
        });
        self.text(Line {
            x: right,
            anchor: "end",
            ..other
        });
        Ok(())
    }

    /// The drawing on white.
    pub fn finish(self, (width, height): (f32, f32)) -> Chart {
        Chart::from_svg(format!(
            r##"<svg width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" xmlns="http://www.w3.org/2000/svg">
<path d="M0 0H{width:.0}V{height:.0}H0Z" fill="#ffffff"/>
{}</svg>
"##,
            self.body
        ))
    }
}
