//! A small dense network as units and weights: a circle for each unit, a line for each weight.

use super::chart::Chart;
use super::diagram::{Block, DECODER, ENCODER, HIGHLIGHT, PLAIN, SMALL, parameters, shape};
use super::font::width;
use super::frame::TITLE;
use super::palette::{BLUE, INK, SOFT_INK, VERMILLION, WHITE};
use super::svg::{Anchor, Paint, Point, Svg, TextStyle};
use super::unit_weights::{MAX_VALUES, draw_weights, value};
use crate::{Error, Result};

/// The place of a column of units in its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Values of the sample.
    Input,
    /// Hidden units before the code.
    Encoder,
    /// Values of the code.
    Code,
    /// Hidden units after the code.
    Decoder,
    /// Values of the reconstruction.
    Output,
}

/// The units of a layer with the weights that lead to them.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitColumn {
    /// What its units are.
    pub role: Role,
    /// The words of its head; for the input, name and parameters are left out.
    pub block: Block,
    /// `(units, units before)`, a row for each unit; empty rows for the input.
    pub weights: Vec<Vec<f32>>,
    /// One for each unit, or none.
    pub biases: Vec<f32>,
}

/// The most units of a column, and the most columns, that can be told apart.
pub const MAX_UNITS: usize = 16;
/// The most columns that are drawn.
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

/// Draws the units of a network from the input on the left to the output on the right. The width of a line
/// is proportional to its weight; it is blue if the weight is positive, orange if negative. The circles hold
/// the biases.
///
/// # Errors
/// If there are fewer than two columns or more than twelve, a column has no unit or more than sixteen, or
/// the weights of a unit are not as many as the units before it.
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
    let height = pitch * most as f32;
    let middle = top + 0.5 * height;
    let mut x = MARGIN + 0.5 * HEAD;
    let mut places: Vec<Vec<Point>> = Vec::with_capacity(columns.len());
    for (number, column) in columns.iter().enumerate() {
        if number > 0 {
            let weights: usize = column.weights.iter().map(Vec::len).sum();
            x += if weights <= MAX_VALUES { WIDE } else { NARROW };
        }
        // Columns of fewer units spread over the same height.
        let count = column.weights.len() as f32;
        let pitch = SPARSE.min(height / count);
        let first = middle - 0.5 * pitch * (count - 1.0);
        let units = (0..column.weights.len()).map(|unit| (x, first + pitch * unit as f32));
        places.push(units.collect());
    }
    let size = (x + 0.5 * HEAD + MARGIN, top + height + FOOT);

    let mut svg = Svg::default();
    let weights = columns.iter().flat_map(|c| &c.weights).flatten();
    let finite = weights.map(|w| w.abs()).filter(|w| w.is_finite());
    let largest = finite.fold(0f32, f32::max);
    let total = parameters(columns.iter().map(|c| c.block.parameters).sum());
    let sides = (MARGIN, size.0 - MARGIN);
    let soft = TextStyle::new(13.0, SOFT_INK);
    svg.row(sides, 28.0, (title, TITLE), (&total, soft));
    for ((column, to), from) in columns.iter().zip(&places).skip(1).zip(&places) {
        draw_weights(&mut svg, &column.weights, from, to, largest);
    }
    for (column, places) in columns.iter().zip(&places) {
        draw_head(&mut svg, column, places);
        draw_units(&mut svg, column, places);
    }
    let biases = columns.iter().any(|c| !c.biases.is_empty());
    draw_foot(&mut svg, largest, biases, size.1 - 24.0);
    Ok(svg.finish(size))
}

