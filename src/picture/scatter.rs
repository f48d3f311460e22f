//! Points in groups, one chart or a few side by side.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::dots::{draw_dots, draw_names, median};
use super::palette::palette;
use super::plot::{
    AXIS, Area, Chart, Drawn, GRID, HALF_LINE, MARGIN, UNIT, chart, finite, pixels, style,
};
use super::text;
use super::ticks::Axis;
use crate::number::grouped;
use crate::{Error, Result};

/// Points of one colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What the legend calls them; without names there is no legend.
    pub name: String,
    /// `(x, y)`; points that are not finite are left out.
    pub points: Vec<(f64, f64)>,
}

impl Group {
    /// A named group.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points,
        }
    }
}

/// One of the charts.
#[derive(Debug, Clone, PartialEq)]
pub struct ScatterPanel {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    /// In every panel in the same order; those of the first panel name the colours.
    pub groups: Vec<Group>,
}

/// How points are drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScatterOptions {
    /// A step along x is as long as one along y.
    pub equal_scale: bool,
    /// Each group's name stands at the median of its points.
    pub names_at_medians: bool,
}

/// Pixels a side of the square that holds the points: of a single chart, and of one among several.
const SIDE: i32 = 520;
const PANEL_SIDE: i32 = 330;
/// Pixels for what stands around it.
const LEFT: i32 = 82;
const RIGHT: i32 = 22;
const TITLE: i32 = 48;
const PANEL_TITLE: i32 = 28;
const BELOW: i32 = 78;
const LEGEND_LINE: i32 = 22;
const LEGEND_DOT: i32 = 22;
const LEGEND_LIMIT: f32 = 180.0;

const TITLE_SIZE: f32 = 16.0 * UNIT as f32;
const TEXT_SIZE: f32 = 12.5 * UNIT as f32;
const NOTE_SIZE: f32 = 11.0 * UNIT as f32;

/// More panels would not be looked at.
const MOST_PANELS: usize = 12;
/// So many points are drawn of a panel; more of them only make a larger file.
const MOST_POINTS: usize = 20_000;
/// Draws groups of points in their colours: up to seven groups in those of the curves, up to
/// [`COLORS`](super::COLORS) in ten others, and from there on colours repeat. Of more than 20,000 points
/// every second, third, ... is drawn, and the chart says so.
///
/// # Errors
/// If the drawing cannot be made.
pub fn scatter(
    title: &str,
    x_label: &str,
    y_label: &str,
    groups: &[Group],
    options: &ScatterOptions,
) -> Result<Chart> {
    let panel = ScatterPanel {
        title: String::new(),
        x_label: x_label.to_string(),
        y_label: y_label.to_string(),
        groups: groups.to_vec(),
    };
    draw(title, &[panel], options, SIDE)
}

/// Draws charts side by side under one title, each with axes of its own.
///
/// # Errors
/// If there is none, or more than twelve.
pub fn scatter_row(
    title: &str,
    panels: &[ScatterPanel],
    options: &ScatterOptions,
) -> Result<Chart> {
    if !(1..=MOST_PANELS).contains(&panels.len()) {
        let expected = format!("1 to {MOST_PANELS} of them");
        return Err(Error::argument("panels", expected, panels.len()));
    }
    draw(title, panels, options, PANEL_SIDE)
}

fn draw(
    title: &str,
    panels: &[ScatterPanel],
    options: &ScatterOptions,
    side: i32,
) -> Result<Chart> {
    let names = Legend::of(panels, side)?;
    let head = match panels.iter().all(|panel| panel.title.is_empty()) {
        true => TITLE,
        false => TITLE + PANEL_TITLE,
    };
    let pitch = LEFT + side + RIGHT;
    // At most twelve: the cast keeps them.
    let width = panels.len() as i32 * pitch + names.width;
    let height = head + side + BELOW;
    let mut above = String::new();
    let mut drawn = chart((width, height), |root| {
        root.fill(&WHITE)?;
        let room = ((width - RIGHT) * UNIT - MARGIN) as f32;
        let title = text::shorten(title, TITLE_SIZE, room)?;
        let left = Pos::new(HPos::Left, VPos::Center);
        let at = (MARGIN, MARGIN + HALF_LINE);
        root.draw(&Text::new(title, at, style(TITLE_SIZE).pos(left)))?;
        for (place, panel) in (0..).zip(panels) {
            let corner = (place * pitch * UNIT, 0);
            let area = root.clone().shrink(
                corner,
                (pixels(pitch.unsigned_abs()), pixels(height.unsigned_abs())),
            );
            draw_panel(&area, panel, options, (head, side), &mut above)?;
        }
        names.draw(root, (panels.len() as i32 * pitch, head))
    })?;
    drawn.add(&above);
    Ok(drawn)
}

/// The axes' ranges, widened by a margin so that no point lies on the frame.
fn axes(groups: &[Group], equal_scale: bool, about: usize) -> (Axis, Axis) {
    let points = || groups.iter().flat_map(|g| &g.points).filter(finite);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let (low, high) = points()
            .map(of)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                (low.min(v), high.max(v))
            });
        if low < high {
            (low, high)
        } else if low == high {
            (low - 1.0, high + 1.0)
        } else {
            (-1.0, 1.0)
        }
    };
    let ends = [range(|p| p.0), range(|p| p.1)];
    let [x_length, y_length] = ends.map(|(low, high)| high - low);
    let [x, y] = [(ends[0], x_length), (ends[1], y_length)].map(|((low, high), length)| {
        let length = if equal_scale {
            x_length.max(y_length)
        } else {
            length
        };
        let middle = low + 0.5 * (high - low);
        Axis::between(middle - 0.54 * length, middle + 0.54 * length, about)
    });
    (x, y)
}

