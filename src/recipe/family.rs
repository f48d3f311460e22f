//! Defaults and limits that the network families share.

use super::limits::{check, count, positive};
use crate::Result;
use crate::activation::Activation;
use crate::layer::{Initialization, MAX_UNITS};

/// The largest number of layers in an encoder or decoder.
pub(super) const MAX_LAYERS: usize = 256;

pub(super) fn relu() -> Activation {
    Activation::Relu
}

pub(super) fn sigmoid() -> Activation {
    Activation::Sigmoid
}

pub(super) fn validate_init(init: Initialization) -> Result<()> {
    match init {
        Initialization::GlorotUniform | Initialization::FanIn | Initialization::He => Ok(()),
        Initialization::Normal { deviation } => {
            positive("network.init.normal.deviation", deviation, 100.0)
        }
    }
}

pub(super) fn validate_convolutions(kernel: usize, scale: usize) -> Result<()> {
    let holds = kernel % 2 == 1 && kernel <= 31;
    check(holds, "network.kernel", "an odd size from 1 to 31", kernel)?;
    count("network.scale", scale, 1..=64)
}

pub(super) fn in_range(key: &str, sizes: &[usize]) -> Result<()> {
    let expected = format!("at most {MAX_LAYERS} sizes");
    check(sizes.len() <= MAX_LAYERS, key, expected, sizes.len())?;
    check(
        !sizes.is_empty() && sizes.iter().all(|size| (1..=MAX_UNITS).contains(size)),
        key,
        format!("at least one size, each from 1 to {MAX_UNITS}"),
        format!("{sizes:?}"),
    )
}
