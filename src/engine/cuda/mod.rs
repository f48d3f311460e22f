//! Networks lowered into kernels for a CUDA card, in builds with the feature `cuda`.
//!
//! A list of layers becomes a list of [`step::CudaStep`]s over memory of the card that is allocated once. Nothing crosses
//! to the host in a step of training, but where somebody asks how far it is. Kernels are in `kernels/`, CUDA C++ that nvcc compiles when the
//! crate is built; [`launch`] is the only place that starts one.
//!
//! Dense and convolutional layers are products of matrices whose left side is gathered from images while it is
//! loaded, in f32, or on tensor cores in TF32 or bf16; weights, their gradients and all between the products stay in
//! f32. Sums have an order that depends on sizes alone, so a step gives the same bits again on the same card.

mod batch;
mod engine;
mod inference;
mod kernel;
mod launch;
mod layer;
mod memory;
mod network;
mod optimizer;
mod passes;
mod product;
mod resident;
mod step;
mod steps;
mod sums;
mod task;
mod weights;

use batch::BatchSpec;
pub use engine::CudaEngine;
pub(crate) use inference::CudaInference;
use launch::Address;
use network::CudaNetwork;
use optimizer::{Steps, ToKernels};
pub(crate) use resident::Resident;
use task::{Addresses, Task};
