//! Networks lowered into steps over preallocated memory, for the CPU.
//!
//! A list of layers becomes a list of [`CpuStep`]s, in which a convolution is fused with its neighbours (upsampling
//! before it; bias, activation, max-pool after it) and takes fewer products than its sum has terms. The steps work on
//! slices of f32, not on tensors.
//!
//! Kernels are generic over [`pulp::Simd`] and compiled once for each instruction set of [`Isa`]. Their indices and
//! pointers stay within the sizes that the lowering has fixed; each kernel first asserts the lengths of its arguments.

mod activated;
mod add;
mod arena;
mod axis;
mod conv;
mod cut;
mod dense;
mod direct;
mod direct_offsets;
mod dots;
mod eight_points;
mod engine;
mod expanded;
mod finish;
mod finish_image;
mod flat;
mod group_norm;
mod identity;
mod inference;
mod isa;
mod largest;
mod latent;
mod layout;
mod lines;
mod loss;
mod lower;
mod network;
mod parts;
mod passes;
mod phases;
mod product;
mod program;
mod rearrange;
mod reduce;
mod repeated;
mod rows;
mod scatter;
mod separable;
mod seven_points;
mod shard;
mod shared;
mod slots;
mod softmax;
mod step;
mod step_layouts;
mod tile_rows;
mod tiled;
mod tiles;
mod transpose;
mod transposed;
mod upsampled;
mod weights;
mod window;
mod winograd;

pub use engine::CpuEngine;
pub(crate) use inference::CpuInference;
pub(crate) use isa::Isa;
pub(crate) use loss::{Factors, FlatBatch, LossSums};
pub(crate) use lower::lower;
pub(crate) use network::{CpuNetwork, by_layer};
pub(crate) use step::LayerParameters;
#[cfg(feature = "cuda")]
pub(crate) use {latent::Latent, layout::Shape};

use pulp::Simd;
use step::{Backward, Forward, PackedWeights, Step, StepSizes};

step::steps! {
    /// A step of any kind.
    CpuStep {
        /// Convolutions by fewer products, of images as they are or upsampled.
        Tiled(tiled::TiledConv),
        /// Convolutions of any kernel and stride.
        Direct(direct::DirectConv),
        /// Convolutions to few channels.
        Scatter(scatter::ScatterConv),
        Transposed(transposed::TransposedConv),
        Dense(dense::Dense),
        Softmax(softmax::Softmax),
        MaxPool(window::MaxPool),
        Upsample(window::Upsample),
        GroupNorm(group_norm::GroupNorm),
        ToNhwc(rearrange::ToNhwc),
        ToFlat(rearrange::ToFlat),
        Latent(latent::Latent),
        Add(add::Add),
        Identity(identity::Identity),
        /// A step with an activation after it.
        Activated(activated::Activated),
    }
}

#[cfg(test)]
mod tests;
