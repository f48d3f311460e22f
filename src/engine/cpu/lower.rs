//! From lists of layers to steps.

use super::conv::{FastConv, Kind};
use super::dense::Dense;
use super::elementwise::Elementwise;
use super::finish::{Finish, Fused};
use super::gather::GatherConv;
use super::grid::Grid;
use super::latent::Latent;
use super::rearrange::Planes;
use super::scatter::ScatterConv;
use super::step::CpuStep;

/// A layer, as far as steps need to know it.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    Dense {
        units: usize,
        bias: bool,
    },
    Conv {
        channels: usize,
        kernel: usize,
    },
    MaxPool {
        size: usize,
    },
    Upsample {
        scale: usize,
    },
    /// Another shape of the same values.
    Reshape(Shape),
    Elementwise(Elementwise),
    Softmax,
    Latent(Latent),
}

/// Channels, height and width of a sample; one dimension counts as channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Shape {
    /// None for a rank that no layer gives.
    pub fn new(dims: &[usize]) -> Option<Self> {
        let (channels, height, width) = match *dims {
            [channels] => (channels, 1, 1),
            [channels, height, width] => (channels, height, width),
            _ => return None,
        };
        Some(Self {
            channels,
            height,
            width,
        })
    }

    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    fn planes(self) -> Planes {
        Planes {
            channels: self.channels,
            height: self.height,
            width: self.width,
        }
    }
}

/// Convolutions from or to no more channels than this are worked out place by place: vectors of channels
/// would be mostly padding.
const FEW: usize = 4;

/// Steps for an encoder's and a decoder's layers on samples of a shape, and the number of the decoder's first.
pub(crate) fn lower(encoder: &[Stage], decoder: &[Stage], input: Shape) -> (Vec<CpuStep>, usize) {
    let mut plans = Vec::new();
    let code_shape = plan(encoder, input, &mut plans);
    let code = plans.len();
    plan(decoder, code_shape, &mut plans);
    let mut steps = Vec::with_capacity(plans.len() + 2);
    let mut first = 0;
    for (number, planned) in plans.iter().enumerate() {
        if number == code {
            first = steps.len();
        }
        let next = plans.get(number + 1).and_then(CpuPlan::input_grid);
        match planned {
            CpuPlan::Conv(conv) => {
                let before = number.checked_sub(1).and_then(|before| plans.get(before));
                let is_flat = before.is_none_or(|before| !before.gives_grid());
                if let Some(grid) = planned.input_grid().filter(|_| is_flat) {
                    steps.push(CpuStep::ToGrid(grid));
                }
                let shape = conv.output();
                let plain = Grid::plain(shape.channels, shape.height, shape.width);
                steps.push(conv.step(next.unwrap_or(plain)));
                if planned.gives_grid() && next.is_none() {
                    steps.push(CpuStep::ToFlat(plain));
                }
            }
            CpuPlan::Flat(step) => steps.push(step.clone()),
        }
    }
    (steps, first)
}

/// A step whose neighbours are not known yet.
enum CpuPlan {
    Conv(Conv),
    /// From flat samples to flat ones.
    Flat(CpuStep),
}

/// How a convolution is worked out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Fast,
    Gather,
    Scatter,
}

struct Conv {
    way: Way,
    kind: Kind,
    input: Shape,
    channels: usize,
    kernel: usize,
    activation: Fused,
    pool: bool,
}

impl CpuPlan {
    /// The grid that it reads, where it reads none that are flat.
    fn input_grid(&self) -> Option<Grid> {
        let Self::Conv(conv) = self else { return None };
        let Shape {
            channels,
            height,
            width,
        } = conv.input;
        match conv.way {
            Way::Fast => Some(FastConv::grid(conv.kind, channels, height, width)),
            Way::Scatter => Some(Grid::plain(channels, height, width)),
            Way::Gather => None,
        }
    }

    fn gives_grid(&self) -> bool {
        matches!(self, Self::Conv(conv) if conv.way != Way::Scatter)
    }
}

impl Conv {
    /// Shape of the sums, before the max-pool.
    fn sums(&self) -> Shape {
        let scale = match self.kind {
            Kind::Plain => 1,
            Kind::Upsampled => 2,
        };
        Shape {
            channels: self.channels,
            height: scale * self.input.height,
            width: scale * self.input.width,
        }
    }

