//! From lists of layers to steps.

use super::CpuStep;
use super::add::Add;
use super::conv::{FastConv, Kind};
use super::dense::Dense;
use super::elementwise::Elementwise;
use super::finish::{Finish, Fused};
use super::gather::GatherConv;
use super::grid::{Grid, Layout, Shape};
use super::latent::Latent;
use super::rearrange::{MaxPool, Softmax, ToFlat, ToGrid, Upsample};
use super::scatter::ScatterConv;
use super::transposed::TransposedConv;
use crate::activation::Activation;
use crate::engine::lowering::Part;
use crate::layer::{self, Conv2d, ConvTranspose2d, Layer, LayerSpec};
use crate::network::{Code, LOG_VARIANCE_BOUND};

/// Convolutions from or to at most this many channels use vectors of places: vectors of channels would be mostly
/// padding.
const FEW: usize = 4;

/// Steps for the layers of a network or a part of it, and the number of the first step after the code; none if a layer
/// has no step.
pub(crate) fn lower(part: Part) -> Option<(Vec<CpuStep>, usize)> {
    let mut plans = Plans {
        shape: Shape::new(part.input)?,
        list: Vec::new(),
    };
    plans.add(part.encoder)?;
    if let Code::Gaussian { latent } = part.code {
        plans.add_latent(latent);
    }
    let code = plans.list.len();
    plans.add(part.decoder)?;
    Some(steps(&plans.list, code))
}

/// Steps in the layouts that their neighbours read, with conversions between them, and the number of the step of plan
/// `code`.
fn steps(plans: &[(Plan, Shape)], code: usize) -> (Vec<CpuStep>, usize) {
    let mut steps = Vec::with_capacity(plans.len() + 2);
    // The current layout, and for each plan the first step and the layout before it.
    let mut layout = Layout::Flat;
    let mut before = Vec::with_capacity(plans.len());
    let mut first = 0;
    for (number, &(ref plan, output)) in plans.iter().enumerate() {
        if number == code {
            first = steps.len();
        }
        before.push((steps.len(), layout));
        if let (Some(grid), Layout::Flat) = (plan.input_grid(), layout) {
            steps.push(CpuStep::ToGrid(ToGrid { grid }));
            layout = Layout::Grid(grid);
        }
        let next = plans.get(number + 1).map(|(next, _)| next);
        let plain = Grid::plain(output.channels, output.height, output.width);
        // A reshape between two convolutions changes the contents of a grid.
        let wanted = next.and_then(|next| next.grid_for(plain));
        let gives_grid = match plan {
            Plan::Conv(conv) => conv.algorithm != ConvAlgorithm::Scatter,
            Plan::Transposed(_) => true,
            Plan::Flat(_) => false,
            // A sum keeps the layout of its input.
            Plan::Add { .. } => matches!(layout, Layout::Grid(_)),
        };
        let to = wanted.unwrap_or(plain);
        let given = match gives_grid {
            true => Layout::Grid(to),
            false => Layout::Flat,
        };
        steps.push(match plan {
            Plan::Conv(conv) => conv.step(to),
            Plan::Transposed(conv) => CpuStep::Transposed(TransposedConv { to, ..conv.clone() }),
            Plan::Flat(step) => step.clone(),
            Plan::Add { source, .. } => {
                let (source, skip) = before.get(*source).copied().unwrap_or((0, layout));
                CpuStep::Add(Add {
                    source,
                    shape: output,
                    x: layout,
                    skip,
                    out: given,
                })
            }
        });
        layout = given;
        if gives_grid && wanted.is_none() {
            steps.push(CpuStep::ToFlat(ToFlat { grid: plain }));
            layout = Layout::Flat;
        }
    }
    (steps, first)
}

/// A step whose neighbours are not known yet.
enum Plan {
    Conv(Conv),
    Transposed(TransposedConv),
    /// From flat samples to flat ones.
    Flat(CpuStep),
    /// Its input plus the input of plan `source`.
    Add {
        source: usize,
        shape: Shape,
    },
}

