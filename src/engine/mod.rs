//! Who computes gradients. The trainer asks an [`Engine`] and cannot tell which one answers. Whoever needs no gradients
//! asks an [`Inference`].

#[cfg(any(test, feature = "cuda"))]
mod abi;
mod autograd;
pub(crate) mod cpu;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod inference;
mod lowering;
mod trained;

use candle_core::backprop::GradStore;

pub use autograd::Autograd;
pub use cpu::CpuEngine;
#[cfg(feature = "cuda")]
pub use cuda::CudaEngine;
pub use inference::Inference;

use crate::Result;
use crate::data::Batch;
use crate::network::Autoencoder;
use crate::objective::Losses;
use crate::optim::Optimizer;
use crate::recipe::{Objective, Precision};

/// Computes the gradient of the mean loss of a batch with respect to every parameter.
pub trait Engine {
    /// The batch's losses, and the gradients under the network's variables.
    ///
    /// # Errors
    /// If the batch is not shaped as the network.
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)>;

    /// What `summary` calls it.
    fn name(&self) -> &'static str;

    /// Why it is not a faster one, where its user would expect that.
    fn note(&self) -> Option<&str> {
        None
    }

    /// Whether its products are of fewer bits than its numbers.
    fn has_short_products(&self) -> bool {
        false
    }

    /// The same engine as one that whole steps can be given to, if it is one.
    fn ahead(&mut self) -> Option<&mut dyn Ahead> {
        None
    }
}

/// Does whole steps of training, one after the other, while its caller goes on: who waits for each step's loss before
/// the next one is prepared leaves a fast device idle.
pub trait Ahead {
    /// Begins anew, with the losses of steps before.
    ///
    /// # Errors
    /// If the device fails.
    fn begin(&mut self, losses: Losses) -> Result<()>;

    /// Starts a step: the gradients of a batch, and the optimiser's move along them at this rate. Unless its loss and the
    /// norm of its gradient are finite, it and all later steps change nothing.
    ///
    /// # Errors
    /// If the batch is not shaped as the network, or the device fails.
    fn start(&mut self, batch: &Batch, optimizer: &mut Optimizer, rate: f64) -> Result<()>;

    /// Waits for all steps that were started.
    ///
    /// # Errors
    /// If the device fails.
    fn wait(&mut self) -> Result<Standing>;
}

/// How far steps that were started have come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Of all steps since [`Ahead::begin`], with those that it was given.
    pub losses: Losses,
    /// Sound steps since then.
    pub steps: u64,
    /// What was no finite number in the step behind them, if something was.
    pub failure: Option<(&'static str, f64)>,
}

/// The fastest engine for a network built on trainable variables: [`CpuEngine`] on the CPU, `CudaEngine` on a CUDA card, where
/// they can do all layers, else [`Autograd`].
///
/// On a card the engine is tried first: should its gradients not be those of [`Autograd`], or a kernel fail, it is
/// [`Autograd`] that trains, and says so in its [`note`](Engine::note).
///
/// # Errors
/// If there is no memory for the gradients.
pub fn fastest(
    model: Autoencoder,
    objective: Objective,
    precision: Precision,
) -> Result<Box<dyn Engine>> {
    if let Some(plan) = CpuEngine::new(&model, objective)? {
        return Ok(Box::new(plan));
    }
    #[cfg(feature = "cuda")]
    return on_card(model, objective, precision);
    #[cfg(not(feature = "cuda"))]
    {
        // Of f32 there is one kind without a card.
        let _ = precision;
        Ok(Box::new(Autograd::new(model, objective)))
    }
}

#[cfg(feature = "cuda")]
fn on_card(
    model: Autoencoder,
    objective: Objective,
    precision: Precision,
) -> Result<Box<dyn Engine>> {
    let plan = CudaEngine::new(&model, objective, precision);
    let mut reference = Autograd::new(model, objective);
    let tried = plan.and_then(|plan| match plan {
        Some(mut plan) => plan.try_out(&mut reference).map(|()| Some(plan)),
        None => Ok(None),
    });
    Ok(match tried {
        Ok(Some(plan)) => Box::new(plan),
        Ok(None) => Box::new(reference),
        Err(error) => Box::new(reference.instead_of_plan(&error)),
    })
}
