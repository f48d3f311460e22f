//! Curves over epochs, as SVG and as PNG of the same drawing.

use std::path::Path;

use image::RgbImage;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::palette::palette;
use super::png::write_rgb;
use super::text::{self, FAMILY};
use super::ticks::{Axis, Scale};
use crate::{Error, Result, file};

/// A named line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// `(x, y)` in drawing order; a point that is not finite interrupts the line.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// A named line.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points,
        }
    }
}

/// A drawn chart.
#[derive(Debug, Clone)]
pub struct Chart {
    svg: String,
}

/// The SVG's size in pixels.
const WIDTH: i32 = 760;
const HEIGHT: i32 = 460;
/// Pixels of the PNG for one of the SVG.
const SCALE: u32 = 2;
/// plotters places everything on whole units; with several of them in a pixel curves stay smooth.
pub(super) const UNIT: i32 = 8;
const TITLE_SIZE: f32 = 16.0 * UNIT as f32;
const TEXT_SIZE: f32 = 12.5 * UNIT as f32;
pub(super) const MARGIN: i32 = 16 * UNIT;
const RIGHT: i32 = WIDTH * UNIT - MARGIN;
const BOTTOM: i32 = HEIGHT * UNIT - MARGIN;
/// Half a line of text, and a line of the legend.
pub(super) const HALF_LINE: i32 = 6 * UNIT;
const LEGEND_LINE: i32 = 20 * UNIT;
/// With at most this many points each is marked.
const MARKED: usize = 30;

pub(super) const INK: RGBColor = RGBColor(40, 40, 40);
pub(super) const AXIS: RGBColor = RGBColor(120, 120, 120);
pub(super) const GRID: RGBColor = RGBColor(226, 226, 226);

/// Draws lines over whole numbers such as epochs (or over any numbers, if some `x` is not whole).
pub fn curves(title: &str, x_label: &str, y_label: &str, series: &[Series]) -> Result<Chart> {
    curves_scaled(title, x_label, y_label, series, Scale::Linear)
}

/// [`curves`] with a y axis of that scale. On a logarithmic one, points that are not positive interrupt
/// their line.
pub fn curves_scaled(
    title: &str,
    x_label: &str,
    y_label: &str,
    series: &[Series],
    y_scale: Scale,
) -> Result<Chart> {
    let placed = |&(x, y): &(f64, f64)| match y_scale {
        Scale::Logarithmic if y <= 0.0 => (x, f64::NAN),
        _ => (x, y),
    };
    let series: Vec<Series> = series
        .iter()
        .map(|one| Series::new(&one.name, one.points.iter().map(placed).collect()))
        .collect();
    chart((WIDTH, HEIGHT), |root| {
        draw(root, title, (x_label, y_label), &series, y_scale)
    })
}

