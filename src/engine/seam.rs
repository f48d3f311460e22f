//! The interface between training and an engine.

use std::time::Duration;

use candle_core::backprop::GradStore;

use crate::Result;
use crate::corruption::NoiseKey;
use crate::data::{Batch, Keys};
use crate::objective::Losses;
use crate::optim::Optimizer;

/// Computes the gradients of a given batch.
pub trait Gradients: Send {
    /// The batch's losses, and the gradient of their mean with respect to every parameter, under the network's
    /// variables. The fast engines keep the memory of the gradients and write over it in the next call: copy what you
    /// keep.
    ///
    /// # Errors
    /// If the batch is not shaped as the network, or the device fails.
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)>;

    /// `autograd`, `cpu` or `cuda`.
    fn name(&self) -> &'static str;
}

/// Does training steps on given batches, either synchronously or on a device that works while the host prepares the
/// next batches. Errors are those of [`Gradients`].
pub(super) trait Stepper: Gradients {
    /// Begins a series of steps. `losses` are those of the steps before it.
    fn begin(&mut self, losses: Losses) -> Result<()>;

    /// Does or starts a step: the gradients of the batch, and the optimiser's update at this learning rate. If the loss
    /// or the norm of the gradient is not finite, neither this step nor a later one of the series changes a weight.
    /// Returns the host time of the update alone; zero if the device does it.
    fn step(&mut self, batch: &Batch, optimizer: &mut Optimizer, rate: f64) -> Result<Duration>;

    /// Waits for the steps that were started.
    fn status(&mut self) -> Result<StepStatus>;
}

/// The description of a training step.
#[derive(Debug, Clone, Copy)]
pub struct StepSpec<'a> {
    /// Indices of the samples in the training set. If corrupted samples are added, they follow the clean ones.
    pub indices: &'a [u32],
    /// Random key of binarization and corruption, combined with a sample's index.
    pub keys: Keys,
    /// Random key of the codes of a variational network.
    pub latent_key: NoiseKey,
    /// Weight of the KL divergence of a variational network.
    pub kl_weight: f64,
    /// The learning rate, schedule included.
    pub learning_rate: f64,
}

/// The state of a series of steps.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepStatus {
    /// Losses of all sound steps, including those that the series began with.
    pub losses: Losses,
    /// Sound steps of the series: those with a finite loss and gradient.
    pub steps: u64,
    /// Name and value of the quantity that was not finite in the step after those, if any.
    pub failure: Option<(&'static str, f64)>,
}

/// Names of the loss and the gradient in a failed step.
pub(super) const LOSS: &str = "training loss";
pub(super) const NORM: &str = "norm of the gradient";

/// Host time of the parts of a step. For an asynchronous step it is the time to start it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepTimes {
    /// Samples and their noise.
    pub batch: Duration,
    /// The loss and its gradients.
    pub gradients: Duration,
    /// The optimiser.
    pub update: Duration,
}
