//! The layers of a network, or of a part of it, that engines lower.

use candle_core::Tensor;

use crate::Result;
use crate::layer::Layer;
use crate::network::{Autoencoder, Code};

/// Layers of a network for samples of one shape, with the code between encoder and decoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subnetwork<'a> {
    pub input: &'a [usize],
    pub encoder: &'a [Layer],
    pub code: Code,
    pub decoder: &'a [Layer],
}

/// Consecutive layers, prepared: they map samples `(N, ...)` of f32, contiguous on the network's device, to results.
pub(crate) type Prepared = Box<dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync>;

impl<'a> Subnetwork<'a> {
    /// A whole network, without its last activation if `logits`.
    pub fn whole(model: &'a Autoencoder, logits: bool) -> Self {
        let decoder = model.decoder().layers();
        Self {
            input: model.input_shape(),
            encoder: model.encoder().layers(),
            code: model.code(),
            decoder: match decoder.split_last() {
                Some((_, before)) if logits => before,
                _ => decoder,
            },
        }
    }

    /// Consecutive layers without a code.
    pub fn list(input: &'a [usize], layers: &'a [Layer]) -> Self {
        Self {
            input,
            encoder: layers,
            code: Code::Plain,
            decoder: &[],
        }
    }

    /// Every layer with parameters, in the order in which steps take them: nested layers come after their parent.
    pub fn trained(self) -> impl Iterator<Item = &'a Layer> {
        let layers = self.encoder.iter().chain(self.decoder);
        let layers = layers.flat_map(Layer::walk);
        layers.filter(|layer| layer.parameters().next().is_some())
    }

    /// The parameters of each of these layers, contiguous.
    pub fn weights(self) -> Result<Vec<Vec<Tensor>>> {
        let of_layer = |layer: &Layer| {
            let tensors = layer.parameters().map(|tensor| Ok(tensor.contiguous()?));
            tensors.collect::<Result<Vec<_>>>()
        };
        self.trained().map(of_layer).collect()
    }

    /// Shape of the results.
    pub fn output(self) -> &'a [usize] {
        let last = self.decoder.last().or(self.encoder.last());
        last.map_or(self.input, Layer::output)
    }
}
