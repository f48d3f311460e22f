//! The fast engine for the CPU: the network lowered into steps over preallocated memory.

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};

use super::{CpuNetwork, FlatBatch, Isa, by_layer, lower};
use crate::Result;
use crate::data::Batch;
use crate::engine::lowering::Subnetwork;
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
    /// For a network built on trainable variables, fastest on batches of `batch_size` samples; none if it is not f32 on the CPU, or has a layer that cannot be
    /// lowered.
    ///
    /// # Errors
    /// If there is no memory for the gradients.
    pub fn new(
        model: &Autoencoder,
        objective: Objective,
        batch_size: usize,
    ) -> Result<Option<Self>> {
        if !model.device().is_cpu() {
            return Ok(None);
        }
        let logits = objective.reconstruction == Reconstruction::Bce;
        let part = Subnetwork::whole(model, logits);
        let (Some((steps, code)), Some(layers)) =
            (lower(part, batch_size), trained::trained(part)?)
        else {
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
        let data = [&input, &target].into_iter().chain(&noise);
        let parameters = || self.layers.iter().flatten();
        let read: Vec<&Tensor> = data.chain(parameters().map(|p| &p.value)).collect();
        let written: Vec<&Tensor> = parameters().map(|p| &p.gradient).collect();
        let sums = with_elements_mut::<f32, _>(&written, &read, |gradients, read| {
            let mut read = read.iter().copied();
            let mut next = || read.next().unwrap_or_default();
            let flat = FlatBatch {
                input: next(),
                target: next(),
                noise: noise.as_ref().map(|_| next()),
                factors: trained::factors(&self.objective, batch),
            };
            let parameters = by_layer(&mut read, &self.layers);
            self.network.pack(&parameters);
            let sums = self.network.gradients(&parameters, flat);
            let gradients = by_layer(&mut gradients.into_iter(), &self.layers);
            self.network.unpack(gradients);
            Ok(sums)
        })?;
        let losses = trained::losses(&self.objective, batch, sums)?;
        Ok((losses, trained::store(&self.layers)))
    }

    fn name(&self) -> &'static str {
        "cpu"
    }
}
