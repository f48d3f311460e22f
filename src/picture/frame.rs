//! The frame of a chart: its plane, axes, grid, labels, and the lines on it.

use super::axis::Axis;
use super::font::width;
use super::palette::{AXIS, GRID, INK, SOFT_INK, lines};
use super::series::{Panel, Series};
use super::svg::{Anchor, Paint, Point, Svg, TextStyle};

/// Pixels from the edges of a drawing.
pub(super) const MARGIN: f32 = 16.0;
pub(super) const TITLE: TextStyle = TextStyle::new(16.0, INK);
/// Text of a chart that stands alone.
pub(super) const TEXT: TextStyle = TextStyle::new(12.5, INK);
pub(super) const NOTE: TextStyle = TextStyle::new(11.0, SOFT_INK);
const PANEL_TITLE: TextStyle = TextStyle::new(14.0, INK);

const TICK: f32 = 5.0;
/// From a tick to its label, and from there to the name of the axis.
const TICK_GAP: f32 = 5.0;
const NAME_GAP: f32 = 18.0;
/// From a panel's title to its caption, and from there to the plane.
const TITLE_LINE: f32 = 18.0;
/// The points of a line with at most this many are marked.
const MARKED: usize = 30;

/// Pixels around the planes of panels, enough for the labels of each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Room {
    pub left: f32,
    pub right: f32,
    pub above: f32,
    pub below: f32,
}

impl Room {
    pub fn around<'a>(
        panels: impl IntoIterator<Item = (&'a Panel, &'a (Axis, Axis))>,
        style: TextStyle,
    ) -> Self {
        let beside_name = |label: &str| match label.is_empty() {
            true => MARGIN,
            false => MARGIN + NAME_GAP + 0.5 * style.size,
        };
        let mut room = Self {
            right: MARGIN,
            ..Self::default()
        };
        for (panel, (x, y)) in panels {
            let labels = widest_label(y, style) + TICK + TICK_GAP;
            room.left = room.left.max(beside_name(&panel.y_label) + labels);
            room.right = room.right.max(0.5 * widest_label(x, style) + 10.0);
            let titles = [&panel.title, &panel.caption];
            let titles = titles.iter().filter(|text| !text.is_empty()).count();
            room.above = room.above.max(12.0 + TITLE_LINE * titles as f32);
            let labels = TICK + TICK_GAP + style.size;
            room.below = room.below.max(beside_name(&panel.x_label) + labels);
        }
        room
    }
}

/// A plane on a drawing, in pixels, with the axes that place values on it.
#[derive(Debug)]
pub(super) struct Frame {
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
    x: Axis,
    y: Axis,
    /// The style of the labels.
    style: TextStyle,
}

impl Frame {
    /// A frame in a cell of a drawing, whose corner and size are given.
    pub fn new(
        (left, top): Point,
        (width, height): (f32, f32),
        room: Room,
        (x, y): (Axis, Axis),
        style: TextStyle,
    ) -> Self {
        Self {
            left: sharp(left + room.left),
            top: sharp(top + room.above),
            width: width - room.left - room.right,
            height: sharp(height - room.above - room.below),
            x,
            y,
            style,
        }
    }

    /// The place of a point; none where it does not lie within the axes.
    pub fn place(&self, (x, y): (f64, f64)) -> Option<Point> {
        let (across, up) = (self.x.share(x), self.y.share(y));
        let within = -1e-9..=1.0 + 1e-9;
        let place = (
            self.left + self.width * across as f32,
            self.top + self.height * (1.0 - up as f32),
        );
        (within.contains(&across) && within.contains(&up)).then_some(place)
    }

    /// Draws grid and axes with the labels of a panel.
    pub fn draw(&self, svg: &mut Svg, panel: &Panel) {
        self.draw_grid(svg);
        let (x_label, y_label) = (&panel.x_label, &panel.y_label);
        let middle = self.left + 0.5 * self.width;
        let below = self.top + self.height + TICK + TICK_GAP + self.style.size + NAME_GAP;
        let at = (middle, below);
        svg.fitted(at, Anchor::Middle, x_label, self.style, self.width);
        let beside = self.left - widest_label(&self.y, self.style) - TICK - TICK_GAP - NAME_GAP;
        let at = (beside, self.top + 0.5 * self.height);
        svg.turned(at, y_label, self.style, self.height);
        let mut y = self.top - 14.0;
        for (text, style) in [(&panel.caption, NOTE), (&panel.title, PANEL_TITLE)] {
            if !text.is_empty() {
                svg.fitted((self.left, y), Anchor::Start, text, style, self.width);
                y -= TITLE_LINE;
            }
        }
    }

    fn draw_grid(&self, svg: &mut Svg) {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        let (size, axis) = (self.style.size, 1.0);
        // A label that would touch the one before it is left out.
        let mut free = f32::NEG_INFINITY;
        for tick in &self.x.ticks {
            let x = sharp(self.left + self.width * self.x.share(*tick) as f32);
            svg.path(&[(x, self.top), (x, bottom)], GRID, axis);
            svg.path(&[(x, bottom), (x, bottom + TICK)], AXIS, axis);
            let label = self.x.label(*tick);
            let half = 0.5 * width(&label, size);
            if x - half > free {
                let below = bottom + TICK + TICK_GAP + 0.5 * size;
                svg.text((x, below), Anchor::Middle, &label, self.style);
                free = x + half + 0.5 * size;
            }
        }
        let mut free = f32::INFINITY;
        for tick in &self.y.ticks {
            let y = sharp(bottom - self.height * self.y.share(*tick) as f32);
            svg.path(&[(self.left, y), (right, y)], GRID, axis);
            svg.path(&[(self.left - TICK, y), (self.left, y)], AXIS, axis);
            if y + 0.6 * size < free {
                let beside = self.left - TICK - TICK_GAP;
                svg.text((beside, y), Anchor::End, &self.y.label(*tick), self.style);
                free = y - 0.6 * size;
            }
        }
        let corner = [(self.left, self.top), (self.left, bottom), (right, bottom)];
        svg.path(&corner, AXIS, axis);
    }

    /// Draws the lines through x = 0 and y = 0.
    pub fn draw_zeros(&self, svg: &mut Svg) {
        let (x, y) = (&self.x, &self.y);
        for ends in [[(0.0, y.low), (0.0, y.high)], [(x.low, 0.0), (x.high, 0.0)]] {
            let places: Vec<Point> = ends.iter().filter_map(|end| self.place(*end)).collect();
            svg.path(&places, AXIS, 1.0);
        }
    }

    /// Draws lines, each in its colour and dashes. Points that have no place interrupt them.
    pub fn draw_lines(&self, svg: &mut Svg, series: &[Series]) {
        for (one, (color, dashes)) in series.iter().zip(lines(series.len())) {
            let places: Vec<Option<Point>> =
                one.points.iter().map(|point| self.place(*point)).collect();
            for run in places.split(Option::is_none) {
                let run: Vec<Point> = run.iter().copied().flatten().collect();
                svg.dashed(&run, (color, dashes), 2.0);
                if one.points.len() <= MARKED || run.len() == 1 {
                    for place in run {
                        svg.circle(place, 3.0, Paint::filled(color));
                    }
                }
            }
        }
    }
}

fn widest_label(axis: &Axis, style: TextStyle) -> f32 {
    let labels = axis.ticks.iter().map(|tick| axis.label(*tick));
    labels.fold(0.0, |most, label| most.max(width(&label, style.size)))
}

/// A place where a line of one pixel covers whole pixels of the PNG, which has two for each.
fn sharp(place: f32) -> f32 {
    (2.0 * place).round() / 2.0
}
