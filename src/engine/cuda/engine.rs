//! The fast engine for CUDA cards: the network lowered into the library's own kernels.

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};

use super::{Address, Addresses, CudaNetwork, Steps, Task, ToKernels};
use crate::data::Batch;
use crate::engine::abi::{Failure, LossTerms, Status};
use crate::engine::lowering::Part;
use crate::engine::trained::{self, Trained};
use crate::engine::{Ahead, Autograd, Engine, Standing};
use crate::network::Autoencoder;
use crate::objective::Losses;
use crate::ops::has_kernels;
use crate::optim::Optimizer;
use crate::random::{Purpose, Stream};
use crate::recipe::{Objective, Precision, Reconstruction};
use crate::{Error, Result};

/// Samples on which the engine is tried.
const TRIED: usize = 3;

/// Networks of f32 on a CUDA card whose layers and loss have kernels: all but softmax and those of the library's user.
///
/// It gives the gradients that [`Autograd`] gives, up to the rounding of its precision. The same batch gives the same
/// bits on the same card.
#[derive(Debug)]
pub struct CudaEngine {
    network: CudaNetwork,
    objective: Objective,
    precision: Precision,
    device: Device,
    layers: Trained,
    /// Of each layer, and of their gradients.
    parameters: Vec<Addresses>,
    gradients: Vec<Addresses>,
    steps: Steps,
    /// Of the losses of the steps that were started, and of those that [`Ahead::begin`] was given.
    count: usize,
}

impl CudaEngine {
    /// For a network built on trainable variables; none if it is not of f32 on a CUDA card, or has a layer that the
    /// card has no kernel for.
    ///
    /// # Errors
    /// If the driver refuses the kernels, or there is no memory for them.
    pub fn new(
        model: &Autoencoder,
        objective: Objective,
        precision: Precision,
    ) -> Result<Option<Self>> {
        let device = model.device();
        let (Device::Cuda(card), true) = (device, has_kernels()) else {
            return Ok(None);
        };
        if matches!(objective.reconstruction, Reconstruction::Custom(_)) {
            return Ok(None);
        }
        let logits = objective.reconstruction == Reconstruction::Bce;
        let part = Part::whole(model, logits);
        let Some(layers) = trained::trained(part)? else {
            return Ok(None);
        };
        let network = CudaNetwork::new(card, part, precision)?;
        let Some(network) = network.filter(CudaNetwork::is_trainable) else {
            return Ok(None);
        };
        let addresses = |of: fn(&trained::Parameter) -> &Tensor| -> Result<Vec<Addresses>> {
            let layers = layers.iter();
            let layers = layers.map(|layer| layer.iter().map(|p| Address::of(of(p))).collect());
            layers.collect()
        };
        Ok(Some(Self {
            parameters: addresses(|parameter| &parameter.value)?,
            gradients: addresses(|parameter| &parameter.gradient)?,
            steps: Steps::new(card)?,
            count: 0,
            network,
            objective,
            precision,
            device: device.clone(),
            layers,
        }))
    }

    /// Compares it with the reference on a small batch, as cards and drivers are of many kinds.
    ///
    /// # Errors
    /// If they are further apart than the precision explains, or a kernel fails.
    pub fn try_out(&mut self, reference: &mut Autograd) -> Result<()> {
        let batch = self.trial(reference.model().input_shape())?;
        // Rounding may also choose another one of two nearly equal values of a max-pool, or side of a relu.
        let tolerance = match self.precision {
            Precision::F32 | Precision::F64 => 0.01,
            Precision::Tf32 => 0.1,
            Precision::Bf16 => 0.3,
        };
        let near = |what: &str, apart: f64, size: f64| {
            // The comparison is false for what is no number, too.
            if apart <= tolerance * size {
                return Ok(());
            }
            let expected = format!(
                "at most {}% from that of automatic differentiation",
                100.0 * tolerance
            );
            let found = format!("{:.1}%", 100.0 * apart / size);
            Err(Error::argument(what, expected, found))
        };
        let (found, found_gradients) = self.gradients(&batch)?;
        let (expected, gradients) = reference.gradients(&batch)?;
        let (found, expected) = (found.mean(), expected.mean());
        near("loss of a trial", (found - expected).abs(), expected.abs())?;
        let norm = |tensor: &Tensor| -> Result<f64> {
            Ok(f64::from(
                tensor.sqr()?.sum_all()?.sqrt()?.to_scalar::<f32>()?,
            ))
        };
        let mut distances = Vec::new();
        for parameter in trained::all(&self.layers) {
            let of = |store: &GradStore| match store.get(&parameter.value) {
                Some(gradient) => Ok(gradient.clone()),
                None => parameter.value.zeros_like(),
            };
            let (found, expected) = (of(&found_gradients)?, of(&gradients)?);
            distances.push((norm(&(found - &expected)?)?, norm(&expected)?));
        }
        // A gradient that is next to nothing beside the others is rounding for the most part.
        let largest = distances
            .iter()
            .fold(0.0, |most: f64, (_, size)| most.max(*size));
        distances.into_iter().try_for_each(|(apart, size)| {
            near("gradient of a trial", apart, size.max(1e-3 * largest))
        })
    }