fn check(columns: &[UnitColumn]) -> Result<()> {
    if !(2..=MAX_COLUMNS).contains(&columns.len()) {
        let expected = format!("2 to {MAX_COLUMNS} columns of units");
        return Err(Error::argument("network drawing", expected, columns.len()));
    }
    let mut before = 0;
    for column in columns {
        let units = column.weights.len();
        let name = &column.block.name;
        let wrong = |expected, found: usize| Err(Error::layer(name, expected, found.to_string()));
        if !(1..=MAX_UNITS).contains(&units) {
            return wrong(format!("1 to {MAX_UNITS} units"), units);
        }
        if let Some(row) = column.weights.iter().find(|row| row.len() != before) {
            return wrong(format!("{before} weights a unit"), row.len());
        }
        before = units;
    }
    Ok(())
}

impl Role {
    fn paint(self) -> Paint {
        match self {
            Self::Input => PLAIN,
            Self::Encoder => ENCODER,
            Self::Code => HIGHLIGHT,
            Self::Decoder | Self::Output => DECODER,
        }
    }
}

fn draw_head(svg: &mut Svg, column: &UnitColumn, places: &[Point]) {
    let Some(&(x, _)) = places.first() else {
        return;
    };
    let block = &column.block;
    let role = match column.role {
        Role::Input => format!("input {}", shape(&block.output)),
        Role::Encoder => "encoder".to_string(),
        Role::Code => "code".to_string(),
        Role::Decoder => "decoder".to_string(),
        Role::Output => format!("output {}", shape(&block.output)),
    };
    let (name, count) = match column.role {
        Role::Input => ("", String::new()),
        _ => (block.name.as_str(), parameters(block.parameters)),
    };
    let paint = column.role.paint();
    let mut y = HEAD_TOP;
    for (words, style) in [
        (role.as_str(), TextStyle::new(13.5, paint.stroke)),
        (&block.layer, TextStyle::new(13.5, INK)),
        (name, SMALL),
        (&count, SMALL),
    ] {
        if !words.is_empty() {
            svg.fitted((x, y), Anchor::Middle, words, style, HEAD);
            y += HEAD_LINE;
        }
    }
    let left = x - 0.5 * HEAD;
    y -= 0.25 * HEAD_LINE;
    let paint = Paint::new(WHITE, paint.stroke, 1.0);
    for (name, kind) in &block.tags {
        svg.rect((left + 4.0, y), (HEAD - 8.0, TAG - 3.0), paint);
        let sides = (left + 12.0, left + HEAD - 12.0);
        let kind = (kind.as_str(), TextStyle::new(11.0, INK));
        let name = (name.as_str(), TextStyle::new(10.0, SOFT_INK));
        svg.row(sides, y + 0.5 * (TAG - 3.0), kind, name);
        y += TAG;
    }
}

fn draw_units(svg: &mut Svg, column: &UnitColumn, places: &[Point]) {
    for (unit, &(x, y)) in places.iter().enumerate() {
        svg.circle((x, y), RADIUS, column.role.paint());
        let inside = match column.role {
            Role::Input => Some(format!("x{}", unit + 1)),
            _ => column.biases.get(unit).map(|bias| value(*bias)),
        };
        if let Some(inside) = inside {
            svg.text((x, y), Anchor::Middle, &inside, TextStyle::new(10.5, INK));
        }
        if column.role == Role::Output {
            let (name, beside) = (format!("y{}", unit + 1), x + RADIUS + 10.0);
            svg.text((beside, y), Anchor::Start, &name, TextStyle::new(12.0, INK));
        }
    }
}

/// Says what colours, widths and the numbers in the circles mean.
fn draw_foot(svg: &mut Svg, largest: f32, biases: bool, y: f32) {
    let widest = format!("widest line: a weight of ±{}", value(largest));
    let in_circles = if biases { "in the circles: biases" } else { "" };
    let mut x = MARGIN;
    for (words, color) in [
        ("positive weight", BLUE.darker()),
        ("negative weight", VERMILLION.darker()),
        (&widest, SOFT_INK),
        (in_circles, SOFT_INK),
    ] {
        let style = TextStyle::new(SMALL.size, color);
        svg.text((x, y), Anchor::Start, words, style);
        x += width(words, style.size) + 24.0;
    }
}
