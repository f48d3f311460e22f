//! Shapes and text of a drawing, in pixels, written as SVG.

use std::fmt::{self, Write as _};

use image::RgbImage;

use super::chart::{Chart, draw_over};
use super::font::{CAP_HEIGHT, FAMILY, shorten, width};
use super::palette::{Color, WHITE};
use crate::Result;

/// x to the right, y down.
pub(super) type Point = (f32, f32);

/// Fill and outline of a shape; a width of 0 leaves the outline out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub fill: Color,
    pub stroke: Color,
    pub width: f32,
}

impl Paint {
    pub const fn new(fill: Color, stroke: Color, width: f32) -> Self {
        Self {
            fill,
            stroke,
            width,
        }
    }

    /// A fill without an outline.
    pub const fn filled(fill: Color) -> Self {
        Self::new(fill, fill, 0.0)
    }
}

impl fmt::Display for Paint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, r#"fill="{}""#, self.fill)?;
        if self.width > 0.0 {
            let (stroke, width) = (self.stroke, self.width);
            write!(f, r#" stroke="{stroke}" stroke-width="{width}""#)?;
        }
        Ok(())
    }
}

/// Size in pixels, and colour, of text.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextStyle {
    pub size: f32,
    pub color: Color,
}

impl TextStyle {
    pub const fn new(size: f32, color: Color) -> Self {
        Self { size, color }
    }

    /// Height of capitals in pixels.
    pub fn cap_height(self) -> f32 {
        CAP_HEIGHT * self.size
    }
}

/// The part of a text that stands at its x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing under way. What is drawn later lies above.
#[derive(Debug, Default)]
pub(super) struct Svg {
    body: String,
}

