//! Replaces `cuda` in builds without that feature: no device has a CUDA engine.

use candle_core::{Device, Tensor};

use super::autograd::Autograd;
use super::feed::{HostSource, Source};
use super::lowering::{Prepared, Subnetwork};
use super::seam::{Gradients, StepSpec, Stepper};
use crate::Result;
use crate::network::Autoencoder;
use crate::optim::Optimizer;
use crate::recipe::{Objective, Precision};

pub(super) fn gradients(
    _: &Autoencoder,
    _: Objective,
    _: Precision,
) -> Result<Option<Box<dyn Gradients>>> {
    Ok(None)
}

pub(super) fn stepper(
    _: &mut Autograd,
    _: Precision,
    _: &mut dyn Source,
    _: &mut Optimizer,
    _: &StepSpec,
    _: &mut Vec<String>,
) -> Result<Option<Box<dyn Stepper>>> {
    Ok(None)
}

pub(super) fn inference(
    _: &Device,
    _: Subnetwork,
    _: &Tensor,
    _: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Option<Prepared>> {
    Ok(None)
}

pub(super) fn source(
    _: &mut HostSource,
    _: &StepSpec,
    _: &mut Vec<String>,
) -> Option<Box<dyn Source>> {
    None
}
