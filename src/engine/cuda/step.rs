//! What a network does on the card, one step after the other.

use std::fmt::Debug;

use super::launch::{Address, Launcher};
use super::product::LayerProducts;
use super::sums::BlockSums;
use super::task::Task;
use crate::Result;

/// What every step of a pass works with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a> {
    pub card: &'a Launcher,
    pub sums: &'a BlockSums,
    pub task: Task,
    /// Memory that a step uses between its own kernels.
    pub scratch: Address,
}

/// What a step reads and writes going forward.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forward {
    pub x: Address,
    /// What the step [`CudaStep::source`] reads.
    pub skip: Address,
    pub out: Address,
    /// What it keeps for going back.
    pub side: Address,
    pub bias: Address,
}

/// What a step reads and writes going back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backward {
    pub x: Address,
    pub out: Address,
    pub side: Address,
    /// Of its results.
    pub gradient: Address,
    /// Of its samples; unused by a step in place.
    pub x_gradient: Address,
    /// The result of a relu before the step, through which its gradient is to go at once; or none.
    pub mask: Address,
}

/// From samples `(N, ...)` to results `(N, out_len)`.
pub(super) trait CudaStep: Debug + Send {
    /// Values of a sample's result.
    fn out_len(&self) -> usize;

    /// 16-bit values of a sample that it keeps for going back.
    fn side_len(&self) -> usize {
        0
    }

    /// Values of a sample in [`Pass::scratch`].
    fn scratch_len(&self) -> usize {
        0
    }

    /// Its layer with weights, if it has one.
    fn products(&self) -> Option<&LayerProducts> {
        None
    }

    /// Whether its result is that of a relu, whose gradient is 0 where the result is.
    fn has_relu(&self) -> bool {
        false
    }

    /// Dimensions of the noise that it takes.
    fn latent(&self) -> Option<usize> {
        None
    }

    /// The step whose samples it adds, if it adds some.
    fn source(&self) -> Option<usize> {
        None
    }

    /// Whether the gradient of its samples takes the place of that of its results.
    fn is_in_place(&self) -> bool {
        false
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()>;

    /// The gradient of its samples. Returns whether [`Backward::mask`] was applied.
    fn backward(&self, pass: Pass, io: Backward) -> Result<bool>;

    /// What comes before the gradients of weight and bias: where that of the products' results lies then.
    fn result_gradient(&self, _pass: Pass, gradient: Address) -> Result<Address> {
        Ok(gradient)
    }
}
