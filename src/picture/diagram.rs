//! A network as boxes: the encoder down on the left, the code below, the decoder up on the right.

use super::chart::Chart;
use super::frame::TITLE;
use super::palette::{AXIS, BLUE, Color, GREEN, INK, SOFT_INK, VERMILLION, WHITE};
use super::svg::{Paint, Point, Svg, TextStyle};
use crate::number::grouped;
use crate::{Error, Result};

/// A layer, and what works on its result without changing the shape.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// As in the checkpoint, `encoder.0`; `encoder.0.1` for a layer within another.
    pub name: String,
    /// Its kind, as `conv 3x3, 32`.
    pub layer: String,
    /// Shape of its result for one sample, without the batch.
    pub output: Vec<usize>,
    /// Number of trained values.
    pub parameters: usize,
    /// Name and kind of the layers that are drawn as tags on it, in order.
    pub tags: Vec<(String, String)>,
}

/// A network to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagram {
    /// The line above the drawing.
    pub title: String,
    /// Shape of a sample.
    pub input: Vec<usize>,
    /// The blocks from the input to the code.
    pub encoder: Vec<Block>,
    /// Shape of a code.
    pub code: Vec<usize>,
    /// Whether the encoder gives mean and log-variance of the code's distribution.
    pub variational: bool,
    /// The blocks from the code to the reconstruction.
    pub decoder: Vec<Block>,
}

/// Pixels: of a column and of the room between two, of a box, its tags, and the arrow to the next.
const MARGIN: f32 = 24.0;
const COLUMN: f32 = 312.0;
const BETWEEN: f32 = 100.0;
const BOX: f32 = 52.0;
const TAG: f32 = 24.0;
const TAG_INDENT: f32 = 14.0;
const ARROW: f32 = 28.0;
const TOP: f32 = 92.0;
const CODE_WIDTH: f32 = 206.0;
const SAMPLED: f32 = 76.0;
const PADDING: f32 = 12.0;
const WIDTH: f32 = 2.0 * (MARGIN + COLUMN) + BETWEEN;

const KIND: TextStyle = TextStyle::new(13.5, INK);
const TAG_KIND: TextStyle = TextStyle::new(11.5, INK);
pub(super) const SMALL: TextStyle = TextStyle::new(11.0, SOFT_INK);

/// The most boxes in a column: beyond that the picture is too high to be looked at.
const MOST: usize = 100;

pub(super) const PLAIN: Paint = Paint::new(WHITE, AXIS, 1.5);
pub(super) const ENCODER: Paint = Paint::new(Color(230, 241, 248), BLUE, 1.5);
pub(super) const DECODER: Paint = Paint::new(Color(252, 238, 227), VERMILLION, 1.5);
pub(super) const HIGHLIGHT: Paint = Paint::new(Color(217, 241, 233), GREEN, 2.5);

/// Draws a network.
///
/// # Errors
/// If encoder or decoder have more than 100 layers.
pub fn diagram(diagram: &Diagram) -> Result<Chart> {
    let longest = diagram.encoder.len().max(diagram.decoder.len());
    if longest > MOST {
        let expected = format!("at most {MOST} layers in encoder and decoder each");
        return Err(Error::argument("network drawing", expected, longest));
    }
    let mut svg = Svg::default();
    draw_header(&mut svg, diagram);
    let [input, output] = ["input", "output"].map(|name| Block {
        layer: name.to_string(),
        output: diagram.input.clone(),
        ..Block::default()
    });
    let left: Vec<&Block> = std::iter::once(&input).chain(&diagram.encoder).collect();
    let right = std::iter::once(&output).chain(diagram.decoder.iter().rev());
    let right: Vec<&Block> = right.collect();
    // Both columns are as high as the higher one; the arrows of the other are longer.
    let boxes = |column: &[&Block]| column.iter().map(|block| height(block)).sum::<f32>();
    let arrows = |column: &[&Block]| column.len().saturating_sub(1) as f32;
    let reach = |column: &[&Block]| boxes(column) + ARROW * arrows(column);
    let highest = reach(&left).max(reach(&right));
    let arrow = |column: &[&Block]| (highest - boxes(column)) / arrows(column).max(1.0);
    let encoder = draw_column(&mut svg, &left, arrow(&left), Side::Encoder);
    let decoder = draw_column(&mut svg, &right, arrow(&right), Side::Decoder);
    let end = draw_code(&mut svg, diagram, encoder, decoder);
    Ok(svg.finish((WIDTH, end + MARGIN)))
}

fn draw_header(svg: &mut Svg, diagram: &Diagram) {
    let count = |blocks: &[Block]| blocks.iter().map(|block| block.parameters).sum::<usize>();
    let (encoder, decoder) = (count(&diagram.encoder), count(&diagram.decoder));
    let total = parameters(encoder + decoder);
    let soft = TextStyle::new(KIND.size, SOFT_INK);
    let sides = (MARGIN, WIDTH - MARGIN);
    svg.row(sides, 28.0, (&diagram.title, TITLE), (&total, soft));
    for (name, count, side) in [
        ("encoder", encoder, Side::Encoder),
        ("decoder", decoder, Side::Decoder),
    ] {
        let (x, paint) = side.place();
        let style = TextStyle::new(KIND.size, paint.stroke);
        let count = parameters(count);
        svg.row((x, x + COLUMN), 68.0, (name, style), (&count, SMALL));
    }
}

fn height(block: &Block) -> f32 {
    BOX + TAG * block.tags.len() as f32
}

/// The columns; data flows up in the decoder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Encoder,
    Decoder,
}

impl Side {
    /// The left edge and the paint.
    fn place(self) -> (f32, Paint) {
        match self {
            Self::Encoder => (MARGIN, ENCODER),
            Self::Decoder => (WIDTH - MARGIN - COLUMN, DECODER),
        }
    }
}

