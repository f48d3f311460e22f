//! A network as boxes: the encoder down on the left, the code below, the decoder up on the right.

use super::chart::Chart;
use super::frame::TITLE;
use super::palette::{AXIS, BLUE, Color, GREEN, INK, SOFT_INK, VERMILLION, WHITE};
use super::svg::{Anchor, Paint, Point, Svg, TextStyle};
use crate::number::grouped;
use crate::{Error, Result};

/// A layer, and what works on its result without changing the shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// As in the checkpoint, `encoder.0`.
    pub name: String,
    /// Its kind, as `conv 3x3, 32`.
    pub layer: String,
    /// Shape of its result for one sample, without the batch.
    pub output: Vec<usize>,
    pub parameters: usize,
    /// Name and kind of the layers that are drawn as tags on it, in order.
    pub tags: Vec<(String, String)>,
}

/// A network to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagram {
    pub title: String,
    /// Shape of a sample.
    pub input: Vec<usize>,
    pub encoder: Vec<Block>,
    /// Shape of a code.
    pub code: Vec<usize>,
    /// Whether the encoder gives mean and log-variance of the code's distribution.
    pub variational: bool,
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
const CODE: (f32, f32) = (206.0, 52.0);
const SAMPLED: f32 = 76.0;
const PADDING: f32 = 12.0;
const WIDTH: f32 = 2.0 * (MARGIN + COLUMN) + BETWEEN;
const DECODER_X: f32 = WIDTH - MARGIN - COLUMN;

const KIND: TextStyle = TextStyle::new(13.5, INK);
const TAG_KIND: TextStyle = TextStyle::new(11.5, INK);
pub(super) const SMALL: TextStyle = TextStyle::new(11.0, SOFT_INK);

/// The most boxes in a column: beyond that the picture is too high to be looked at.
const MOST: usize = 100;

const fn paint(fill: Color, stroke: Color, width: f32) -> Paint {
    Paint {
        fill,
        stroke,
        width,
    }
}

pub(super) const PLAIN: Paint = paint(WHITE, AXIS, 1.5);
pub(super) const ENCODER: Paint = paint(Color(230, 241, 248), BLUE, 1.5);
pub(super) const DECODER: Paint = paint(Color(252, 238, 227), VERMILLION, 1.5);
pub(super) const HIGHLIGHT: Paint = paint(Color(217, 241, 233), GREEN, 2.5);

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
    let [input, output] = ["input", "output"].map(|name| end(name, &diagram.input));
    let left: Vec<&Block> = std::iter::once(&input).chain(&diagram.encoder).collect();
    let right: Vec<&Block> = std::iter::once(&output)
        .chain(diagram.decoder.iter().rev())
        .collect();
    // Both columns are as high as the higher one; the arrows of the other are longer.
    let boxes = |column: &[&Block]| column.iter().map(|block| height(block)).sum::<f32>();
    let arrows = |column: &[&Block]| column.len().saturating_sub(1) as f32;
    let reach = |column: &[&Block]| boxes(column) + ARROW * arrows(column);
    let highest = reach(&left).max(reach(&right));
    let arrow = |column: &[&Block]| (highest - boxes(column)) / arrows(column).max(1.0);

    draw_header(&mut svg, diagram);
    let encoder = Column {
        x: MARGIN,
        arrow: arrow(&left),
        paint: ENCODER,
        upwards: false,
    };
    let decoder = Column {
        x: DECODER_X,
        arrow: arrow(&right),
        paint: DECODER,
        upwards: true,
    };
    let encoder_end = encoder.draw(&mut svg, &left);
    let decoder_end = decoder.draw(&mut svg, &right);
    let end = draw_code(&mut svg, diagram, encoder_end, decoder_end);
    Ok(svg.finish((WIDTH, end + MARGIN)))
}

/// Input or output as a box.
fn end(name: &str, shape: &[usize]) -> Block {
    Block {
        name: String::new(),
        layer: name.to_string(),
        output: shape.to_vec(),
        parameters: 0,
        tags: Vec::new(),
    }
}

fn draw_header(svg: &mut Svg, diagram: &Diagram) {
    let count = |blocks: &[Block]| blocks.iter().map(|block| block.parameters).sum::<usize>();
    let (encoder, decoder) = (count(&diagram.encoder), count(&diagram.decoder));
    let total = parameters(encoder + decoder);
    let soft = TextStyle::new(KIND.size, SOFT_INK);
    let sides = (MARGIN, WIDTH - MARGIN);
    svg.row(sides, 28.0, (&diagram.title, TITLE), (&total, soft));
    for (x, name, count, paint) in [
        (MARGIN, "encoder", encoder, ENCODER),
        (DECODER_X, "decoder", decoder, DECODER),
    ] {
        let style = TextStyle::new(KIND.size, paint.stroke);
        let count = parameters(count);
        svg.row((x, x + COLUMN), 68.0, (name, style), (&count, SMALL));
    }
}

fn height(block: &Block) -> f32 {
    BOX + TAG * block.tags.len() as f32
}