// Writing to a string cannot fail.
impl Svg {
    /// A rectangle with round corners; `(x, y)` is its upper left one.
    pub fn rect(&mut self, (x, y): Point, (width, height): (f32, f32), paint: Paint) {
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="6" {paint}/>"#
        );
    }

    pub fn circle(&mut self, (x, y): Point, radius: f32, paint: Paint) {
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x:.2}" cy="{y:.2}" r="{radius}" {paint}/>"#
        );
    }

    /// A straight line that lets a little of what lies below shine through.
    pub fn line(&mut self, from: Point, to: Point, color: Color, width: f32) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{color}" stroke-width="{width:.2}" stroke-opacity="0.8"/>"#
        );
    }

    /// A line through points; nothing for fewer than two.
    pub fn path(&mut self, points: &[Point], color: Color, width: f32) {
        self.dashed(points, (color, ""), width);
    }

    /// The same in dashes: their lengths and the gaps between them, in pixels.
    pub fn dashed(&mut self, points: &[Point], (color, dashes): (Color, &str), width: f32) {
        if points.len() < 2 {
            return;
        }
        let path = through(points);
        let dashes = match dashes {
            "" => String::new(),
            dashes => format!(r#" stroke-dasharray="{dashes}""#),
        };
        let _ = writeln!(
            self.body,
            r#"<path d="{path}" fill="none" stroke="{color}" stroke-width="{width}" stroke-linejoin="round"{dashes}/>"#
        );
    }

    /// A line through points with a tip at its end.
    pub fn arrow(&mut self, points: &[Point], color: Color) {
        const TIP: f32 = 7.0;
        let [start @ .., before, end] = points else {
            return;
        };
        let (dx, dy) = (end.0 - before.0, end.1 - before.1);
        let share = TIP / dx.hypot(dy).max(f32::EPSILON);
        let (dx, dy) = (dx * share, dy * share);
        // The line ends within the tip.
        let base = (end.0 - dx, end.1 - dy);
        self.path(&[start, &[*before, base]].concat(), color, 1.5);
        let left = (base.0 - 0.5 * dy, base.1 + 0.5 * dx);
        let right = (base.0 + 0.5 * dy, base.1 - 0.5 * dx);
        let tip = through(&[*end, left, right]);
        let _ = writeln!(self.body, r#"<path d="{tip}Z" fill="{color}"/>"#);
    }

    /// Dots of one colour. Strokes of no length with round ends take a tenth of the space of circles.
    pub fn dots(&mut self, points: &[Point], diameter: f32, color: Color, opacity: f32) {
        let _ = write!(
            self.body,
            r#"<path fill="none" stroke="{color}" stroke-opacity="{opacity}" stroke-width="{diameter:.2}" stroke-linecap="round" d=""#
        );
        for (x, y) in points {
            let _ = write!(self.body, "M{x:.2} {y:.2}h0");
        }
        self.body.push_str("\"/>\n");
    }

    /// A line of text; `y` is the middle of its capitals.
    pub fn text(&mut self, at: Point, anchor: Anchor, text: &str, style: TextStyle) {
        self.text_with(at, anchor, text, style, "");
    }

    /// A line of text, shortened in the middle where it is wider than `limit`.
    pub fn fitted(&mut self, at: Point, anchor: Anchor, text: &str, style: TextStyle, limit: f32) {
        self.text(at, anchor, &shorten(text, style.size, limit), style);
    }

    /// Text that reads upwards, its middle at the point, shortened where it is longer than `limit`.
    pub fn turned(&mut self, (x, y): Point, text: &str, style: TextStyle, limit: f32) {
        let turn = format!(r#" transform="rotate(-90 {x:.1} {y:.1})""#);
        let text = shorten(text, style.size, limit);
        self.text_with((x, y), Anchor::Middle, &text, style, &turn);
    }

    /// Centred text with a white rim, legible on anything.
    pub fn rimmed(&mut self, at: Point, text: &str, style: TextStyle) {
        let rim =
            r#" stroke="white" stroke-width="4" stroke-linejoin="round" paint-order="stroke""#;
        self.text_with(at, Anchor::Middle, text, style, rim);
    }

    fn text_with(
        &mut self,
        (x, y): Point,
        anchor: Anchor,
        text: &str,
        style: TextStyle,
        more: &str,
    ) {
        if text.is_empty() {
            return;
        }
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let baseline = y + 0.5 * style.cap_height();
        let TextStyle { size, color } = style;
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{baseline:.1}" font-family="{FAMILY}" font-size="{size}" text-anchor="{anchor}" fill="{color}" xml:space="preserve"{more}>{}</text>"#,
            escape(text)
        );
    }

    /// Text at both ends of a row from `left` to `right`; the first is shortened where both have no room.
    pub fn row(
        &mut self,
        (left, right): (f32, f32),
        y: f32,
        (first, style): (&str, TextStyle),
        (last, last_style): (&str, TextStyle),
    ) {
        const BETWEEN: f32 = 10.0;
        let room = right - left - width(last, last_style.size) - BETWEEN;
        self.fitted((left, y), Anchor::Start, first, style, room);
        self.text((right, y), Anchor::End, last, last_style);
    }

    /// Draws everything over a canvas.
    pub fn draw_on(&self, canvas: &mut RgbImage) -> Result<()> {
        draw_over(&self.document(canvas.dimensions(), ""), 1, canvas)
    }

    /// The drawing on white.
    pub fn finish(self, (width, height): (f32, f32)) -> Chart {
        // Casts from float saturate.
        let size = (width.round() as u32, height.round() as u32);
        let (right, bottom) = size;
        let page = format!("<path d=\"M0 0H{right}V{bottom}H0Z\" fill=\"{WHITE}\"/>\n");
        let svg = self.document(size, &page);
        Chart { svg, size }
    }

    fn document(&self, (width, height): (u32, u32), page: &str) -> String {
        format!(
            r#"<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
{page}{}</svg>
"#,
            self.body
        )
    }
}

/// The commands of a path from point to point.
fn through(points: &[Point]) -> String {
    let mut path = String::new();
    for (place, (x, y)) in points.iter().enumerate() {
        let command = if place == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{command}{x:.2} {y:.2}");
    }
    path
}

/// Text as XML takes it: control characters, which file names may hold, are replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
