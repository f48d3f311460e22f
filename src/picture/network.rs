//! A network as boxes: the encoder down on the left, the code below, the decoder up on the right.

use plotters::style::RGBColor;

use super::palette::{BLUE, VERMILLION};
use super::plot::{AXIS, Chart, INK};
use super::svg::{Line, Paint, Svg};
use crate::number::grouped;
use crate::{Error, Result};

/// A layer, and what works on its result without changing the shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// As in the checkpoint, `encoder.0`.
    pub name: String,
    /// What it is.
    pub layer: String,
    /// Shape of a sample behind it, without the batch.
    pub output: Vec<usize>,
    pub parameters: usize,
    /// Name and kind of the layers that are drawn as tags on it, in order.
    pub tags: Vec<(String, String)>,
}

/// What a network's drawing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
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

/// Pixels: of a column and of what lies beside it, of a box, its tags, and the arrow to the next.
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

pub(super) const TITLE_SIZE: f32 = 16.0;
const KIND_SIZE: f32 = 13.5;
pub(super) const SMALL_SIZE: f32 = 11.0;

/// The most boxes in a column: beyond that the picture is too high to be looked at.
const MOST: usize = 100;

pub(super) const GREY: RGBColor = RGBColor(96, 96, 96);
pub(super) const PLAIN: Paint = Paint {
    fill: RGBColor(255, 255, 255),
    stroke: AXIS,
    width: 1.5,
};
pub(super) const ENCODER: Paint = Paint {
    fill: RGBColor(230, 241, 248),
    stroke: BLUE,
    width: 1.5,
};
pub(super) const DECODER: Paint = Paint {
    fill: RGBColor(252, 238, 227),
    stroke: VERMILLION,
    width: 1.5,
};
pub(super) const HIGHLIGHT: Paint = Paint {
    fill: RGBColor(217, 241, 233),
    stroke: RGBColor(0, 128, 94),
    width: 2.5,
};