/// A drawing of some pixels, to which `draw` gives what is in it.
pub(super) fn chart(pixels: (i32, i32), draw: impl FnOnce(&Area) -> Drawn) -> Result<Chart> {
    let mut svg = String::new();
    let (width, height) = (pixels.0 * UNIT, pixels.1 * UNIT);
    let backend = SVGBackend::with_string(&mut svg, (width.unsigned_abs(), height.unsigned_abs()));
    let refused = |e: &dyn std::fmt::Display| Error::argument("chart", "curves to draw", e);
    let root = backend.into_drawing_area();
    draw(&root).map_err(|e| refused(&e))?;
    root.present().map_err(|e| refused(&e))?;
    drop(root);
    // The view box keeps the units.
    let units = format!(r#"width="{width}" height="{height}""#);
    let pixels = format!(r#"width="{}" height="{}""#, pixels.0, pixels.1);
    let svg = svg.replacen(&units, &pixels, 1);
    Ok(Chart { svg })
}

impl Chart {
    /// A drawing from a whole SVG document.
    pub(super) fn from_svg(svg: String) -> Self {
        Self { svg }
    }

    /// Draws more above all else, in the drawing's units.
    pub(super) fn add(&mut self, elements: &str) {
        let end = self.svg.rfind("</svg>").unwrap_or(self.svg.len());
        self.svg.insert_str(end, elements);
    }

    /// The drawing as an SVG document.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The same drawing in pixels, at twice its size.
    pub fn rasterise(&self) -> Result<RgbImage> {
        text::rasterise(&self.svg, SCALE)
    }

    /// Writes the SVG, whole or not at all.
    pub fn write_svg(&self, path: impl AsRef<Path>) -> Result<()> {
        file::replace(path.as_ref(), self.svg.as_bytes())
    }

    /// Writes the drawing, whole or not at all, as SVG or PNG by the name's ending.
    ///
    /// # Errors
    /// If the name ends otherwise, or the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        match path.extension().map(|e| e.to_ascii_lowercase()) {
            Some(ending) if ending == "svg" => self.write_svg(path),
            Some(ending) if ending == "png" => self.write_png(path),
            _ => Err(Error::file(
                path,
                "a name ending in .svg or .png",
                "another",
            )),
        }
    }

    /// Writes the drawing as PNG, whole or not at all.
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<()> {
        write_rgb(path, &self.rasterise()?)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (self.share(*value) * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // No light lines between the ticks.
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        value.to_string()
    }

    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
pub(super) type Drawn<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Neither what is not finite nor what is so large that no axis can hold it.
pub(super) fn finite(p: &&(f64, f64)) -> bool {
    p.0.abs() < 1e100 && p.1.abs() < 1e100
}

fn draw(
    root: &Area,
    title: &str,
    labels: (&str, &str),
    series: &[Series],
    y_scale: Scale,
) -> Drawn {
    root.fill(&WHITE)?;
    let title = text::shorten(title, TITLE_SIZE, (RIGHT - MARGIN) as f32)?;
    let mut below_title = MARGIN;
    if !title.is_empty() {
        let left = Pos::new(HPos::Left, VPos::Center);
        let place = (MARGIN, MARGIN + HALF_LINE);
        root.draw(&Text::new(title, place, style(TITLE_SIZE).pos(left)))?;
        below_title += 28 * UNIT;
    }
    let below_legend = draw_legend(root, series, below_title + HALF_LINE)?;

    let points = || series.iter().flat_map(|s| &s.points).filter(finite);
    let whole = points().all(|p| p.0.fract() == 0.0);
    let x = if whole {
        Axis::counted(points().map(|p| p.0), 12)
    } else {
        Axis::around(points().map(|p| p.0), 8)
    };
    let y = match y_scale {
        Scale::Linear => Axis::around(points().map(|p| p.1), 6),
        Scale::Logarithmic => Axis::logarithmic(points().map(|p| p.1), 6),
    };

    let mut widest = 0f32;
    for tick in &y.ticks {
        widest = widest.max(text::width(&y.label(*tick), TEXT_SIZE)?);
    }
    // Ticks, their labels, and the turned name of the axis.
    let left = widest.ceil() as i32 + 44 * UNIT;
    let mut chart = ChartBuilder::on(root)
        .margin_left(MARGIN)
        .margin_right(MARGIN + 8 * UNIT)
        .margin_top(below_legend)
        .margin_bottom(MARGIN)
        .x_label_area_size(48 * UNIT)
        .y_label_area_size(left)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID.stroke_width(pixels(1)))
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS.stroke_width(pixels(1)))
        .set_all_tick_mark_size(5 * UNIT)
        .label_style(style(TEXT_SIZE))
        .draw()?;

    let (across, down) = chart.plotting_area().get_pixel_range();
    let middle = |r: &std::ops::Range<i32>| (r.start + r.end) / 2;
    let centred = style(TEXT_SIZE).pos(Pos::new(HPos::Center, VPos::Center));
    let x_name = text::shorten(labels.0, TEXT_SIZE, (across.end - across.start) as f32)?;
    let y_name = text::shorten(labels.1, TEXT_SIZE, (down.end - down.start) as f32)?;
    let under = (middle(&across), BOTTOM - HALF_LINE);
    root.draw(&Text::new(x_name, under, centred.clone()))?;
    let turned = centred.transform(FontTransform::Rotate270);
    let beside = (MARGIN + HALF_LINE, middle(&down));
    root.draw(&Text::new(y_name, beside, turned))?;

    draw_lines(&mut chart, series)
}

type Lines<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;

/// The lines, each in its colour.
pub(super) fn draw_lines(chart: &mut Lines, series: &[Series]) -> Drawn {
    for (one, color) in series.iter().zip(palette(series.len())) {
        let stroke = color.stroke_width(pixels(2));
        for run in one.points.split(|p| !finite(&p)) {
            chart.draw_series(LineSeries::new(run.iter().copied(), stroke))?;
            if one.points.len() <= MARKED || run.len() == 1 {
                let mark = |p: &(f64, f64)| Circle::new(*p, 3 * UNIT, color.filled());
                chart.draw_series(run.iter().map(mark))?;
            }
        }
    }
    Ok(())
}

/// The names of the lines in rows from `top` on; says where the rows end.
pub(super) fn draw_legend(root: &Area, series: &[Series], top: i32) -> Drawn<i32> {
    const SAMPLE: i32 = 22 * UNIT;
    const AFTER_SAMPLE: i32 = 7 * UNIT;
    const AFTER_NAME: i32 = 22 * UNIT;
    let (mut x, mut y) = (MARGIN, top);
    for (one, color) in series.iter().zip(palette(series.len())) {
        let name = text::shorten(&one.name, TEXT_SIZE, 0.6 * RIGHT as f32)?;
        let length = SAMPLE + AFTER_SAMPLE + text::width(&name, TEXT_SIZE)?.ceil() as i32;
        if x > MARGIN && x + length > RIGHT {
            (x, y) = (MARGIN, y + LEGEND_LINE);
        }
        // Dozens of lines: the curves are worth more than the names.
        if y > BOTTOM / 3 {
            break;
        }
        let line = vec![(x, y), (x + SAMPLE, y)];
        root.draw(&PathElement::new(line, color.stroke_width(pixels(3))))?;
        let beside = Pos::new(HPos::Left, VPos::Center);
        let text_style = style(TEXT_SIZE).pos(beside);
        root.draw(&Text::new(name, (x + SAMPLE + AFTER_SAMPLE, y), text_style))?;
        x += length + AFTER_NAME;
    }
    Ok(y + LEGEND_LINE)
}

/// A width in pixels as units.
pub(super) const fn pixels(width: u32) -> u32 {
    width * UNIT.unsigned_abs()
}

pub(super) fn style<'a>(size: f32) -> TextStyle<'a> {
    // plotters divides by 1.24 when it names the size in an SVG.
    (FAMILY, f64::from(size) * 1.24).into_font().color(&INK)
}
