//! The steps that a network is lowered into.

use pulp::Simd;

use super::add::Add;
use super::conv::{Backward, ConvWeights, FastConv, Forward};
use super::dense::Dense;
use super::finish::Finish;
use super::flat::add;
use super::gather::{GatherConv, GatherWeights};
use super::grid::{Grid, Shape};
use super::latent::Latent;
use super::lines::padded;
use super::rearrange::{
    downsample, max_pool, max_unpool, softmax, softmax_gradient, to_flat, to_grid, upsample,
};
use super::scatter::{ScatterConv, ScatterWeights};
use super::transposed::{TransposedConv, TransposedWeights};
use crate::activation::Pointwise;

/// One step: some samples from one buffer to the next.
#[derive(Debug, Clone)]
pub(crate) enum CpuStep {
    Fast(FastConv),
    Gather(GatherConv),
    Scatter(ScatterConv),
    Transposed(TransposedConv),
    Dense(Dense),
    Elementwise { function: Pointwise, len: usize },
    Softmax(Shape),
    MaxPool { planes: Shape, size: usize },
    Upsample { planes: Shape, scale: usize },
    ToGrid(Grid),
    ToFlat(Grid),
    Latent(Latent),
    Add(Add),
}

/// A step's weights as its products read them; nothing where they are read as they are.
#[derive(Debug)]
pub(crate) enum Packed {
    Fast(ConvWeights),
    Gather(GatherWeights),
    Scatter(ScatterWeights),
    Transposed(TransposedWeights),
    Nothing,
}

/// Weight and bias of a step, laid out as PyTorch's; empty where it has none.
pub(crate) type Parameters<'a> = (&'a [f32], &'a [f32]);

/// What a step reads and writes going back.
pub(crate) struct Back<'a> {
    pub x: &'a [f32],
    pub out: &'a [f32],
    pub side: &'a [f32],
    pub gradient: &'a [f32],
    pub x_gradient: Option<&'a mut [f32]>,
    /// Where gradients of weights are summed in the form of the products; see [`CpuStep::sums`].
    pub sums: &'a mut [f32],
    /// Where those of the parameters are summed: [`CpuStep::weight_len`] values, then those of the biases.
    pub lane: &'a mut [f32],
    /// Whether these are the first samples of the lane.
    pub first: bool,
    pub noise: Option<&'a [f32]>,
    pub kl_scale: f64,
}

impl CpuStep {
    /// Values of a sample before the step.
    pub fn x_len(&self) -> usize {
        match self {
            Self::Fast(conv) => conv.from.len(),
            Self::Gather(conv) => conv.image_len(),
            Self::Scatter(conv) => conv.from.len(),
            Self::Transposed(conv) => conv.from.len(),
            Self::Dense(dense) => dense.inputs,
            Self::Elementwise { len, .. } => *len,
            Self::Softmax(planes)
            | Self::MaxPool { planes, .. }
            | Self::Upsample { planes, .. } => planes.len(),
            Self::ToGrid(grid) => grid.channels * grid.height * grid.width,
            Self::ToFlat(grid) => grid.len(),
            Self::Latent(latent) => 2 * latent.dimensions,
            Self::Add(add) => add.len(add.x),
        }
    }

    /// Values of a sample behind it.
    pub fn out_len(&self) -> usize {
        match self {
            Self::Fast(conv) => conv.finish.to.len(),
            Self::Gather(conv) => conv.finish.to.len(),
            Self::Scatter(conv) => conv.out_len(),
            Self::Transposed(conv) => conv.to.len(),
            Self::Dense(dense) => dense.outputs,
            Self::Elementwise { len, .. } => *len,
            Self::Softmax(planes) => planes.len(),
            Self::MaxPool { planes, size } => planes.len() / (size * size),
            Self::Upsample { planes, scale } => planes.len() * scale * scale,
            Self::ToGrid(grid) => grid.len(),
            Self::ToFlat(grid) => grid.channels * grid.height * grid.width,
            Self::Latent(latent) => latent.dimensions,
            Self::Add(add) => add.len(add.out),
        }
    }

    /// Values of a sample that it keeps for going back.
    pub fn side_len(&self) -> usize {
        let pooled = |finish: &Finish| if finish.pool { finish.to.len() } else { 0 };
        match self {
            Self::Fast(conv) => pooled(&conv.finish),
            Self::Gather(conv) => pooled(&conv.finish),
            Self::MaxPool { .. } => self.out_len(),
            _ => 0,
        }
    }

