//! Networks lowered into kernels for a CUDA device, in builds with the feature `cuda`.
//!
//! A list of layers becomes a list of [`step::CudaStep`]s over device memory that is allocated once. A training step
//! copies nothing to the host; only reading the status does. Kernels are in `kernels/`, CUDA C++ that nvcc compiles
//! when the crate is built; [`launch`] is the only place that starts one.
//!
//! Dense and convolutional layers are matrix products whose left operand is gathered from images while it is loaded, in
//! f32, or on tensor cores in TF32 or bf16. Weights, their gradients and all values between the products stay in f32.
//! The order of sums depends on sizes alone, so a step gives the same bits again on the same GPU.

mod engine;
mod inference;
mod kernel;
mod launch;
mod layer;
mod memory;
mod network;
mod optimizer;
mod passes;
mod product;
mod source;
mod spread;
mod step;
mod steps;
mod sums;
mod trial;

use candle_core::{Device, Tensor};

use crate::Result;
use crate::engine::autograd::Autograd;
use crate::engine::feed::{HostSource, Source};
use crate::engine::lowering::{Prepared, Subnetwork};
use crate::engine::seam::{Gradients, StepSpec, Stepper};
use crate::network::Autoencoder;
use crate::optim::Optimizer;
use crate::recipe::{Objective, Precision};
use engine::CudaEngine;
use inference::CudaInference;
use launch::Address;
use network::CudaNetwork;
use optimizer::{Steps, ToKernels};
use source::CudaSource;
use step::{Addresses, Task};
use trial::Trial;

/// Gradients for a network on a CUDA device; none if a layer has no kernels.
///
/// # Errors
/// Those of [`CudaEngine::new`].
pub(super) fn gradients(
    model: &Autoencoder,
    objective: Objective,
    precision: Precision,
) -> Result<Option<Box<dyn Gradients>>> {
    let engine = CudaEngine::new(model, objective, precision)?;
    Ok(engine.map(|engine| Box::new(engine) as Box<dyn Gradients>))
}

/// Layers prepared for a CUDA device and tried on some samples; none for another device, or if a layer has no kernels.
///
/// # Errors
/// If the driver refuses the kernels, or their results are not those of the reference.
pub(super) fn inference(
    device: &Device,
    part: Subnetwork,
    samples: &Tensor,
    reference: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Option<Prepared>> {
    let Device::Cuda(cuda) = device else {
        return Ok(None);
    };
    let Some(prepared) = CudaInference::new(cuda, part)? else {
        return Ok(None);
    };
    prepared.try_out(samples, reference)?;
    Ok(Some(Box::new(move |samples| prepared.run(samples))))
}

/// Asynchronous steps for the network of `reference`, tried on one step; none if a layer has no kernels, and none, with
/// a note, if the driver refuses them or they disagree with the reference.
///
/// # Errors
/// If the device has no memory for the step.
pub(super) fn stepper(
    reference: &mut Autograd,
    precision: Precision,
    source: &mut dyn Source,
    optimizer: &mut Optimizer,
    spec: &StepSpec,
    notes: &mut Vec<String>,
) -> Result<Option<Box<dyn Stepper>>> {
    if spec.indices.is_empty() {
        return Ok(None);
    }
    let engine = CudaEngine::new(reference.model(), reference.objective(), precision);
    let Some(engine) = engine.transpose() else {
        return Ok(None);
    };
    let prepared = engine.and_then(|engine| Ok((engine, Trial::new(reference, source, spec)?)));
    let tried = match prepared {
        Ok((mut engine, trial)) => {
            // The memory of the reference is free by now.
            engine.network.reserve(spec.indices.len(), true)?;
            trial.run(&mut engine, optimizer).map(|()| engine)
        }
        Err(reason) => Err(reason),
    };
    match tried {
        Ok(engine) => Ok(Some(Box::new(engine))),
        Err(reason) => {
            notes.push(format!(
                "the CUDA kernels failed their trial, and automatic differentiation trains instead, which is slower: \
                 {reason}"
            ));
            Ok(None)
        }
    }
}

/// A CUDA device's own copy of the images of `host`, whose batches are tried on one step; none for another device and
/// for points, and none, with a note, if it has no room for them or its batches differ from the host's.
pub(super) fn source(
    host: &mut HostSource,
    spec: &StepSpec,
    notes: &mut Vec<String>,
) -> Option<Box<dyn Source>> {
    if spec.indices.is_empty() {
        return None;
    }
    let source = CudaSource::new(host).transpose()?;
    let tried = source.and_then(|mut source| {
        source.try_out(host, spec)?;
        Ok(source)
    });
    match tried {
        Ok(source) => Some(Box::new(source)),
        Err(reason) => {
            notes.push(format!(
                "the host makes the batches and copies them to the CUDA device, which is slower: {reason}"
            ));
            None
        }
    }
}
