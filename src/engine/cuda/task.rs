//! What a network is to do with a batch.

use super::launch::Address;
use crate::engine::cpu::Factors;
use crate::recipe::Reconstruction;

/// A batch on the card, flat, and what is minimised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub samples: usize,
    pub input: Address,
    pub target: Address,
    /// Of the codes of a variational network.
    pub noise: Address,
    pub factors: Factors,
    /// Where the last step writes; nothing for the network's own memory.
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

/// Where the parameters of a layer, or their gradients, lie, in the layer's order.
pub(crate) type Addresses = Vec<Address>;

/// A parameter of a layer; none where it has no such.
pub(super) fn parameter(layer: Option<&Addresses>, place: usize) -> Address {
    let address = layer.and_then(|layer| layer.get(place));
    address.copied().unwrap_or(Address::NONE)
}
