//! The fast engine for the CPU: the network lowered into steps over preallocated memory.

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor};

use super::Engine;
use crate::data::Batch;
use crate::model::{Autoencoder, parameters};
use crate::objective::{Losses, Numbers};
use crate::ops::has_kernel;
use crate::ops::in_place::with_elements_mut;
use crate::plan::{Network, Parameters, Task};
use crate::recipe::{Objective, Reconstruction};
use crate::{Error, Result};

/// Networks of f32 on the CPU whose layers all have steps: all but functions of the library's user.
///
/// It gives the gradients that [`super::Autograd`] gives, up to rounding. The same batch gives the same
/// bits for any number of threads.
#[derive(Debug)]
pub struct Plan {
    network: Network,
    objective: Objective,
    /// The trained tensors of each layer that has some.
    layers: Vec<Trained>,
}

#[derive(Debug)]
struct Trained {
    weight: Parameter,
    bias: Option<Parameter>,
}

/// A variable, and its gradient, which is written anew in every step.
#[derive(Debug)]
struct Parameter {
    value: Tensor,
    gradient: Tensor,
}

impl Parameter {
    fn new(value: &Tensor) -> Result<Self> {
        Ok(Self {
            value: value.clone(),
            gradient: value.zeros_like()?.detach(),
        })
    }
}

impl Plan {
    /// For a network built on trainable variables; none if it is not of f32 on the CPU, or has a layer
    /// that cannot be lowered.
    ///
    /// # Errors
    /// If there is no memory for the gradients.
    pub fn new(model: &Autoencoder, objective: Objective) -> Result<Option<Self>> {
        let logits = objective.reconstruction == Reconstruction::Bce;
        let Some(network) = model.lowered(logits) else {
            return Ok(None);
        };
        let mut layers = Vec::new();
        for (_, placed) in model.encoder().layers().chain(model.decoder().layers()) {
            let Some((weight, bias)) = parameters(placed) else {
                continue;
            };
            if !has_kernel(&[weight]) || weight.dtype() != DType::F32 {
                return Ok(None);
            }
            layers.push(Trained {
                weight: Parameter::new(weight)?,
                bias: bias.map(Parameter::new).transpose()?,
            });
        }
        Ok(Some(Self {
            network,
            objective,
            layers,
        }))
    }

    /// All parameters in order: of each layer the weight, then the bias where it has one.
    fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.layers
            .iter()
            .flat_map(|layer| std::iter::once(&layer.weight).chain(&layer.bias))
    }

    /// Factors of what is minimised, and the data of a batch.
    fn task<'a>(
        &self,
        batch: &Batch,
        input: &'a [f32],
        target: &'a [f32],
        noise: Option<&'a [f32]>,
    ) -> Task<'a> {
        let samples = batch.target.dims().first().copied().unwrap_or(1).max(1) as f64;
        let values = batch.target.elem_count().max(1);
        let (scale, kl_scale) = match self.objective.elbo {
            Some(elbo) => {
                let (factor, _) = elbo.likelihood(self.objective.reconstruction, values);
                (factor / samples, batch.kl_weight / samples)
            }
            None => (1.0 / values as f64, 0.0),
        };
        Task {
            input,
            target,
            noise,
            reconstruction: self.objective.reconstruction,
            scale,
            penalty: (self.objective.code_penalty).map(|penalty| (penalty, 1.0 / samples)),
            kl_scale,
        }
    }

    /// Checks what the steps rely on.
    fn check(&self, batch: &Batch) -> Result<()> {
        let misfit = |what: &str, expected: String, tensor: &Tensor| {
            let found = format!("{:?} of {:?}", tensor.dims(), tensor.dtype());
            Err(Error::layer(what, expected, found))
        };
        let (input_len, out_len) = self.network.lens();
        let samples = batch.input.dims().first().copied().unwrap_or(0);
        let fits = |tensor: &Tensor, len: usize| {
            tensor.dtype() == DType::F32
                && tensor.device().is_cpu()
                && tensor.dims().first() == Some(&samples)
                && tensor.elem_count() == samples * len
        };
        if samples == 0 || !fits(&batch.input, input_len) {
            let expected = format!("samples of {input_len} values of F32");
            return misfit("batch input", expected, &batch.input);
        }
        if !fits(&batch.target, out_len) {
            let expected = format!("{samples} targets of {out_len} values of F32");
            return misfit("batch target", expected, &batch.target);
        }
        let Some(latent) = self.network.latent() else {
            return Ok(());
        };
        match &batch.latent_noise {
            Some(noise) if fits(noise, latent) => Ok(()),
            Some(noise) => misfit(
                "batch noise",
                format!("{samples} times {latent} values"),
                noise,
            ),
            None => Err(Error::argument(
                "batch",
                "noise for the codes of a variational network",
                "none",
            )),
        }
    }
}

impl Engine for Plan {
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)> {
        self.check(batch)?;
        let (input, target) = (batch.input.contiguous()?, batch.target.contiguous()?);
        let noise = batch.latent_noise.as_ref();
        let noise = noise.map(Tensor::contiguous).transpose()?;
        let written: Vec<Tensor> = self.parameters().map(|p| p.gradient.clone()).collect();
        let read: Vec<Tensor> = self.parameters().map(|p| p.value.clone()).collect();
        let written: Vec<&Tensor> = written.iter().collect();
        let data = [&input, &target].into_iter().chain(&noise);
        let read: Vec<&Tensor> = data.chain(&read).collect();

        let sums = with_elements_mut::<f32, _>(&written, &read, |gradients, read| {
            let mut read = read.iter().copied();
            let (input, target) = (
                read.next().unwrap_or_default(),
                read.next().unwrap_or_default(),
            );
            let noise = noise.as_ref().and_then(|_| read.next());
            let task = self.task(batch, input, target, noise);
            let mut gradients = gradients.into_iter();
            let mut parameters: Vec<Parameters> = Vec::with_capacity(self.layers.len());
            let mut slots = Vec::with_capacity(self.layers.len());
            for layer in &self.layers {
                let weight = (read.next().unwrap_or_default(), gradients.next());
                let bias = match layer.bias {
                    Some(_) => (read.next().unwrap_or_default(), gradients.next()),
                    None => Default::default(),
                };
                parameters.push((weight.0, bias.0));
                slots.push((weight.1.unwrap_or_default(), bias.1.unwrap_or_default()));
            }
            self.network.pack(&parameters);
            let sums = self.network.gradients(&parameters, task);
            self.network.unpack(slots);
            Ok(sums)
        })?;

        let values = batch.target.elem_count();
        let (factor, constant) = match self.objective.elbo {
            Some(elbo) => elbo.likelihood(self.objective.reconstruction, values),
            None => (1.0, 0.0),
        };
        let numbers = Numbers {
            reconstruction: factor * sums.distance + constant,
            penalty: sums.penalty,
            kl: sums.kl,
        };
        let mut gradients = GradStore::default();
        for parameter in self.parameters() {
            gradients.insert(&parameter.value, parameter.gradient.clone());
        }
        Ok((self.objective.losses_of(numbers, batch)?, gradients))
    }

    fn name(&self) -> &'static str {
        "plan"
    }
}