    /// Scratch memory for so many samples.
    pub fn scratch(&self, samples: usize) -> usize {
        match self {
            Self::Fast(conv) => conv.scratch(),
            Self::Gather(conv) => conv.scratch(),
            Self::Scatter(conv) => conv.scratch(),
            Self::Transposed(conv) => conv.scratch(),
            Self::Dense(dense) => dense.scratch(samples),
            _ => 0,
        }
    }

    /// Values of the weights' gradient in the form of the products; 0 where it is summed in the form of
    /// [`CpuStep::weight_len`] at once.
    pub fn sums_len(&self) -> usize {
        match self {
            Self::Fast(conv) => conv.weights_len(),
            _ => 0,
        }
    }

    /// Values of the weights' gradient of a lane, in the step's own order.
    pub fn weight_len(&self) -> usize {
        match self {
            Self::Fast(conv) => conv.taps_len(),
            Self::Gather(conv) => conv.weights_len(),
            Self::Scatter(conv) => conv.weights_len(),
            Self::Transposed(conv) => conv.weights_len(),
            Self::Dense(dense) => padded(dense.inputs * dense.outputs),
            _ => 0,
        }
    }

    /// How many of a lane's values the first samples write, whatever stands there; to the others they add.
    pub fn overwritten(&self) -> usize {
        match self {
            // The taps come from the sums behind the last samples.
            Self::Fast(_) | Self::Dense(_) => self.weight_len(),
            _ => 0,
        }
    }

    /// Values of the biases' gradient of a lane.
    pub fn bias_len(&self) -> usize {
        match self {
            Self::Fast(conv) => padded(conv.out_channels),
            Self::Gather(conv) => padded(conv.out_channels),
            Self::Scatter(conv) => padded(conv.out_channels),
            Self::Transposed(conv) => padded(conv.out_channels),
            Self::Dense(dense) if dense.bias => padded(dense.outputs),
            _ => 0,
        }
    }

    /// Whether it has weights.
    pub fn is_trained(&self) -> bool {
        self.weight_len() > 0
    }

    /// An empty place for its packed weights.
    pub fn unpacked(&self) -> Packed {
        match self {
            Self::Fast(_) => Packed::Fast(ConvWeights::default()),
            Self::Gather(_) => Packed::Gather(GatherWeights::default()),
            Self::Scatter(_) => Packed::Scatter(ScatterWeights::default()),
            Self::Transposed(_) => Packed::Transposed(TransposedWeights::default()),
            _ => Packed::Nothing,
        }
    }

    pub fn pack<S: Simd>(&self, simd: S, (weight, bias): Parameters, packed: &mut Packed) {
        match (self, packed) {
            (Self::Fast(conv), Packed::Fast(packed)) => conv.pack(simd, weight, bias, packed),
            (Self::Gather(conv), Packed::Gather(packed)) => conv.pack(weight, bias, packed),
            (Self::Scatter(conv), Packed::Scatter(packed)) => conv.pack(weight, bias, packed),
            (Self::Transposed(conv), Packed::Transposed(packed)) => conv.pack(weight, bias, packed),
            _ => {}
        }
    }

    /// Samples to results; returns what the step adds to the KL divergence.
    pub fn forward<S: Simd>(
        &self,
        simd: S,
        (packed, parameters): (&Packed, Parameters),
        (x, out, side): (&[f32], &mut [f32], &mut [f32]),
        noise: Option<&[f32]>,
        scratch: &mut [f32],
    ) -> f64 {
        match (self, packed) {
            (Self::Fast(conv), Packed::Fast(packed)) => {
                let images = x.len() / conv.from.len();
                let io = Forward {
                    x,
                    out,
                    pooled: side,
                };
                conv.forward(simd, packed, io, images, scratch);
            }
            (Self::Gather(conv), Packed::Gather(packed)) => {
                conv.forward(simd, packed, (x, out, side), scratch);
            }
            (Self::Scatter(conv), Packed::Scatter(packed)) => {
                conv.forward(simd, packed, x, out, scratch);
            }
            (Self::Transposed(conv), Packed::Transposed(packed)) => {
                conv.forward(simd, packed, x, out, scratch);
            }
            (Self::Fast(_) | Self::Gather(_) | Self::Scatter(_) | Self::Transposed(_), _) => {}
            (Self::Dense(dense), _) => dense.forward(simd, parameters, (x, out), scratch),
            (Self::Elementwise { function, .. }, _) => function.forward_values(simd, x, out),
            (Self::Softmax(planes), _) => softmax(x, *planes, out),
            (Self::MaxPool { planes, size }, _) => max_pool(x, *planes, *size, out, side),
            (Self::Upsample { planes, scale }, _) => upsample(x, *planes, *scale, out),
            (Self::ToGrid(grid), _) => to_grid(x, *grid, out),
            (Self::ToFlat(grid), _) => to_flat(x, *grid, out),
            (Self::Latent(latent), _) => return latent.forward(x, noise, out),
            // It reads two values; see `Add::forward`.
            (Self::Add(_), _) => {}
        }
        0.0
    }

