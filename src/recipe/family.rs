//! Defaults and limits that the network families share.

use super::limits::{count, positive};
use crate::activation::Activation;
use crate::layer::{Initialization, MAX_UNITS};
use crate::{Error, Result};

/// The largest number of layers in an encoder or decoder.
const MAX_LAYERS: usize = 256;

pub(super) fn relu() -> Activation {
    Activation::Relu
}

pub(super) fn sigmoid() -> Activation {
    Activation::Sigmoid
}

pub(super) fn two() -> usize {
    2
}

pub(super) fn three() -> usize {
    3
}

pub(super) fn validate_init(init: Initialization) -> Result<()> {
    match init {
        Initialization::GlorotUniform | Initialization::FanIn => Ok(()),
        Initialization::Normal { deviation } => {
            positive("network.init.normal.deviation", deviation, 100.0)
        }
    }
}

pub(super) fn check_kernel(kernel: usize) -> Result<()> {
    if kernel.is_multiple_of(2) || kernel > 31 {
        let expected = "an odd size from 1 to 31";
        return Err(Error::recipe("network.kernel", expected, kernel));
    }
    Ok(())
}

pub(super) fn check_scale(scale: usize) -> Result<()> {
    count("network.scale", scale, 1..=64)
}

pub(super) fn in_range(key: &str, sizes: &[usize]) -> Result<()> {
    if sizes.len() > MAX_LAYERS {
        let expected = format!("at most {MAX_LAYERS} sizes");
        return Err(Error::recipe(key, expected, sizes.len()));
    }
    if sizes.is_empty() || sizes.iter().any(|size| !(1..=MAX_UNITS).contains(size)) {
        return Err(Error::recipe(
            key,
            format!("at least one size, each from 1 to {MAX_UNITS}"),
            format!("{sizes:?}"),
        ));
    }
    Ok(())
}
