//! The engine of a training run.

use std::time::Instant;

use candle_core::backprop::GradStore;

use super::autograd::Autograd;
use super::cpu::CpuEngine;
use super::cuda;
use super::feed::{Feed, HostSource, Source};
use super::seam::{Gradients, StepSpec, StepStatus, StepTimes, Stepper};
use super::synchronous::Synchronous;
use crate::Result;
use crate::corruption::NoiseKey;
use crate::data::{Images, Keys, Preparation};
use crate::network::{Autoencoder, Code};
use crate::objective::Losses;
use crate::optim::Optimizer;
use crate::random::Purpose;
use crate::recipe::{Objective, Precision};

/// Does the steps of a training run: batches and their noise, gradients, the optimiser's updates.
///
/// On a CUDA device steps are asynchronous: [`step`](Self::step) only queues the work, and [`status`](Self::status)
/// waits for it. Synchronising after every step would leave a fast device idle. The results do not depend on how often
/// the status is read.
pub struct TrainingEngine {
    feed: Feed,
    stepper: Box<dyn Stepper>,
    optimizer: Optimizer,
    /// The optimiser's steps before the current series.
    begun_at: u64,
    times: StepTimes,
    notes: Vec<String>,
    is_asynchronous: bool,
}

impl TrainingEngine {
    /// For a network built on trainable variables, which `optimizer` updates, and the training set.
    ///
    /// On a CUDA device the kernels are first tried on a batch of `batch_size` samples, because devices and drivers
    /// differ: batches are compared with the host's, gradients with [`Autograd`], the update with candle's operations.
    /// A part that disagrees, fails or has no room is done the slower way, and a [note](Self::notes) says so.
    ///
    /// # Errors
    /// If there is no memory for the gradients, or for a batch on a CUDA device.
    pub fn new(
        model: Autoencoder,
        objective: Objective,
        images: &Images,
        preparation: Preparation,
        mut optimizer: Optimizer,
        batch_size: usize,
    ) -> Result<Self> {
        let latent = match model.code() {
            Code::Plain => None,
            Code::Gaussian { latent } => Some(latent),
        };
        let mut host = HostSource {
            images: images.clone(),
            preparation,
            latent,
            device: model.device().clone(),
        };
        let visited = preparation.samples(images.len());
        let trial = trial_samples(visited, batch_size);
        let trial = StepSpec {
            indices: &trial,
            keys: Keys::training(&preparation, 0, 1),
            latent_key: NoiseKey {
                seed: 0,
                purpose: Purpose::Latent,
                epoch: 1,
            },
            kl_weight: 1.0,
            learning_rate: 1.0,
        };
        let mut notes = Vec::new();
        let mut source: Box<dyn Source> = match cuda::source(&mut host, &trial, &mut notes) {
            Some(source) => source,
            None => Box::new(host),
        };
        let precision = preparation.precision;
        let cpu = CpuEngine::new(&model, objective, batch_size)?;
        let mut reference = Autograd::new(model, objective);
        let cuda = cuda::stepper(
            &mut reference,
            precision,
            source.as_mut(),
            &mut optimizer,
            &trial,
            &mut notes,
        )?;
        if precision.has_short_products() && cuda.is_none() {
            notes.push(
                "all is computed in f32; the recipe's precision is one of the kernels for CUDA cards"
                    .to_string(),
            );
        }
        let is_asynchronous = cuda.is_some();
        let is_same = preparation.is_drawn_once() && latent.is_none();
        Ok(Self {
            feed: Feed::new(source, is_same.then_some(visited)),
            stepper: match (cuda, cpu) {
                (Some(cuda), _) => cuda,
                (None, Some(cpu)) => Box::new(Synchronous::new(Box::new(cpu))),
                (None, None) => Box::new(Synchronous::new(Box::new(reference))),
            },
            begun_at: optimizer.step_count(),
            optimizer,
            times: StepTimes::default(),
            notes,
            is_asynchronous,
        })
    }

    /// Notes for the user: why a slower way or another precision is used.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether steps run while the host does other work.
    pub fn is_asynchronous(&self) -> bool {
        self.is_asynchronous
    }

    /// Begins a series of steps. `losses` are those of the steps before it.
    ///
    /// # Errors
    /// If the device fails.
    pub fn begin(&mut self, losses: Losses) -> Result<()> {
        self.begun_at = self.optimizer.step_count();
        self.stepper.begin(losses)
    }

    /// Does or starts the next step. If its loss or the norm of its gradient is not finite, neither it nor a later step
    /// of the series changes a weight, and the [status](Self::status) says so.
    ///
    /// # Errors
    /// If an index is outside of the set, or the device fails.
    pub fn step(&mut self, spec: &StepSpec) -> Result<()> {
        let start = Instant::now();
        let batch = self.feed.batch(spec)?;
        let prepared = Instant::now();
        let update = self
            .stepper
            .step(&batch, &mut self.optimizer, spec.learning_rate)?;
        self.times = StepTimes {
            batch: prepared - start,
            gradients: prepared.elapsed().saturating_sub(update),
            update,
        };
        self.feed.recycle(batch);
        Ok(())
    }

    /// Waits for the steps that were started. After a failure the optimiser has the state after the last sound step.
    ///
    /// # Errors
    /// If the device fails.
    pub fn status(&mut self) -> Result<StepStatus> {
        let status = self.stepper.status()?;
        if status.failure.is_some() {
            self.optimizer.rewind(self.begun_at + status.steps);
        }
        Ok(status)
    }

    /// Computes the losses and gradients of a step without its update, and waits for them.
    ///
    /// # Errors
    /// Those of a step.
    pub fn gradients(&mut self, spec: &StepSpec) -> Result<(Losses, GradStore)> {
        let batch = self.feed.batch(spec)?;
        let result = self.stepper.gradients(&batch);
        self.feed.recycle(batch);
        result
    }

    /// Host times of the last step.
    pub fn times(&self) -> StepTimes {
        self.times
    }

    /// The optimiser. Its state includes all steps only after the status was read.
    pub fn optimizer(&self) -> &Optimizer {
        &self.optimizer
    }

    /// The optimiser, to restore its state.
    pub fn optimizer_mut(&mut self) -> &mut Optimizer {
        &mut self.optimizer
    }
}

/// A batch from all parts of the set: clean and, if they are added, corrupted samples.
fn trial_samples(visited: usize, batch_size: usize) -> Vec<u32> {
    let len = batch_size.min(visited);
    let place = |number| number * visited / len.max(1);
    (0..len)
        .filter_map(|number| u32::try_from(place(number)).ok())
        .collect()
}

/// The fastest engine for a network built on trainable variables, on batches of `batch_size` samples: [`CpuEngine`] on the CPU, or the one for CUDA
/// devices, if it supports all of the network's layers; else [`Autograd`].
///
/// # Errors
/// If there is no memory for the gradients, or a CUDA device refuses the kernels.
pub fn fastest(
    model: Autoencoder,
    objective: Objective,
    precision: Precision,
    batch_size: usize,
) -> Result<Box<dyn Gradients>> {
    if let Some(cpu) = CpuEngine::new(&model, objective, batch_size)? {
        return Ok(Box::new(cpu));
    }
    if let Some(cuda) = cuda::gradients(&model, objective, precision)? {
        return Ok(cuda);
    }
    Ok(Box::new(Autograd::new(model, objective)))
}

#[cfg(test)]
impl TrainingEngine {
    /// The same, reported as asynchronous.
    pub fn in_background(self) -> Self {
        Self {
            is_asynchronous: true,
            ..self
        }
    }
}