/// How a convolution is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ConvAlgorithm {
    Fast,
    Gather,
    Scatter,
}

struct Conv {
    algorithm: ConvAlgorithm,
    kind: Kind,
    input: Shape,
    layer: Conv2d,
    activation: Fused,
    pool: bool,
}

impl Plan {
    /// The grid that it reads; none if it reads flat samples.
    fn input_grid(&self) -> Option<Grid> {
        match self {
            Self::Conv(conv) => conv.input_grid(),
            Self::Transposed(conv) => Some(conv.from),
            Self::Flat(_) | Self::Add { .. } => None,
        }
    }

    /// The grid in which it reads values that a grid without border could hold.
    fn grid_for(&self, plain: Grid) -> Option<Grid> {
        match self {
            Self::Add { shape, .. } => (plain.shape() == *shape).then_some(plain),
            _ => self
                .input_grid()
                .filter(|grid| grid.shape() == plain.shape()),
        }
    }
}

impl Conv {
    /// The convolution of a layer with the activation and the max-pool after it, which are removed from `rest`.
    fn new(kind: Kind, input: Shape, layer: Conv2d, rest: &mut &[Layer]) -> Self {
        let is_small = layer.kernel == 3 && layer.stride == 1;
        let algorithm = match kind {
            _ if is_small && layer.channels <= FEW && input.channels > FEW => {
                ConvAlgorithm::Scatter
            }
            Kind::Plain if !is_small || input.channels <= FEW => ConvAlgorithm::Gather,
            _ => ConvAlgorithm::Fast,
        };
        let mut conv = Self {
            algorithm,
            kind,
            input,
            layer,
            activation: Fused::Linear,
            pool: false,
        };
        if algorithm == ConvAlgorithm::Scatter {
            return conv;
        }
        conv.activation = take_relu(rest);
        if let (Kind::Plain, Some((pool, behind))) = (kind, rest.split_first())
            && let LayerSpec::MaxPool2d(pool) = pool.spec()
            && pool.size == 2
        {
            conv.pool = true;
            *rest = behind;
        }
        conv
    }

    fn input_grid(&self) -> Option<Grid> {
        let Shape {
            channels,
            height,
            width,
        } = self.input;
        match self.algorithm {
            ConvAlgorithm::Fast => Some(FastConv::grid(self.kind, channels, height, width)),
            ConvAlgorithm::Scatter => Some(Grid::plain(channels, height, width)),
            ConvAlgorithm::Gather => None,
        }
    }

    /// Shape of the sums, before the max-pool.
    fn sums(&self) -> Shape {
        let scale = match self.kind {
            Kind::Plain => 1,
            Kind::Upsampled => 2,
        };
        Shape {
            channels: self.layer.channels,
            height: scale * self.input.height / self.layer.stride,
            width: scale * self.input.width / self.layer.stride,
        }
    }

    /// The step, with its results in a grid.
    fn step(&self, to: Grid) -> CpuStep {
        let Shape {
            channels,
            height,
            width,
        } = self.input;
        let sums = self.sums();
        let finish = Finish {
            height: sums.height,
            width: sums.width,
            activation: self.activation,
            pool: self.pool,
            to,
        };
        match self.algorithm {
            ConvAlgorithm::Fast => CpuStep::Fast(FastConv {
                kind: self.kind,
                from: FastConv::grid(self.kind, channels, height, width),
                out_channels: self.layer.channels,
                finish,
            }),
            ConvAlgorithm::Gather => CpuStep::Gather(GatherConv {
                channels,
                height,
                width,
                kernel: self.layer.kernel,
                stride: self.layer.stride,
                padding: self.layer.padding(),
                out_channels: self.layer.channels,
                finish,
            }),
            ConvAlgorithm::Scatter => CpuStep::Scatter(ScatterConv {
                kind: self.kind,
                from: Grid::plain(channels, height, width),
                out_channels: self.layer.channels,
            }),
        }
    }
}

