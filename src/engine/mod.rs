//! Engines: they run training steps and apply trained networks.
//!
//! The training loop knows only [`TrainingEngine`]. It describes each step by a [`StepSpec`] and reads the losses from
//! the [`StepStatus`]. The engine has three parts, each chosen for the device:
//!
//! - A `Source` makes the batches with their noise: from images in the host's memory, or on a CUDA device that holds a
//!   copy of the images.
//! - [`Gradients`] of a batch: [`Autograd`] is the reference, for every layer on every device. [`CpuEngine`] and its
//!   counterpart in `cuda` run the same network lowered into steps over memory that is allocated once.
//! - A `Stepper` adds the optimiser's update: `synchronous` works on the host with any gradients; `cuda` is
//!   asynchronous.
//!
//! [`Inference`] applies a network without gradients, [`AnySize`] to images of any size.

#[cfg(any(test, feature = "cuda"))]
mod abi;
mod any_size;
mod autograd;
pub(crate) mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
#[cfg(not(feature = "cuda"))]
#[path = "without_cuda.rs"]
mod cuda;
mod feed;
mod inference;
mod lowering;
mod seam;
mod synchronous;
mod trained;
mod training;

pub use any_size::AnySize;
pub use autograd::Autograd;
pub use cpu::CpuEngine;
pub use inference::Inference;
pub use seam::{Gradients, StepSpec, StepStatus, StepTimes};
pub use training::{TrainingEngine, fastest};
