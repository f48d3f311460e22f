//! Consecutive layers on the CPU without gradients: lowered once, with weights packed once.

use candle_core::Tensor;

use super::{CpuNetwork, Isa, LayerParameters, by_layer, lower};
use crate::Result;
use crate::engine::lowering::Subnetwork;
use crate::ops::in_place::with_elements_mut;

/// A list of layers with their weights.
#[derive(Debug)]
pub(crate) struct CpuInference {
    network: CpuNetwork,
    /// The parameters of each layer that has any.
    weights: Vec<Vec<Tensor>>,
    /// Shape of a result, without the batch.
    output: Vec<usize>,
}

impl CpuInference {
    /// None if a layer has no step.
    ///
    /// # Errors
    /// If a weight is not an f32 tensor on the CPU.
    pub fn new(part: Subnetwork) -> Result<Option<Self>> {
        let Some((steps, code)) = lower(part, 0).filter(|(steps, _)| !steps.is_empty()) else {
            return Ok(None);
        };
        let weights = part.weights()?;
        let mut network = CpuNetwork::without_backward(steps, code, Isa::best());
        lend(&weights, None, |parameters, _| network.pack(parameters))?;
        Ok(Some(Self {
            network,
            weights,
            output: part.output().to_vec(),
        }))
    }

    /// Maps samples `(N, ...)` of f32, contiguous on the CPU, to results.
    pub fn run(&self, samples: &Tensor) -> Result<Tensor> {
        let mut dims = vec![samples.dim(0)?];
        dims.extend(&self.output);
        let mut out = vec![0f32; dims.iter().product()];
        lend(&self.weights, Some(samples), |parameters, samples| {
            self.network.run(parameters, samples, &mut out);
        })?;
        Ok(Tensor::from_vec(out, dims, samples.device())?)
    }
}

/// Calls `work` with weights as steps read them, and with samples.
fn lend(
    weights: &[Vec<Tensor>],
    samples: Option<&Tensor>,
    work: impl FnOnce(&[LayerParameters], &[f32]),
) -> Result<()> {
    let tensors: Vec<&Tensor> = weights.iter().flatten().chain(samples).collect();
    with_elements_mut::<f32, _>(&[], &tensors, |_, read| {
        let mut read = read.iter().copied();
        let parameters = by_layer(&mut read, weights);
        work(&parameters, read.next().unwrap_or_default());
        Ok(())
    })?;
    Ok(())
}