/// Plans of the layers so far, and the shape of their results.
struct Plans {
    shape: Shape,
    /// Each with the shape of its results.
    list: Vec<(Plan, Shape)>,
}

impl Plans {
    /// Appends the plans of some layers; none if one of them has no step.
    fn add(&mut self, layers: &[Layer]) -> Option<()> {
        let mut rest = layers;
        while let Some((layer, behind)) = rest.split_first() {
            rest = behind;
            let shape = self.shape;
            let plan = match layer.spec() {
                LayerSpec::Dense(dense) => Plan::Flat(CpuStep::Dense(Dense {
                    inputs: shape.len(),
                    outputs: dense.units,
                    bias: dense.bias,
                })),
                LayerSpec::Conv2d(conv) => {
                    Plan::Conv(Conv::new(Kind::Plain, shape, *conv, &mut rest))
                }
                LayerSpec::Upsample(upsample) => self.upsample(*upsample, &mut rest),
                LayerSpec::ConvTranspose2d(conv) => {
                    Plan::Transposed(transposed(shape, *conv, &mut rest))
                }
                LayerSpec::MaxPool2d(pool) => Plan::Flat(CpuStep::MaxPool(MaxPool {
                    shape,
                    size: pool.size,
                })),
                LayerSpec::Residual(_) => {
                    let source = self.list.len();
                    self.add(layer.body())?;
                    Plan::Add { source, shape }
                }
                LayerSpec::Activation(Activation::Softmax) => {
                    Plan::Flat(CpuStep::Softmax(Softmax { shape }))
                }
                LayerSpec::Activation(activation) => {
                    Plan::Flat(CpuStep::Elementwise(Elementwise {
                        function: activation.pointwise()?,
                        len: shape.len(),
                    }))
                }
                LayerSpec::Flatten(_) | LayerSpec::Reshape(_) => {
                    self.shape = Shape::new(layer.output())?;
                    continue;
                }
                _ => return None,
            };
            // After the layer, or the last of those fused into the same step.
            let last = layers.get((layers.len() - rest.len()).checked_sub(1)?)?;
            self.shape = Shape::new(last.output())?;
            self.list.push((plan, self.shape));
        }
        Some(())
    }

    /// A 3x3 convolution after an upsampling by two includes the upsampling.
    fn upsample(&self, upsample: layer::Upsample, rest: &mut &[Layer]) -> Plan {
        if let Some((layer, behind)) = rest.split_first()
            && let LayerSpec::Conv2d(conv) = layer.spec()
            && (upsample.scale, conv.kernel, conv.stride) == (2, 3, 1)
        {
            *rest = behind;
            return Plan::Conv(Conv::new(Kind::Upsampled, self.shape, *conv, rest));
        }
        Plan::Flat(CpuStep::Upsample(Upsample {
            shape: self.shape,
            scale: upsample.scale,
        }))
    }

    fn add_latent(&mut self, dimensions: usize) {
        let latent = Latent {
            dimensions,
            bound: LOG_VARIANCE_BOUND,
        };
        self.shape = Shape::flat(dimensions);
        let plan = Plan::Flat(CpuStep::Latent(latent));
        self.list.push((plan, self.shape));
    }
}

fn transposed(input: Shape, layer: ConvTranspose2d, rest: &mut &[Layer]) -> TransposedConv {
    let from = Grid::plain(input.channels, input.height, input.width);
    TransposedConv {
        from,
        scale: layer.scale,
        out_channels: layer.channels,
        activation: take_relu(rest),
        to: from,
    }
}

/// The relu that follows, which is removed from `rest`, or none.
fn take_relu(rest: &mut &[Layer]) -> Fused {
    match rest.split_first() {
        Some((layer, behind)) if *layer.spec() == LayerSpec::Activation(Activation::Relu) => {
            *rest = behind;
            Fused::Relu
        }
        _ => Fused::Linear,
    }
}
