//! The task of a network for one batch, and the interface of its steps on the device.

use std::fmt::Debug;

use super::launch::{Address, Arguments, Grid, Launcher};
use super::product::LayerProducts;
use super::sums::BlockSums;
use crate::Result;
use crate::engine::cpu::Factors;

/// A batch in device memory, flat, and the factors of the minimised loss.
#[derive(Debug, Clone, Copy)]
pub(super) struct Task {
    pub samples: usize,
    pub input: Address,
    pub target: Address,
    /// Noise for the codes of a variational network.
    pub noise: Address,
    pub factors: Factors,
    /// Destination of the last step; null for the network's own memory.
    pub result: Address,
}

/// Addresses of a layer's parameters or of their gradients, in the layer's order.
pub(super) type Addresses = Vec<Address>;

/// A parameter of a layer; null if the layer has no such parameter.
pub(super) fn parameter(layer: Option<&Addresses>, place: usize) -> Address {
    let address = layer.and_then(|layer| layer.get(place));
    address.copied().unwrap_or(Address::NONE)
}

/// Arguments shared by all steps of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a> {
    pub card: &'a Launcher,
    pub sums: &'a BlockSums,
    pub task: Task,
    /// Memory that a step uses between its own kernels.
    pub scratch: Address,
}

impl Pass<'_> {
    /// Launches a kernel over this many values.
    pub fn over(&self, kernel: &str, values: usize, arguments: &impl Arguments) -> Result<()> {
        self.card.launch(kernel, Grid::over(values), arguments)
    }
}

/// Inputs and outputs of a step's forward pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forward {
    pub x: Address,
    /// Input of the step [`CudaStep::source`].
    pub skip: Address,
    pub out: Address,
    /// Values kept for the backward pass.
    pub side: Address,
    pub bias: Address,
}

/// Inputs and outputs of a step's backward pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backward {
    pub x: Address,
    pub out: Address,
    pub side: Address,
    /// Gradient of its results.
    pub gradient: Address,
    /// Gradient of its samples; unused by an in-place step.
    pub x_gradient: Address,
    /// The result of a relu before the step, which masks the step's gradient; or none.
    pub mask: Address,
}

/// A map from samples `(N, ...)` to results `(N, out_len)`.
pub(super) trait CudaStep: Debug + Send {
    /// Values of a sample's result.
    fn out_len(&self) -> usize;

    /// 16-bit values of a sample that it keeps for the backward pass.
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

    /// Whether its result is that of a relu, whose gradient is 0 where the result is 0.
    fn has_relu(&self) -> bool {
        false
    }

    /// Dimensions of the noise that it takes.
    fn latent(&self) -> Option<usize> {
        None
    }

    /// The step whose samples it adds, if any.
    fn source(&self) -> Option<usize> {
        None
    }

    /// Whether the gradient of its samples overwrites that of its results.
    fn is_in_place(&self) -> bool {
        false
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()>;

    /// The gradient of its samples. Returns whether [`Backward::mask`] was applied.
    fn backward(&self, pass: Pass, io: Backward) -> Result<bool>;

    /// Prepares the gradients of weight and bias; returns the address of the gradient of the products' results, which
    /// stays there for [`CudaStep::backward`].
    fn result_gradient(&self, _pass: Pass, gradient: Address) -> Result<Address> {
        Ok(gradient)
    }
}
