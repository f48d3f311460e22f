//! The fast engine for CUDA devices: the network lowered into the library's own kernels.

use std::time::Duration;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};

use super::{Address, Addresses, CudaNetwork, Steps, Task, ToKernels};
use crate::Result;
use crate::data::Batch;
use crate::engine::abi::{Failure, LossTerms, Status};
use crate::engine::lowering::Subnetwork;
use crate::engine::seam::{Gradients, LOSS, NORM, StepStatus, Stepper};
use crate::engine::trained::{self, Trained};
use crate::network::Autoencoder;
use crate::objective::Losses;
use crate::optim::Optimizer;
use crate::recipe::{Objective, Precision, Reconstruction};

/// Trains f32 networks on a CUDA device whose layers and loss have kernels: all except softmax and user-defined ones.
///
/// It gives the gradients that [`Autograd`](crate::engine::Autograd) gives, up to the rounding of its precision. The
/// same batch gives the same bits on the same device.
#[derive(Debug)]
pub(super) struct CudaEngine {
    pub network: CudaNetwork,
    objective: Objective,
    pub precision: Precision,
    device: Device,
    layers: Trained,
    /// Addresses of the gradients of each layer's parameters.
    gradients: Vec<Addresses>,
    steps: Steps,
    /// Number of steps in the sum of losses: those started, and those that [`Stepper::begin`] was given.
    count: usize,
}

impl CudaEngine {
    /// For a network built on trainable variables; none if it is not f32 on a CUDA device, or has a layer without
    /// kernels.
    ///
    /// # Errors
    /// If the driver refuses the kernels, or there is no memory for them.
    pub fn new(
        model: &Autoencoder,
        objective: Objective,
        precision: Precision,
    ) -> Result<Option<Self>> {
        let device = model.device();
        let Device::Cuda(cuda) = device else {
            return Ok(None);
        };
        if matches!(objective.reconstruction, Reconstruction::Custom(_)) {
            return Ok(None);
        }
        let logits = objective.reconstruction == Reconstruction::Bce;
        let part = Subnetwork::whole(model, logits);
        let Some(layers) = trained::trained(part)? else {
            return Ok(None);
        };
        let addresses = |of: fn(&trained::Parameter) -> &Tensor| -> Result<Vec<Addresses>> {
            let layers = layers.iter();
            let layers = layers.map(|layer| layer.iter().map(|p| Address::of(of(p))).collect());
            layers.collect()
        };
        let parameters = addresses(|parameter| &parameter.value)?;
        let network = CudaNetwork::new(cuda, part, precision, parameters)?;
        let Some(network) = network.filter(CudaNetwork::is_trainable) else {
            return Ok(None);
        };
        Ok(Some(Self {
            gradients: addresses(|parameter| &parameter.gradient)?,
            steps: Steps::new(cuda)?,
            count: 0,
            network,
            objective,
            precision,
            device: device.clone(),
            layers,
        }))
    }

    /// Starts the work on a batch. Copies of its tensors may be freed at once, because the stream frees them in order.
    fn start_gradients(&mut self, batch: &Batch) -> Result<()> {
        let (sizes, latent) = (self.network.sizes(), self.network.latent());
        trained::check(batch, sizes, latent, &self.device)?;
        let (input, target) = (aligned(&batch.input)?, aligned(&batch.target)?);
        let noise = batch.latent_noise.as_ref().map(aligned).transpose()?;
        let task = Task {
            samples: batch.input.dim(0)?,
            input: Address::of(&input)?,
            target: Address::of(&target)?,
            noise: noise.as_ref().map_or(Ok(Address::NONE), Address::of)?,
            factors: trained::factors(&self.objective, batch),
            result: Address::NONE,
        };
        self.network.start(&self.gradients, task)
    }

    /// How the loss of a batch follows from its sums.
    fn terms(&self, batch: &Batch, limit: Option<f64>) -> Result<LossTerms> {
        let (samples, values) = (batch.target.dim(0)?, batch.target.elem_count());
        let (distance, constant) = trained::likelihood(&self.objective, batch);
        Ok(LossTerms {
            distance,
            constant,
            penalty: values as f64 / samples.max(1) as f64,
            kl: match self.objective.elbo {
                Some(_) => batch.kl_weight,
                None => 0.0,
            },
            limit: limit.unwrap_or(0.0),
        })
    }
}

/// The tensor aligned for kernels, which read four values at a time.
pub(super) fn aligned(tensor: &Tensor) -> Result<Tensor> {
    let tensor = tensor.contiguous()?;
    match tensor.layout().start_offset().is_multiple_of(4) {
        true => Ok(tensor),
        false => Ok(tensor.copy()?),
    }
}

impl Gradients for CudaEngine {
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)> {
        self.start_gradients(batch)?;
        let losses = trained::losses(&self.objective, batch, self.network.sums.read()?)?;
        Ok((losses, trained::store(&self.layers)))
    }

    fn name(&self) -> &'static str {
        "cuda"
    }
}

/// The reason why a step failed.
fn failure(status: &Status) -> Option<(&'static str, f64)> {
    let failures = [
        (Failure::Nothing, None),
        (Failure::Loss, Some((LOSS, status.loss))),
        (Failure::Norm, Some((NORM, status.norm))),
    ];
    let mut failures = failures.into_iter();
    let found = failures.find(|(failure, _)| *failure as i64 == status.failure);
    found?.1
}

impl Stepper for CudaEngine {
    fn begin(&mut self, losses: Losses) -> Result<()> {
        self.count = losses.count;
        self.steps.begin(losses.sum, losses.kl_sum)
    }

    fn step(&mut self, batch: &Batch, optimizer: &mut Optimizer, rate: f64) -> Result<Duration> {
        self.start_gradients(batch)?;
        let terms = self.terms(batch, optimizer.clip_norm())?;
        let (variables, step) =
            optimizer.advance(&trained::store(&self.layers), rate, ToKernels)?;
        let totals = self.network.sums.totals();
        self.steps.start(variables, totals, terms, step)?;
        self.count += self.objective.count(batch)?;
        Ok(Duration::ZERO)
    }

    fn status(&mut self) -> Result<StepStatus> {
        let status = self.steps.status()?;
        Ok(StepStatus {
            losses: Losses {
                sum: status.loss_sum,
                kl_sum: status.kl_sum,
                count: self.count,
            },
            steps: u64::try_from(status.steps).unwrap_or(0),
            failure: failure(&status),
        })
    }
}