/// One chart; `above` gets what plotters has no element for, in the units of the whole drawing.
fn draw_panel(
    area: &Area,
    panel: &ScatterPanel,
    options: &ScatterOptions,
    (head, side): (i32, i32),
    above: &mut String,
) -> Drawn {
    let (x, y) = axes(&panel.groups, options.equal_scale, side as usize / 75);
    let mut chart = ChartBuilder::on(area)
        .margin_top(head * UNIT)
        .margin_right(RIGHT * UNIT)
        .margin_bottom((BELOW - 30) * UNIT)
        .x_label_area_size(30 * UNIT)
        .y_label_area_size(LEFT * UNIT)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .bold_line_style(GRID.stroke_width(pixels(1)))
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS.stroke_width(pixels(1)))
        .set_all_tick_mark_size(5 * UNIT)
        .label_style(style(TEXT_SIZE))
        .draw()?;

    // What is drawn on the area is placed from its corner, not from the drawing's.
    let (corner_x, corner_y) = area.get_base_pixel();
    let (across, down) = chart.plotting_area().get_pixel_range();
    let middle_x = (across.start + across.end) / 2 - corner_x;
    let middle_y = (down.start + down.end) / 2 - corner_y;
    let (left, bottom) = (across.start - corner_x, down.end - corner_y);
    let room = (side * UNIT) as f32;
    let centred = style(TEXT_SIZE).pos(Pos::new(HPos::Center, VPos::Center));
    let title = text::shorten(&panel.title, TEXT_SIZE, room)?;
    let at = (middle_x, (head - 14) * UNIT);
    area.draw(&Text::new(title, at, centred.clone()))?;
    let x_label = text::shorten(&panel.x_label, TEXT_SIZE, room)?;
    let at = (middle_x, bottom + 42 * UNIT);
    area.draw(&Text::new(x_label, at, centred.clone()))?;
    let y_label = text::shorten(&panel.y_label, TEXT_SIZE, room)?;
    let turned = centred.transform(FontTransform::Rotate270);
    let at = (MARGIN + HALF_LINE, middle_y);
    area.draw(&Text::new(y_label, at, turned))?;

    let plane = chart.plotting_area();
    let place = |p: &(f64, f64)| plane.map_coordinate(p);
    let all: usize = panel.groups.iter().map(|g| g.points.len()).sum();
    let every = all.div_ceil(MOST_POINTS).max(1);
    let groups: Vec<Vec<(i32, i32)>> = panel
        .groups
        .iter()
        .map(|group| group.points.iter().step_by(every))
        .map(|points| points.filter(finite).map(place).collect())
        .collect();
    draw_dots(&groups, side, above);
    if every > 1 {
        let ordinal = match every {
            2 => "2nd".to_string(),
            3 => "3rd".to_string(),
            n => format!("{n}th"),
        };
        let note = format!("every {ordinal} of the {} points is drawn", grouped(all));
        let at = (left, bottom + 62 * UNIT);
        let beside = Pos::new(HPos::Left, VPos::Center);
        let gray = style(NOTE_SIZE).color(&AXIS).pos(beside);
        area.draw(&Text::new(note, at, gray))?;
    }
    if options.names_at_medians {
        let medians = panel.groups.iter().filter_map(|group| {
            let (x, y) = (
                median(&group.points, |p| p.0)?,
                median(&group.points, |p| p.1)?,
            );
            Some((group.name.as_str(), place(&(x, y))))
        });
        draw_names(medians.collect(), above)?;
    }
    Ok(())
}

/// Dots and names to the right of all charts.
struct Legend {
    names: Vec<String>,
    groups: usize,
    /// Pixels; none without names.
    width: i32,
}

impl Legend {
    fn of(panels: &[ScatterPanel], side: i32) -> Result<Self> {
        let groups = panels.first().map_or(&[][..], |panel| &panel.groups);
        let mut names = Vec::new();
        let mut widest = 0f32;
        if groups.iter().any(|group| !group.name.is_empty()) {
            let room = (side / LEGEND_LINE) as usize;
            for group in groups {
                let limit = LEGEND_LIMIT * UNIT as f32;
                names.push(text::shorten(&group.name, TEXT_SIZE, limit)?);
            }
            if names.len() > room {
                names.truncate(room - 1);
                names.push(format!("… {} more", groups.len() - names.len()));
            }
        }
        for name in &names {
            widest = widest.max(text::width(name, TEXT_SIZE)?);
        }
        let width = match names.is_empty() {
            true => 0,
            false => LEGEND_DOT + 16 + widest.ceil() as i32 / UNIT,
        };
        Ok(Self {
            names,
            groups: groups.len(),
            width,
        })
    }

    fn draw(&self, root: &Area, (left, top): (i32, i32)) -> Drawn {
        let named = self.names.iter().zip(palette(self.groups));
        for ((place, (name, color)), number) in (0..).zip(named).zip(1..) {
            let y = (top + 10 + place * LEGEND_LINE) * UNIT;
            // The last line may say how many there are besides.
            if number < self.names.len() || self.names.len() == self.groups {
                root.draw(&Circle::new(
                    ((left + 6) * UNIT, y),
                    5 * UNIT,
                    color.filled(),
                ))?;
            }
            let beside = Pos::new(HPos::Left, VPos::Center);
            let at = ((left + LEGEND_DOT) * UNIT, y);
            root.draw(&Text::new(name.clone(), at, style(TEXT_SIZE).pos(beside)))?;
        }
        Ok(())
    }
}
