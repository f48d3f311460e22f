//! A small dense network as units and weights: a circle each unit, a line each weight.

use plotters::style::RGBColor;

use super::network::{
    Block, DECODER, ENCODER, GREY, HIGHLIGHT, PLAIN, SMALL_SIZE, TITLE_SIZE, line, shape,
};
use super::palette::{BLUE, VERMILLION};
use super::plot::{Chart, INK};
use super::svg::{Line, Paint, Svg};
use super::text;
use super::unit_weights::{MAX_VALUES, Point, dark, draw_weights, value};
use crate::number::grouped;
use crate::{Error, Result};

/// Where a column of units stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Input,
    Encoder,
    Code,
    Decoder,
    Output,
}

/// The units of a layer with the weights that lead to them.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitColumn {
    pub role: Role,
    /// What its head says; of the input, name and parameters are left out.
    pub block: Block,
    /// `(units, units before)`, a row each; of the input empty rows.
    pub weights: Vec<Vec<f32>>,
    /// One a unit, or none.
    pub biases: Vec<f32>,
}

/// The most units of a column and the most columns that can be told apart.
pub const MAX_UNITS: usize = 16;
pub const MAX_COLUMNS: usize = 12;

const MARGIN: f32 = 24.0;
/// Width of a column's head.
const HEAD: f32 = 212.0;
/// From column to column: with values on the lines, and without.
const WIDE: f32 = 280.0;
const NARROW: f32 = 222.0;
const TAG: f32 = 24.0;
const HEAD_TOP: f32 = 66.0;
const HEAD_LINE: f32 = 18.0;
const FOOT: f32 = 56.0;
/// From unit to unit where there is room.
const SPARSE: f32 = 104.0;
const RADIUS: f32 = 19.0;

const WHITE: RGBColor = RGBColor(255, 255, 255);

/// Draws the units of a network from the input on the left to the output on the right. Lines are as wide
/// as their weights are large, blue if positive, orange if negative; biases stand in the circles.
///
/// # Errors
/// If there are fewer than two columns or more than twelve, a column has no unit or more than sixteen, or
/// not as many weights a unit as there are units before.
pub fn units(title: &str, columns: &[UnitColumn]) -> Result<Chart> {
    check(columns)?;
    let most = columns.iter().map(|c| c.weights.len()).max().unwrap_or(1);
    let pitch = match most {
        0..=4 => SPARSE,
        5..=8 => 66.0,
        _ => 46.0,
    };
    let tags = columns.iter().map(|c| c.block.tags.len()).max();
    let top = HEAD_TOP + 4.0 * HEAD_LINE + TAG * tags.unwrap_or(0) as f32;
    let middle = top + 0.5 * pitch * most as f32;
    let mut x = MARGIN + 0.5 * HEAD;
    let mut places: Vec<Vec<Point>> = Vec::with_capacity(columns.len());
    for (number, column) in columns.iter().enumerate() {
        if number > 0 {
            let labelled = count(column) <= MAX_VALUES;
            x += if labelled { WIDE } else { NARROW };
        }
        // Columns of fewer units use the height that there is.
        let count = column.weights.len() as f32;
        let pitch = SPARSE.min(pitch * most as f32 / count);
        let first = middle - 0.5 * pitch * (count - 1.0);
        let units = (0..column.weights.len()).map(|unit| (x, first + pitch * unit as f32));
        places.push(units.collect());
    }
    let size = (
        x + 0.5 * HEAD + MARGIN,
        middle + 0.5 * pitch * most as f32 + FOOT,
    );

    let mut svg = Svg::default();
    let weights = || columns.iter().flat_map(|c| &c.weights).flatten();
    let largest = weights()
        .map(|w| w.abs())
        .filter(|w| w.is_finite())
        .fold(0f32, f32::max);
    let parameters: usize = columns.iter().map(|c| c.block.parameters).sum();
    let total = format!("{} parameters", grouped(parameters));
    svg.row(
        (MARGIN, size.0 - MARGIN),
        line(title, TITLE_SIZE, INK, 28.0),
        line(&total, SMALL_SIZE + 2.0, GREY, 28.0),
    )?;
    for ((column, to), from) in columns.iter().zip(&places).skip(1).zip(&places) {
        draw_weights(&mut svg, column, from, to, largest)?;
    }
    for (column, places) in columns.iter().zip(&places) {
        draw_head(&mut svg, column, places)?;
        draw_units(&mut svg, column, places);
    }
    let biases = columns.iter().any(|c| !c.biases.is_empty());
    draw_foot(&mut svg, largest, biases, size.1)?;
    Ok(svg.finish(size))
}

fn count(column: &UnitColumn) -> usize {
    column.weights.iter().map(Vec::len).sum()
}

