//! Many small charts in one drawing.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::plot::{
    AXIS, Area, Chart, Drawn, GRID, HALF_LINE, MARGIN, Series, UNIT, chart, draw_legend,
    draw_lines, pixels, style,
};
use super::text;
use super::ticks::Axis;
use crate::{Error, Result};

/// One of the charts.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    pub title: String,
    /// A line below the title.
    pub caption: String,
    /// The lines, in every panel in the same order; those of the first panel name the colours.
    pub series: Vec<Series>,
}

/// Pixels of a panel, and of what stands above all.
const WIDTH: i32 = 320;
const HEIGHT: i32 = 224;
const HEAD: i32 = 40;
const PANEL_TITLE: f32 = 14.0 * UNIT as f32;
const CAPTION: f32 = 11.0 * UNIT as f32;
/// More would not be looked at.
const MOST: usize = 200;
const TICK: f32 = 10.5 * UNIT as f32;

/// Draws panels, `columns` in a row, all over the same x. What lies further from 0 than `limit` is cut
/// off.
///
/// # Errors
/// If there is no panel, or more than 200.
pub fn panels(panels: &[Panel], columns: usize, limit: f64) -> Result<Chart> {
    if !(1..=MOST).contains(&panels.len()) {
        let expected = format!("1 to {MOST} of them");
        return Err(Error::argument("panels", expected, panels.len()));
    }
    let columns = columns.clamp(1, panels.len());
    let rows = panels.len().div_ceil(columns);
    // At most 200 each: the casts keep them.
    let size = (columns as i32 * WIDTH, rows as i32 * HEIGHT + HEAD);
    chart(size, |root| {
        root.fill(&WHITE)?;
        if let Some(first) = panels.first() {
            draw_legend(root, &first.series, MARGIN + HALF_LINE)?;
        }
        let panels: Vec<Panel> = panels.iter().map(|panel| cut(panel, limit)).collect();
        let xs = || {
            panels
                .iter()
                .flat_map(|panel| &panel.series)
                .flat_map(|s| &s.points)
        };
        let x = Axis::around(xs().map(|p| p.0).filter(|x| x.abs() < 1e100), 6);
        let areas = root
            .margin(HEAD * UNIT, 0, 0, 0)
            .split_evenly((rows, columns));
        for (panel, area) in panels.iter().zip(&areas) {
            draw(area, panel, &x)?;
        }
        Ok(())
    })
}

/// The panel without what lies beyond the limit.
fn cut(panel: &Panel, limit: f64) -> Panel {
    let inside = |&(x, y): &(f64, f64)| (x, if y.abs() <= limit { y } else { f64::NAN });
    let series = panel.series.iter().map(|one| Series {
        name: one.name.clone(),
        points: one.points.iter().map(inside).collect(),
    });
    Panel {
        series: series.collect(),
        ..panel.clone()
    }
}

fn draw(area: &Area, panel: &Panel, x: &Axis) -> Drawn {
    let points = || panel.series.iter().flat_map(|s| &s.points);
    let y = Axis::around(points().map(|p| p.1).filter(|y| y.is_finite()), 4);
    let room = (WIDTH * UNIT - 2 * MARGIN) as f32;
    let left = Pos::new(HPos::Left, VPos::Center);
    let title = text::shorten(&panel.title, PANEL_TITLE, room)?;
    let at = (MARGIN, 12 * UNIT);
    area.draw(&Text::new(title, at, style(PANEL_TITLE).pos(left)))?;
    let caption = text::shorten(&panel.caption, CAPTION, room)?;
    let gray = style(CAPTION).color(&AXIS).pos(left);
    area.draw(&Text::new(caption, (MARGIN, 30 * UNIT), gray))?;

    let mut chart = ChartBuilder::on(area)
        .margin_left(MARGIN)
        .margin_right(MARGIN)
        .margin_top(44 * UNIT)
        .margin_bottom(14 * UNIT)
        .x_label_area_size(20 * UNIT)
        .y_label_area_size(40 * UNIT)
        .build_cartesian_2d(x.clone(), y.clone())?;
    chart
        .configure_mesh()
        .bold_line_style(GRID.stroke_width(pixels(1)))
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS.stroke_width(pixels(1)))
        .set_all_tick_mark_size(4 * UNIT)
        .label_style(style(TICK))
        .draw()?;
    // The lines through 0, where they are not the frame.
    let through = AXIS.stroke_width(pixels(1));
    for line in [[(0.0, y.low), (0.0, y.high)], [(x.low, 0.0), (x.high, 0.0)]] {
        let [(from_x, from_y), _] = line;
        if x.low <= from_x && from_x <= x.high && y.low <= from_y && from_y <= y.high {
            chart.draw_series(LineSeries::new(line, through))?;
        }
    }
    draw_lines(&mut chart, &panel.series)
}
