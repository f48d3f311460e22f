//! What training asks of an engine.

use std::time::Duration;

use candle_core::backprop::GradStore;

use crate::Result;
use crate::corruption::NoiseKey;
use crate::data::{Batch, Keys};
use crate::objective::Losses;
use crate::optim::Optimizer;

/// Computes the gradients of a given batch.
pub trait Gradients {
    /// The batch's losses, and the gradient of their mean with respect to every parameter, under the network's
    /// variables.
    ///
    /// # Errors
    /// If the batch is not shaped as the network, or the device fails.
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)>;

    /// `autograd`, `cpu` or `cuda`.
    fn name(&self) -> &'static str;
}

/// Does training steps on given batches: each at once, or asynchronously on a device that works while the host prepares
/// the next ones.
pub(super) trait Stepper: Gradients {
    /// Begins a series of steps, after others with these losses.
    ///
    /// # Errors
    /// If the device fails.
    fn begin(&mut self, losses: Losses) -> Result<()>;

    /// Does or starts a step: the gradients of the batch, and the optimiser's update at this learning rate. Unless the
    /// loss and the norm of the gradient are finite, it and all later steps of the series change no weight. Returns the
    /// host's time for the update alone; zero where the device does it.
    ///
    /// # Errors
    /// If the batch is not shaped as the network, or the device fails.
    fn step(&mut self, batch: &Batch, optimizer: &mut Optimizer, rate: f64) -> Result<Duration>;

    /// Waits for the steps that were started.
    ///
    /// # Errors
    /// If the device fails.
    fn status(&mut self) -> Result<StepStatus>;

    /// Whether [`step`](Self::step) may return before the step is done.
    fn is_asynchronous(&self) -> bool;
}

/// What a training step is made of.
#[derive(Debug, Clone, Copy)]
pub struct StepSpec<'a> {
    /// The samples, by their places in the training set; behind the last clean one the corrupted ones, where those are
    /// added.
    pub indices: &'a [u32],
    /// What binarization and corruption are drawn from, together with a sample's index.
    pub keys: Keys,
    /// The same for the codes of a variational network.
    pub latent_key: NoiseKey,
    /// Weight of the KL divergence of a variational network.
    pub kl_weight: f64,
    pub learning_rate: f64,
}

/// The state of a series of steps.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepStatus {
    /// Of all sound steps, with the losses that the series began with.
    pub losses: Losses,
    /// Sound steps of the series: those with a finite loss and gradient.
    pub steps: u64,
    /// Name and value of what was not finite in the step after those, if anything was.
    pub failure: Option<(&'static str, f64)>,
}

/// What a failed step calls its loss and its gradient.
pub(super) const LOSS: &str = "training loss";
pub(super) const NORM: &str = "norm of the gradient";

/// Host time of the parts of a step. Of an asynchronous step it is the time to start it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepTimes {
    /// Samples and their noise.
    pub batch: Duration,
    /// The loss and its gradients.
    pub gradients: Duration,
    /// The optimiser.
    pub update: Duration,
}
