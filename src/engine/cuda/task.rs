//! What a network is to do with a batch.

use super::launch::Address;
use crate::engine::cpu::Factors;

/// A batch on the card, flat, and what is minimised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub samples: usize,
    pub input: Address,
    pub target: Address,
    /// Of the codes of a variational network.
    pub noise: Address,
    pub factors: Factors,
}

/// Where weight and bias of a layer, or their gradients, lie.
pub(crate) type Pair = (Address, Address);
