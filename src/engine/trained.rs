//! Shared parts of engines on lowered networks: the trained tensors, checks of a batch, and losses from its sums.

use std::fmt;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor};

use crate::data::Batch;
use crate::engine::cpu::{Factors, LossSums};
use crate::engine::lowering::Subnetwork;
use crate::layer::Layer;
use crate::objective::{Losses, Numbers};
use crate::ops::has_kernels;
use crate::recipe::Objective;
use crate::{Error, Result};

/// The trained tensors of each layer that has any.
pub(super) type Trained = Vec<Vec<Parameter>>;

/// A variable, and its gradient, which every step overwrites.
#[derive(Debug)]
pub(super) struct Parameter {
    pub value: Tensor,
    pub gradient: Tensor,
}

impl Parameter {
    fn new(value: &Tensor) -> Result<Self> {
        Ok(Self {
            value: value.clone(),
            gradient: value.zeros_like()?.detach(),
        })
    }
}

/// The trained tensors of a network, in order; none if one is not f32, or kernels are off on this thread.
pub(super) fn trained(part: Subnetwork) -> Result<Option<Trained>> {
    let mut tensors = part.trained().flat_map(Layer::parameters);
    if !has_kernels() || tensors.any(|tensor| tensor.dtype() != DType::F32) {
        return Ok(None);
    }
    let of_layer = |layer: &Layer| layer.parameters().map(Parameter::new).collect();
    let layers: Result<_> = part.trained().map(of_layer).collect();
    layers.map(Some)
}

/// Factors of the minimised loss.
pub(super) fn factors(objective: &Objective, batch: &Batch) -> Factors {
    let samples = batch.target.dims().first().copied().unwrap_or(1).max(1) as f64;
    let values = batch.target.elem_count().max(1);
    let (scale, kl_scale) = match objective.elbo {
        Some(_) => {
            let (factor, _) = likelihood(objective, batch);
            (factor / samples, batch.kl_weight / samples)
        }
        None => (1.0 / values as f64, 0.0),
    };
    Factors {
        reconstruction: objective.reconstruction,
        scale,
        penalty: (objective.code_penalty).map(|penalty| (penalty, 1.0 / samples)),
        kl_scale,
    }
}

/// Checks the assumptions of steps: samples of `input_len` and `out_len` values, and noise for the codes of a
/// variational network, all on one device.
pub(super) fn check(
    batch: &Batch,
    (input_len, out_len): (usize, usize),
    latent: Option<usize>,
    device: &Device,
) -> Result<()> {
    let samples = batch.input.dims().first().copied().unwrap_or(0);
    let check = |what: &str, tensor: &Tensor, len: usize, expected: fmt::Arguments| {
        let fits = samples > 0
            && tensor.dtype() == DType::F32
            && tensor.device().same_device(device)
            && tensor.dims().first() == Some(&samples)
            && tensor.elem_count() == samples * len;
        if fits {
            return Ok(());
        }
        let (place, found_place) = (device.location(), tensor.device().location());
        Err(Error::layer(
            what,
            format!("{expected} on {place:?}"),
            format!(
                "{:?} of {:?} on {found_place:?}",
                tensor.dims(),
                tensor.dtype()
            ),
        ))
    };
    check(
        "batch input",
        &batch.input,
        input_len,
        format_args!("one or more samples of {input_len} values of F32"),
    )?;
    check(
        "batch target",
        &batch.target,
        out_len,
        format_args!("{samples} targets of {out_len} values of F32"),
    )?;
    let Some(latent) = latent else {
        return Ok(());
    };
    let Some(noise) = &batch.latent_noise else {
        let expected = "noise for the codes of a variational network";
        return Err(Error::argument("batch", expected, "none"));
    };
    check(
        "batch noise",
        noise,
        latent,
        format_args!("{samples} times {latent} values of F32"),
    )
}

/// The factor and the constant that turn a batch's sum of distances into the reconstruction loss.
pub(super) fn likelihood(objective: &Objective, batch: &Batch) -> (f64, f64) {
    match objective.elbo {
        Some(elbo) => elbo.likelihood(objective.reconstruction, batch.target.elem_count()),
        None => (1.0, 0.0),
    }
}

/// The losses of a batch.
pub(super) fn losses(objective: &Objective, batch: &Batch, sums: LossSums) -> Result<Losses> {
    let (factor, constant) = likelihood(objective, batch);
    let numbers = Numbers {
        reconstruction: factor * sums.distance + constant,
        penalty: sums.penalty,
        kl: sums.kl,
    };
    objective.losses_of(numbers, batch)
}

/// The gradients under their variables.
pub(super) fn store(layers: &Trained) -> GradStore {
    let mut gradients = GradStore::default();
    for parameter in layers.iter().flatten() {
        gradients.insert(&parameter.value, parameter.gradient.clone());
    }
    gradients
}