/// Draws boxes and arrows from the top down; returns the middle of the lower edge of the last box.
fn draw_column(svg: &mut Svg, blocks: &[&Block], arrow: f32, side: Side) -> Point {
    let (x, paint) = side.place();
    let middle = x + 0.5 * COLUMN;
    let mut y = TOP;
    for (place, block) in blocks.iter().enumerate() {
        if place > 0 {
            let (upper, lower) = ((middle, y), (middle, y + arrow));
            match side {
                Side::Encoder => svg.arrow(&[upper, lower], AXIS),
                Side::Decoder => svg.arrow(&[lower, upper], AXIS),
            }
            y += arrow;
        }
        let paint = if place == 0 { PLAIN } else { paint };
        draw_block(svg, block, (x, y), paint, side);
        y += height(block);
    }
    (middle, y)
}

/// Draws a box with its tags on the side where the data leaves it. Layers within another are narrower.
fn draw_block(svg: &mut Svg, block: &Block, (x, y): Point, paint: Paint, side: Side) {
    let depth = block.name.matches('.').count().saturating_sub(1).min(4);
    let indent = TAG_INDENT * depth as f32;
    let (x, width) = (x + indent, COLUMN - 2.0 * indent);
    let tags = TAG * block.tags.len() as f32;
    let (box_y, mut tag_y, step) = match side {
        Side::Encoder => (y, y + BOX, TAG),
        Side::Decoder => (y + tags, y + tags - TAG, -TAG),
    };
    for (name, kind) in &block.tags {
        let size = (width - 2.0 * TAG_INDENT, TAG);
        let row = (0.5, (kind.as_str(), TAG_KIND), (name.as_str(), SMALL));
        let corner = (x + TAG_INDENT, tag_y);
        let paint = Paint::new(WHITE, paint.stroke, paint.width);
        draw_box(svg, corner, size, paint, &[row]);
        tag_y += step;
    }
    // Input and output have one line only.
    let share = if block.name.is_empty() { 0.5 } else { 0.33 };
    let (output, count) = (shape(&block.output), parameters(block.parameters));
    let count = if block.parameters > 0 { &count } else { "" };
    let rows = [
        (share, (block.layer.as_str(), KIND), (output.as_str(), KIND)),
        (0.72, (block.name.as_str(), SMALL), (count, SMALL)),
    ];
    draw_box(svg, (x, box_y), (width, BOX), paint, &rows);
}

/// A height, as a share of the box, with the words on the left and on the right.
type BoxRow<'a> = (f32, (&'a str, TextStyle), (&'a str, TextStyle));

fn draw_box(svg: &mut Svg, corner: Point, size: (f32, f32), paint: Paint, rows: &[BoxRow]) {
    svg.rect(corner, size, paint);
    let sides = (corner.0 + PADDING, corner.0 + size.0 - PADDING);
    for (share, first, last) in rows {
        svg.row(sides, corner.1 + share * size.1, *first, *last);
    }
}

/// Draws the code between encoder and decoder, and the arrows to it and from it; returns its lower edge.
fn draw_code(
    svg: &mut Svg,
    diagram: &Diagram,
    (left, left_end): Point,
    (right, right_end): Point,
) -> f32 {
    let code_x = 0.5 * (WIDTH - CODE_WIDTH);
    let below = left_end.max(right_end) + ARROW;
    let code_shape = shape(&diagram.code);
    let (code_shape, none) = ((code_shape.as_str(), KIND), ("", SMALL));
    let name = ("code", TextStyle::new(KIND.size, HIGHLIGHT.stroke));
    let values = match diagram.code.iter().product::<usize>() {
        1 => "1 value".to_string(),
        values => format!("{} values", grouped(values)),
    };
    let (height, middle, rows);
    if diagram.variational {
        let size = (0.5 * (COLUMN - TAG_INDENT), BOX);
        height = SAMPLED;
        middle = below + BOX + 0.5 * (ARROW + height);
        let paint = Paint::new(HIGHLIGHT.fill, HIGHLIGHT.stroke, 1.5);
        for (side, name) in [(-0.5, "mean μ"), (0.5, "log σ²")] {
            let centre = left + side * (size.0 + TAG_INDENT);
            let corner = (centre - 0.5 * size.0, below);
            let row = (0.5, (name, KIND), code_shape);
            draw_box(svg, corner, size, paint, &[row]);
            svg.arrow(&[(centre, left_end), (centre, below)], AXIS);
            let turn = (centre, middle);
            svg.arrow(&[(centre, below + BOX), turn, (code_x, middle)], AXIS);
        }
        rows = vec![
            (0.23, name, code_shape),
            (0.5, ("sample z = μ + σ ε", SMALL), none),
            (0.76, ("ε from N(0, 1)", SMALL), none),
        ];
    } else {
        height = BOX;
        middle = below + 0.5 * height;
        svg.arrow(&[(left, left_end), (left, middle), (code_x, middle)], AXIS);
        rows = vec![(0.33, name, code_shape), (0.72, (&values, SMALL), none)];
    }
    let code_end = (code_x + CODE_WIDTH, middle);
    svg.arrow(&[code_end, (right, middle), (right, right_end)], AXIS);
    let corner = (code_x, middle - 0.5 * height);
    draw_box(svg, corner, (CODE_WIDTH, height), HIGHLIGHT, &rows);
    middle + 0.5 * height
}

/// `1 parameter`, `1,234 parameters`.
pub(super) fn parameters(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} parameter{plural}", grouped(count))
}

/// A shape as `64x14x14`.
pub(super) fn shape(dims: &[usize]) -> String {
    let dims: Vec<String> = dims.iter().map(usize::to_string).collect();
    dims.join("x")
}