    /// Gradients of results to those of samples and parameters.
    pub fn backward<S: Simd>(
        &self,
        simd: S,
        (packed, parameters): (&Packed, Parameters),
        back: Back,
        scratch: &mut [f32],
    ) {
        let Back {
            x,
            out,
            side,
            gradient,
            x_gradient,
            sums,
            lane,
            first,
            noise,
            kl_scale,
        } = back;
        let (weight, bias) = lane.split_at_mut(self.weight_len());
        match (self, packed) {
            (Self::Fast(conv), Packed::Fast(packed)) => {
                let images = x.len() / conv.from.len();
                let io = Backward {
                    x,
                    out,
                    pooled: side,
                    gradient,
                    x_gradient,
                    weights: sums,
                    bias,
                    accumulate: !first,
                };
                conv.backward(simd, packed, io, images, scratch);
            }
            (Self::Gather(conv), Packed::Gather(packed)) => {
                let results = (x, out, side, gradient);
                conv.backward(simd, packed, results, x_gradient, (weight, bias), scratch);
            }
            (Self::Scatter(conv), Packed::Scatter(packed)) => {
                conv.backward(
                    simd,
                    packed,
                    (x, gradient),
                    x_gradient,
                    (weight, bias),
                    scratch,
                );
            }
            (Self::Transposed(conv), Packed::Transposed(packed)) => {
                let results = (x, out, gradient);
                conv.backward(simd, packed, results, x_gradient, (weight, bias), scratch);
            }
            (Self::Fast(_) | Self::Gather(_) | Self::Scatter(_) | Self::Transposed(_), _) => {}
            (Self::Dense(dense), _) => {
                let sums = (weight, bias);
                dense.backward(simd, parameters.0, (x, gradient), x_gradient, sums, !first);
            }
            (step, _) => {
                let Some(to) = x_gradient else { return };
                match step {
                    Self::Elementwise { function, .. } => {
                        function.backward_values(simd, (x, out, gradient), to);
                    }
                    Self::Softmax(planes) => softmax_gradient(out, gradient, *planes, to),
                    Self::MaxPool { planes, size } => {
                        max_unpool(gradient, side, *planes, *size, to)
                    }
                    Self::Upsample { planes, scale } => downsample(gradient, *planes, *scale, to),
                    Self::ToGrid(grid) => to_flat(gradient, *grid, to),
                    Self::ToFlat(grid) => to_grid(gradient, *grid, to),
                    Self::Add(add) => add.backward(simd, gradient, to),
                    Self::Latent(latent) => {
                        latent.backward((x, noise.unwrap_or_default()), gradient, to, kl_scale);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Behind the last samples of a lane: from the form of the products to that of the lane.
    pub fn finish_lane<S: Simd>(&self, simd: S, sums: &[f32], lane: &mut [f32]) {
        if let Self::Fast(conv) = self {
            conv.taps(simd, sums, lane);
        }
    }

    /// From the order of the lanes to that of the parameters.
    pub fn unpack(&self, lane: &[f32], weight: &mut [f32], bias: &mut [f32]) {
        let (weights, biases) = lane.split_at(self.weight_len());
        match self {
            Self::Fast(conv) => conv.unpack(weights, weight),
            Self::Gather(conv) => conv.unpack(weights, weight),
            Self::Scatter(conv) => conv.unpack(weights, weight),
            Self::Transposed(conv) => conv.unpack(weights, weight),
            _ => weight.copy_from_slice(&weights[..weight.len()]),
        }
        bias.copy_from_slice(&biases[..bias.len()]);
    }
}

/// `lanes[0] += lanes[1] + ...`, in order.
pub(crate) fn sum_lanes<S: Simd>(simd: S, total: &mut [f32], others: &[&[f32]]) {
    for other in others {
        add(simd, total, other);
    }
}
