//! Activations in lists of layers.

use crate::activation::Activation;
use crate::layer::LayerSpec;

/// The layer of an activation; none for the identity.
pub fn layer(activation: &Activation) -> Option<LayerSpec> {
    (*activation != Activation::Linear).then(|| activation.clone().into())
}
