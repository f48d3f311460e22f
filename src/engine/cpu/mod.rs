//! Networks lowered into steps over preallocated memory, for the CPU.
//!
//! A list of layers becomes a list of [`CpuStep`]s, in which a convolution is fused with its neighbours (upsampling
//! before it; bias, activation, max-pool after it) and takes fewer products than its sum has terms. The steps work on
//! slices of f32, not on tensors.
//!
//! Kernels are generic over [`pulp::Simd`] and compiled once for each instruction set of [`Isa`]. Their indices and
//! pointers stay within the sizes that the lowering has fixed; each kernel first asserts the lengths of its arguments.

mod add;
mod arena;
mod axis;
mod conv;
mod cut;
mod dense;
mod dots;
mod elementwise;
mod engine;
mod finish;
mod finish_image;
mod flat;
mod gather;
mod inference;
mod isa;
mod latent;
mod layout;
mod lines;
mod loss;
mod lower;
mod network;
mod passes;
mod pixel_products;
mod product;
mod program;
mod rearrange;
mod reduce;
mod scatter;
mod separable;
mod shard;
mod step;
mod tiles;
mod transposed;
mod upsampled;
mod weights;
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
    /// Convolutions of 3x3 by fewer products.
    Winograd(conv::WinogradConv),
    /// The same of upsampled images.
    Upsampled(conv::UpsampledConv),
    /// Convolutions whose patches are gathered.
    Gather(gather::GatherConv),
    /// Convolutions to few channels.
    Scatter(scatter::ScatterConv),
    Transposed(transposed::TransposedConv),
    Dense(dense::Dense),
    Elementwise(elementwise::Elementwise),
    Softmax(rearrange::Softmax),
    MaxPool(rearrange::MaxPool),
    Upsample(rearrange::Upsample),
    ToNhwc(rearrange::ToNhwc),
    ToFlat(rearrange::ToFlat),
    Latent(latent::Latent),
    Add(add::Add),
}

#[cfg(test)]
mod tests;