    /// A batch of random values.
    fn trial(&self, shape: &[usize]) -> Result<Batch> {
        let mut stream = Stream::new(0, Purpose::Init, 0, 0);
        let mut values = |shape: &[usize]| {
            let shape = [&[TRIED], shape].concat();
            let len = shape.iter().product();
            let values: Vec<f32> = (0..len).map(|_| stream.uniform() as f32).collect();
            Tensor::from_vec(values, shape, &self.device)
        };
        let latent = self.network.latent();
        Ok(Batch {
            input: values(shape)?,
            target: values(shape)?,
            latent_noise: latent.map(|latent| values(&[latent])).transpose()?,
            kl_weight: 1.0,
        })
    }

    /// Starts the work on a batch. Copies of its tensors are freed before it is done, but in the order of the work.
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
        self.network.start(&self.parameters, &self.gradients, task)
    }

    /// How the sums of a batch make its loss.
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

/// The tensor as kernels read it, four values at a time.
pub(super) fn aligned(tensor: &Tensor) -> Result<Tensor> {
    let tensor = tensor.contiguous()?;
    match tensor.layout().start_offset().is_multiple_of(4) {
        true => Ok(tensor),
        false => Ok(tensor.copy()?),
    }
}

impl Engine for CudaEngine {
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)> {
        self.start_gradients(batch)?;
        let losses = trained::losses(&self.objective, batch, self.network.sums()?)?;
        Ok((losses, trained::store(&self.layers)))
    }

    fn name(&self) -> &'static str {
        "card plan"
    }

    fn has_short_products(&self) -> bool {
        self.precision.has_short_products()
    }

    fn ahead(&mut self) -> Option<&mut dyn Ahead> {
        Some(self)
    }
}

/// What a step failed by.
fn failure(status: &Status) -> Option<(&'static str, f64)> {
    let failures = [
        (Failure::Nothing, None),
        (Failure::Loss, Some(("training loss", status.loss))),
        (Failure::Norm, Some(("norm of the gradient", status.norm))),
    ];
    let mut failures = failures.into_iter();
    let found = failures.find(|(failure, _)| *failure as i64 == status.failure);
    found.and_then(|(_, failure)| failure)
}

impl Ahead for CudaEngine {
    fn begin(&mut self, losses: Losses) -> Result<()> {
        self.count = losses.count;
        self.steps.begin(losses.sum, losses.kl_sum)
    }

    fn start(&mut self, batch: &Batch, optimizer: &mut Optimizer, rate: f64) -> Result<()> {
        self.start_gradients(batch)?;
        let terms = self.terms(batch, optimizer.clip_norm())?;
        let (variables, step) =
            optimizer.advance(&trained::store(&self.layers), rate, ToKernels)?;
        self.steps
            .start(variables, self.network.totals(), terms, step)?;
        self.count += self.objective.count(batch)?;
        Ok(())
    }

    fn wait(&mut self) -> Result<Standing> {
        let status = self.steps.status()?;
        Ok(Standing {
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

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::device::card_under_test;
    use crate::network::Parameters;
    use crate::recipe::Recipe;

    /// A recipe's network with the losses of two objectives.
    fn tried(reconstruction: [&str; 2], device: &Device) -> Result<()> {
        let mut recipe = Recipe::load("dense-32", &["network.encoder=[8]".to_string()])?;
        recipe.network.resolve_input([1, 28, 28])?;
        let parameters = Parameters::drawn(1);
        let model = Autoencoder::new(&recipe.network, parameters.builder(DType::F32, device))?;
        let [plan, reference] = reconstruction.map(|reconstruction| {
            let text = format!("reconstruction = '{reconstruction}'");
            toml::from_str::<Objective>(&text).unwrap()
        });
        let plan = CudaEngine::new(&model, plan, Precision::F32)?;
        plan.unwrap().try_out(&mut Autograd::new(model, reference))
    }

    #[test]
    fn kernels_that_do_something_else_are_not_taken() {
        let Some(device) = card_under_test() else {
            return;
        };
        tried(["bce", "bce"], &device).unwrap();
        for other in ["mse", "mae"] {
            let message = tried([other, "bce"], &device).unwrap_err().to_string();
            assert!(message.contains("trial: expected at most 1%"), "{message}");
        }
    }
}