fn check(columns: &[UnitColumn]) -> Result<()> {
    if !(2..=MAX_COLUMNS).contains(&columns.len()) {
        let expected = format!("2 to {MAX_COLUMNS} columns of units");
        return Err(Error::argument("network drawing", expected, columns.len()));
    }
    let mut before = 0;
    for column in columns {
        let units = column.weights.len();
        if !(1..=MAX_UNITS).contains(&units) {
            let expected = format!("1 to {MAX_UNITS} units");
            return Err(Error::layer(
                &column.block.name,
                expected,
                units.to_string(),
            ));
        }
        if let Some(row) = column.weights.iter().find(|row| row.len() != before) {
            let expected = format!("{before} weights a unit");
            return Err(Error::layer(
                &column.block.name,
                expected,
                row.len().to_string(),
            ));
        }
        before = units;
    }
    Ok(())
}

fn draw_head(svg: &mut Svg, column: &UnitColumn, places: &[Point]) -> Result<()> {
    let Some(&(x, _)) = places.first() else {
        return Ok(());
    };
    let (role, paint) = match column.role {
        Role::Input => ("input", PLAIN),
        Role::Encoder => ("encoder", ENCODER),
        Role::Code => ("code", HIGHLIGHT),
        Role::Decoder => ("decoder", DECODER),
        Role::Output => ("output", DECODER),
    };
    let role = match column.role {
        Role::Input | Role::Output => format!("{role} {}", shape(&column.block.output)),
        _ => role.to_string(),
    };
    let name = match column.role {
        Role::Input => "",
        _ => column.block.name.as_str(),
    };
    let parameters = match column.block.parameters {
        0 => String::new(),
        count => format!("{count} parameters"),
    };
    let head = [
        (role.as_str(), SMALL_SIZE + 2.5, paint.stroke),
        (column.block.layer.as_str(), SMALL_SIZE + 2.5, INK),
        (name, SMALL_SIZE, GREY),
        (parameters.as_str(), SMALL_SIZE, GREY),
    ];
    let mut y = HEAD_TOP;
    for (words, size, color) in head {
        if words.is_empty() {
            continue;
        }
        let words = text::shorten(words, size, HEAD)?;
        svg.text(Line {
            x,
            anchor: "middle",
            ..line(&words, size, color, y)
        });
        y += HEAD_LINE;
    }
    let left = x - 0.5 * HEAD;
    y -= 0.25 * HEAD_LINE;
    for (name, kind) in &column.block.tags {
        let paint = Paint {
            fill: WHITE,
            width: 1.0,
            ..paint
        };
        svg.rect((left + 4.0, y), (HEAD - 8.0, TAG - 3.0), paint);
        let middle = y + 0.5 * (TAG - 3.0);
        svg.row(
            (left + 12.0, left + HEAD - 12.0),
            line(kind, SMALL_SIZE, INK, middle),
            line(name, SMALL_SIZE - 1.0, GREY, middle),
        )?;
        y += TAG;
    }
    Ok(())
}

fn draw_units(svg: &mut Svg, column: &UnitColumn, places: &[Point]) {
    let paint = match column.role {
        Role::Input => PLAIN,
        Role::Encoder => ENCODER,
        Role::Code => HIGHLIGHT,
        Role::Decoder | Role::Output => DECODER,
    };
    for (unit, &(x, y)) in places.iter().enumerate() {
        svg.circle((x, y), RADIUS, paint);
        let inside = match column.role {
            Role::Input => Some(format!("x{}", unit + 1)),
            _ => column.biases.get(unit).map(|bias| value(*bias)),
        };
        if let Some(inside) = inside {
            let centred = Line {
                x,
                anchor: "middle",
                ..line(&inside, SMALL_SIZE - 0.5, INK, y)
            };
            svg.text(centred);
        }
        if column.role == Role::Output {
            let name = format!("y{}", unit + 1);
            let beside = line(&name, SMALL_SIZE + 1.0, INK, y);
            svg.text(Line {
                x: x + RADIUS + 10.0,
                ..beside
            });
        }
    }
}

/// What colours, widths and the numbers in the circles mean.
fn draw_foot(svg: &mut Svg, largest: f32, biases: bool, bottom: f32) -> Result<()> {
    let widest = format!("widest line: a weight of ±{}", value(largest));
    let mut x = MARGIN;
    let in_circles = if biases { "in the circles: biases" } else { "" };
    for (words, color) in [
        ("positive weight", dark(BLUE)),
        ("negative weight", dark(VERMILLION)),
        (widest.as_str(), GREY),
        (in_circles, GREY),
    ] {
        svg.text(Line {
            x,
            ..line(words, SMALL_SIZE, color, bottom - 24.0)
        });
        x += text::width(words, SMALL_SIZE)? + 24.0;
    }
    Ok(())
}
