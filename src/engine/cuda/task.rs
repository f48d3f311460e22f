//! The task of a network for one batch.

use super::launch::Address;
use crate::engine::cpu::Factors;
use crate::recipe::Reconstruction;

/// A batch in device memory, flat, and the factors of the minimised loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub samples: usize,
    pub input: Address,
    pub target: Address,
    /// Noise for the codes of a variational network.
    pub noise: Address,
    pub factors: Factors,
    /// Destination of the last step; null for the network's own memory.
    pub result: Address,
}

impl Task {
    /// A forward pass alone.
    pub fn inference(samples: usize, input: Address, result: Address) -> Self {
        Self {
            samples,
            input,
            result,
            target: Address::NONE,
            noise: Address::NONE,
            factors: Factors {
                reconstruction: Reconstruction::Mse,
                scale: 0.0,
                penalty: None,
                kl_scale: 0.0,
            },
        }
    }
}

/// Addresses of a layer's parameters or of their gradients, in the layer's order.
pub(crate) type Addresses = Vec<Address>;

/// A parameter of a layer; null if the layer has no such parameter.
pub(super) fn parameter(layer: Option<&Addresses>, place: usize) -> Address {
    let address = layer.and_then(|layer| layer.get(place));
    address.copied().unwrap_or(Address::NONE)
}