    fn output(&self) -> Shape {
        let sums = self.sums();
        let scale = if self.pool { 2 } else { 1 };
        Shape {
            height: sums.height / scale,
            width: sums.width / scale,
            ..sums
        }
    }

    /// With the results in a grid.
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
        match self.way {
            Way::Fast => CpuStep::Fast(FastConv {
                kind: self.kind,
                from: FastConv::grid(self.kind, channels, height, width),
                out_channels: self.channels,
                finish,
            }),
            Way::Gather => CpuStep::Gather(GatherConv {
                channels,
                height,
                width,
                kernel: self.kernel,
                out_channels: self.channels,
                finish,
            }),
            Way::Scatter => CpuStep::Scatter(ScatterConv {
                kind: self.kind,
                from: Grid::plain(channels, height, width),
                out_channels: self.channels,
            }),
        }
    }
}

/// Appends the plans of some layers; returns the shape behind them.
fn plan(stages: &[Stage], mut shape: Shape, plans: &mut Vec<CpuPlan>) -> Shape {
    let mut rest = stages;
    while let Some((stage, behind)) = rest.split_first() {
        rest = behind;
        if let (
            Stage::Upsample { scale: 2 },
            [
                Stage::Conv {
                    channels,
                    kernel: 3,
                },
                behind @ ..,
            ],
        ) = (stage, rest)
        {
            rest = behind;
            let conv = conv(Kind::Upsampled, shape, (*channels, 3), &mut rest);
            shape = conv.output();
            plans.push(CpuPlan::Conv(conv));
            continue;
        }
        let step = match stage {
            Stage::Conv { channels, kernel } => {
                let conv = conv(Kind::Plain, shape, (*channels, *kernel), &mut rest);
                shape = conv.output();
                plans.push(CpuPlan::Conv(conv));
                continue;
            }
            Stage::Reshape(to) => {
                shape = *to;
                continue;
            }
            Stage::Dense { units, bias } => CpuStep::Dense(Dense {
                inputs: shape.len(),
                outputs: *units,
                bias: *bias,
            }),
            Stage::MaxPool { size } => CpuStep::MaxPool {
                planes: shape.planes(),
                size: *size,
            },
            Stage::Upsample { scale } => CpuStep::Upsample {
                planes: shape.planes(),
                scale: *scale,
            },
            Stage::Elementwise(function) => CpuStep::Elementwise {
                function: function.clone(),
                len: shape.len(),
            },
            Stage::Softmax => CpuStep::Softmax(shape.planes()),
            Stage::Latent(latent) => CpuStep::Latent(*latent),
        };
        shape = match stage {
            Stage::Dense { units, .. } => flat(*units),
            Stage::Latent(latent) => flat(latent.dimensions),
            Stage::MaxPool { size } => Shape {
                height: shape.height / size,
                width: shape.width / size,
                ..shape
            },
            Stage::Upsample { scale } => Shape {
                height: shape.height * scale,
                width: shape.width * scale,
                ..shape
            },
            _ => shape,
        };
        plans.push(CpuPlan::Flat(step));
    }
    shape
}

fn flat(channels: usize) -> Shape {
    Shape {
        channels,
        height: 1,
        width: 1,
    }
}

/// A convolution with the activation and the max-pool that follow it, which are taken from `rest`.
fn conv(kind: Kind, input: Shape, (channels, kernel): (usize, usize), rest: &mut &[Stage]) -> Conv {
    let way = match kind {
        _ if kernel == 3 && channels <= FEW && input.channels > FEW => Way::Scatter,
        Kind::Plain if kernel != 3 || input.channels <= FEW => Way::Gather,
        _ => Way::Fast,
    };
    let mut activation = Fused::Linear;
    let mut pool = false;
    if way != Way::Scatter {
        if let Some((Stage::Elementwise(Elementwise::Relu), behind)) = rest.split_first() {
            activation = Fused::Relu;
            *rest = behind;
        }
        if let (Kind::Plain, Some((Stage::MaxPool { size: 2 }, behind))) =
            (kind, rest.split_first())
        {
            pool = true;
            *rest = behind;
        }
    }
    Conv {
        way,
        kind,
        input,
        channels,
        kernel,
        activation,
        pool,
    }
}
