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
mod dense;
mod elementwise;
mod engine;
mod finish;
mod flat;
mod gather;
mod grid;
mod inference;
mod isa;
mod latent;
mod lines;
mod loss;
mod lower;
mod network;
mod passes;
mod product;
mod program;
mod rearrange;
mod scatter;
mod separable;
mod shard;
mod step;
mod task;
mod tiles;
mod transposed;
mod upsampled;
mod weights;
mod winograd;

pub use engine::CpuEngine;
pub(crate) use inference::CpuInference;
pub(crate) use isa::Isa;
pub(crate) use lower::lower;
pub(crate) use network::CpuNetwork;
pub(crate) use step::Parameters;
pub(crate) use task::{Factors, Sums, Task};
#[cfg(feature = "cuda")]
pub(crate) use {grid::Shape, latent::Latent};

use pulp::Simd;
use step::{Backward, Forward, Step};

step::steps! {
    /// Convolutions of 3x3 by fewer products.
    Fast(conv::FastConv),
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
    ToGrid(rearrange::ToGrid),
    ToFlat(rearrange::ToFlat),
    Latent(latent::Latent),
    Add(add::Add),
}

#[cfg(test)]
mod tests;
