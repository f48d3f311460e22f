//! The fast engine for the CPU: the network lowered into steps over preallocated memory.

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};

use super::{CpuNetwork, Isa, Parameters, Task, lower};
use crate::Result;
use crate::data::Batch;
use crate::engine::lowering::Part;
use crate::engine::seam::Gradients;
use crate::engine::trained::{self, Trained};
use crate::network::Autoencoder;
use crate::objective::Losses;
use crate::ops::in_place::with_elements_mut;
use crate::recipe::{Objective, Reconstruction};

/// Runs f32 networks on the CPU whose layers all have steps: all layers except user-defined functions.
///
/// It gives the gradients that [`crate::engine::Autograd`] gives, up to rounding. The same batch gives the same bits
/// with any number of threads.
#[derive(Debug)]
pub struct CpuEngine {
    network: CpuNetwork,
    objective: Objective,
    /// The trained tensors of each layer that has any.
    layers: Trained,
}

impl CpuEngine {
    /// For a network built on trainable variables; none if it is not f32 on the CPU, or has a layer that cannot be
    /// lowered.
    ///
    /// # Errors
    /// If there is no memory for the gradients.
    pub fn new(model: &Autoencoder, objective: Objective) -> Result<Option<Self>> {
        if !model.device().is_cpu() {
            return Ok(None);
        }
        let logits = objective.reconstruction == Reconstruction::Bce;
        let part = Part::whole(model, logits);
        let (Some((steps, code)), Some(layers)) = (lower(part), trained::trained(part)?) else {
            return Ok(None);
        };
        Ok((!steps.is_empty()).then(|| Self {
            network: CpuNetwork::new(steps, code, Isa::best()),
            objective,
            layers,
        }))
    }
}

impl Gradients for CpuEngine {
    fn gradients(&mut self, batch: &Batch) -> Result<(Losses, GradStore)> {
        let (sizes, latent) = (self.network.sizes(), self.network.latent());
        trained::check(batch, sizes, latent, &Device::Cpu)?;
        let (input, target) = (batch.input.contiguous()?, batch.target.contiguous()?);
        let noise = batch.latent_noise.as_ref();
        let noise = noise.map(Tensor::contiguous).transpose()?;
        let written: Vec<Tensor> = trained::all(&self.layers)
            .map(|p| p.gradient.clone())
            .collect();
        let read: Vec<Tensor> = trained::all(&self.layers)
            .map(|p| p.value.clone())
            .collect();
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
            let task = Task {
                input,
                target,
                noise,
                factors: trained::factors(&self.objective, batch),
            };
            let mut gradients = gradients.into_iter();
            let mut parameters: Vec<Parameters> = Vec::with_capacity(self.layers.len());
            let mut slots = Vec::with_capacity(self.layers.len());
            for layer in &self.layers {
                parameters.push(read.by_ref().take(layer.len()).collect());
                slots.push(gradients.by_ref().take(layer.len()).collect());
            }
            self.network.pack(&parameters);
            let sums = self.network.gradients(&parameters, task);
            self.network.unpack(slots);
            Ok(sums)
        })?;
        let losses = trained::losses(&self.objective, batch, sums)?;
        Ok((losses, trained::store(&self.layers)))
    }

    fn name(&self) -> &'static str {
        "cpu"
    }
}