/// Draws a network.
///
/// # Errors
/// If encoder or decoder have more than 100 layers.
pub fn network(network: &Network) -> Result<Chart> {
    let longest = network.encoder.len().max(network.decoder.len());
    if longest > MOST {
        let expected = format!("at most {MOST} layers in encoder and decoder each");
        return Err(Error::argument("network drawing", expected, longest));
    }
    let mut svg = Svg::default();
    let [input, output] = ["input", "output"].map(|name| end(name, &network.input));
    let left: Vec<&Block> = std::iter::once(&input).chain(&network.encoder).collect();
    let right: Vec<&Block> = std::iter::once(&output)
        .chain(network.decoder.iter().rev())
        .collect();
    // Both columns are as high as the higher one; the arrows of the other are longer.
    let own = |column: &[&Block]| column.iter().map(|block| height(block)).sum::<f32>();
    let arrows = |column: &[&Block]| column.len().saturating_sub(1) as f32;
    let reach = |column: &[&Block]| own(column) + ARROW * arrows(column);
    let bottom = TOP + reach(&left).max(reach(&right));
    let arrow = |column: &[&Block]| match arrows(column) {
        0.0 => 0.0,
        count => (bottom - TOP - own(column)) / count,
    };

    header(&mut svg, network)?;
    let encoder = Column {
        x: MARGIN,
        arrow: arrow(&left),
        paint: ENCODER,
        upwards: false,
    };
    let decoder = Column {
        x: WIDTH - MARGIN - COLUMN,
        arrow: arrow(&right),
        paint: DECODER,
        upwards: true,
    };
    let encoder_end = encoder.draw(&mut svg, &left)?;
    let decoder_end = decoder.draw(&mut svg, &right)?;
    let end = bottleneck(&mut svg, network, encoder_end, decoder_end)?;
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

fn header(svg: &mut Svg, network: &Network) -> Result<()> {
    let count = |blocks: &[Block]| blocks.iter().map(|block| block.parameters).sum::<usize>();
    let (encoder, decoder) = (count(&network.encoder), count(&network.decoder));
    let total = format!("{} parameters", grouped(encoder + decoder));
    svg.row(
        (MARGIN, WIDTH - MARGIN),
        line(&network.title, TITLE_SIZE, INK, 28.0),
        line(&total, KIND_SIZE, GREY, 28.0),
    )?;
    let sides = [
        (MARGIN, "encoder", encoder, ENCODER),
        (WIDTH - MARGIN - COLUMN, "decoder", decoder, DECODER),
    ];
    for (x, name, parameters, paint) in sides {
        let parameters = format!("{} parameters", grouped(parameters));
        svg.row(
            (x, x + COLUMN),
            line(name, KIND_SIZE, paint.stroke, 68.0),
            line(&parameters, SMALL_SIZE, GREY, 68.0),
        )?;
    }
    Ok(())
}

/// Text with its middle at height `y`; where it lies across is for others to say.
pub(super) fn line(text: &str, size: f32, color: RGBColor, y: f32) -> Line<'_> {
    Line {
        text,
        x: 0.0,
        y,
        size,
        color,
        anchor: "start",
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
    /// Draws the boxes; says where the last one ends, in the middle.
    fn draw(&self, svg: &mut Svg, blocks: &[&Block]) -> Result<(f32, f32)> {
        let middle = self.x + 0.5 * COLUMN;
        let mut y = TOP;
        for (place, block) in blocks.iter().enumerate() {
            if place > 0 {
                let ends = [(middle, y), (middle, y + self.arrow)];
                match self.upwards {
                    true => svg.arrow(&[ends[1], ends[0]], AXIS),
                    false => svg.arrow(&ends, AXIS),
                }
                y += self.arrow;
            }
            let paint = if place == 0 { PLAIN } else { self.paint };
            self.block(svg, block, y, paint)?;
            y += height(block);
        }
        Ok((middle, y))
    }

    /// A box, with its tags on the side where the flow leaves it.
    fn block(&self, svg: &mut Svg, block: &Block, y: f32, paint: Paint) -> Result<()> {
        let tags = TAG * block.tags.len() as f32;
        let (box_y, first_tag, step) = match self.upwards {
            true => (y + tags, y + tags - TAG, -TAG),
            false => (y, y + BOX, TAG),
        };
        let mut tag_y = first_tag;
        for (name, kind) in &block.tags {
            let (x, width) = (self.x + TAG_INDENT, COLUMN - 2.0 * TAG_INDENT);
            let fill = RGBColor(255, 255, 255);
            svg.rect((x, tag_y), (width, TAG), Paint { fill, ..paint });
            svg.row(
                (x + PADDING, x + width - PADDING),
                line(kind, SMALL_SIZE + 0.5, INK, tag_y + 0.5 * TAG),
                line(name, SMALL_SIZE, GREY, tag_y + 0.5 * TAG),
            )?;
            tag_y += step;
        }
        svg.rect((self.x, box_y), (COLUMN, BOX), paint);
        let parameters = match block.parameters {
            0 => String::new(),
            1 => "1 parameter".to_string(),
            count => format!("{} parameters", grouped(count)),
        };
        let sides = (self.x + PADDING, self.x + COLUMN - PADDING);
        // Input and output have one line only.
        let first = match block.name.is_empty() {
            true => box_y + 0.5 * BOX,
            false => box_y + 0.33 * BOX,
        };
        svg.row(
            sides,
            line(&block.layer, KIND_SIZE, INK, first),
            line(&shape(&block.output), KIND_SIZE, INK, first),
        )?;
        let second = box_y + 0.72 * BOX;
        svg.row(
            sides,
            line(&block.name, SMALL_SIZE, GREY, second),
            line(&parameters, SMALL_SIZE, GREY, second),
        )
    }
}

/// What lies between encoder and decoder, and the arrows to it and from it; says where it ends.
fn bottleneck(
    svg: &mut Svg,
    network: &Network,
    (left, left_end): (f32, f32),
    (right, right_end): (f32, f32),
) -> Result<f32> {
    let code_x = 0.5 * (WIDTH - CODE.0);
    let sides = (code_x + PADDING, code_x + CODE.0 - PADDING);
    let mut top = left_end.max(right_end) + ARROW;
    let code_shape = shape(&network.code);
    let mut code_height = CODE.1;
    let middle;
    if network.variational {
        let width = 0.5 * (COLUMN - TAG_INDENT);
        code_height = SAMPLED;
        let below = top + BOX;
        middle = below + 0.5 * (ARROW + code_height);
        for (place, name) in [(-1.0, "mean μ"), (1.0, "log σ²")] {
            let centre = left + place * 0.5 * (width + TAG_INDENT);
            let paint = Paint {
                width: 1.5,
                ..HIGHLIGHT
            };
            let x = centre - 0.5 * width;
            svg.rect((x, top), (width, BOX), paint);
            let y = top + 0.5 * BOX;
            svg.row(
                (x + PADDING, x + width - PADDING),
                line(name, KIND_SIZE, INK, y),
                line(&code_shape, KIND_SIZE, INK, y),
            )?;
            svg.arrow(&[(centre, left_end), (centre, top)], AXIS);
            svg.arrow(&[(centre, below), (centre, middle), (code_x, middle)], AXIS);
        }
        top = middle - 0.5 * code_height;
    } else {
        middle = top + 0.5 * code_height;
        svg.arrow(&[(left, left_end), (left, middle), (code_x, middle)], AXIS);
    }
    let code_end = (code_x + CODE.0, middle);
    svg.arrow(&[code_end, (right, middle), (right, right_end)], AXIS);

    svg.rect((code_x, top), (CODE.0, code_height), HIGHLIGHT);
    let first = top + 0.33 * CODE.1;
    svg.row(
        sides,
        line("code", KIND_SIZE, HIGHLIGHT.stroke, first),
        line(&code_shape, KIND_SIZE, INK, first),
    )?;
    let values = network.code.iter().product::<usize>();
    let second = top + 0.72 * CODE.1;
    if network.variational {
        let sampled = ["sample z = μ + σ ε", "ε from N(0, 1)"];
        for (text, y) in sampled.into_iter().zip([second, second + 20.0]) {
            svg.row(
                sides,
                line(text, SMALL_SIZE, GREY, y),
                line("", SMALL_SIZE, GREY, y),
            )?;
        }
    } else {
        let values = match values {
            1 => "1 value".to_string(),
            values => format!("{} values", grouped(values)),
        };
        svg.row(
            sides,
            line(&values, SMALL_SIZE, GREY, second),
            line("", SMALL_SIZE, GREY, second),
        )?;
    }
    Ok(top + code_height)
}

/// A shape as `64x14x14`.
pub(super) fn shape(dims: &[usize]) -> String {
    let dims: Vec<String> = dims.iter().map(usize::to_string).collect();
    dims.join("x")
}