/// A column of boxes, from the top.
struct Column {
    x: f32,
    /// Length of the arrows.
    arrow: f32,
    paint: Paint,
    /// Whether the flow goes up.
    upwards: bool,
}

impl Column {
    /// Draws the boxes; returns the middle of the lower edge of the last one.
    fn draw(&self, svg: &mut Svg, blocks: &[&Block]) -> Point {
        let middle = self.x + 0.5 * COLUMN;
        let mut y = TOP;
        for (place, block) in blocks.iter().enumerate() {
            if place > 0 {
                let (upper, lower) = ((middle, y), (middle, y + self.arrow));
                match self.upwards {
                    true => svg.arrow(&[lower, upper], AXIS),
                    false => svg.arrow(&[upper, lower], AXIS),
                }
                y += self.arrow;
            }
            let paint = if place == 0 { PLAIN } else { self.paint };
            self.draw_block(svg, block, y, paint);
            y += height(block);
        }
        (middle, y)
    }

    /// A box, with its tags on the side where the flow leaves it.
    fn draw_block(&self, svg: &mut Svg, block: &Block, y: f32, paint: Paint) {
        let tags = TAG * block.tags.len() as f32;
        let (box_y, first_tag, step) = match self.upwards {
            true => (y + tags, y + tags - TAG, -TAG),
            false => (y, y + BOX, TAG),
        };
        let mut tag_y = first_tag;
        for (name, kind) in &block.tags {
            let (x, width) = (self.x + TAG_INDENT, COLUMN - 2.0 * TAG_INDENT);
            let fill = WHITE;
            svg.rect((x, tag_y), (width, TAG), Paint { fill, ..paint });
            let sides = (x + PADDING, x + width - PADDING);
            let middle = tag_y + 0.5 * TAG;
            svg.row(sides, middle, (kind, TAG_KIND), (name, SMALL));
            tag_y += step;
        }
        svg.rect((self.x, box_y), (COLUMN, BOX), paint);
        let sides = (self.x + PADDING, self.x + COLUMN - PADDING);
        // Input and output have one line only.
        let share = if block.name.is_empty() { 0.5 } else { 0.33 };
        let first = box_y + share * BOX;
        let output = shape(&block.output);
        svg.row(sides, first, (&block.layer, KIND), (&output, KIND));
        let count = match block.parameters {
            0 => String::new(),
            count => parameters(count),
        };
        let second = box_y + 0.72 * BOX;
        svg.row(sides, second, (&block.name, SMALL), (&count, SMALL));
    }
}

/// Draws the code between encoder and decoder, and the arrows to it and from it; returns its lower edge.
fn draw_code(
    svg: &mut Svg,
    diagram: &Diagram,
    (left, left_end): Point,
    (right, right_end): Point,
) -> f32 {
    let code_x = 0.5 * (WIDTH - CODE.0);
    let below = left_end.max(right_end) + ARROW;
    let code_shape = shape(&diagram.code);
    let (height, middle);
    let notes: Vec<String>;
    if diagram.variational {
        let width = 0.5 * (COLUMN - TAG_INDENT);
        height = SAMPLED;
        middle = below + BOX + 0.5 * (ARROW + height);
        let paint = Paint {
            width: 1.5,
            ..HIGHLIGHT
        };
        for (side, name) in [(-0.5, "mean μ"), (0.5, "log σ²")] {
            let centre = left + side * (width + TAG_INDENT);
            let x = centre - 0.5 * width;
            svg.rect((x, below), (width, BOX), paint);
            let sides = (x + PADDING, x + width - PADDING);
            svg.row(sides, below + 0.5 * BOX, (name, KIND), (&code_shape, KIND));
            svg.arrow(&[(centre, left_end), (centre, below)], AXIS);
            let corner = (centre, middle);
            svg.arrow(&[(centre, below + BOX), corner, (code_x, middle)], AXIS);
        }
        notes = ["sample z = μ + σ ε", "ε from N(0, 1)"]
            .map(String::from)
            .to_vec();
    } else {
        height = CODE.1;
        middle = below + 0.5 * height;
        svg.arrow(&[(left, left_end), (left, middle), (code_x, middle)], AXIS);
        notes = vec![match diagram.code.iter().product::<usize>() {
            1 => "1 value".to_string(),
            values => format!("{} values", grouped(values)),
        }];
    }
    let code_end = (code_x + CODE.0, middle);
    svg.arrow(&[code_end, (right, middle), (right, right_end)], AXIS);

    let top = middle - 0.5 * height;
    svg.rect((code_x, top), (CODE.0, height), HIGHLIGHT);
    let (start, end) = (code_x + PADDING, code_x + CODE.0 - PADDING);
    let style = TextStyle::new(KIND.size, HIGHLIGHT.stroke);
    let first = top + 0.33 * CODE.1;
    svg.row((start, end), first, ("code", style), (&code_shape, KIND));
    let mut y = top + 0.72 * CODE.1;
    for note in notes {
        svg.fitted((start, y), Anchor::Start, &note, SMALL, end - start);
        y += 20.0;
    }
    top + height
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
