//! What engines lower: the layers of a network or of a part of it.

use candle_core::Tensor;

use crate::Result;
use crate::layer::Layer;
use crate::network::{Autoencoder, Code};

/// Layers for samples of a shape, with a code between those of the encoder and the decoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub input: &'a [usize],
    pub encoder: &'a [Layer],
    pub code: Code,
    pub decoder: &'a [Layer],
}

/// Layers in a row, prepared: samples `(N, ...)` of f32, contiguous on the network's device, to their results.
pub(crate) type Prepared = Box<dyn Fn(&Tensor) -> Result<Tensor> + Send + Sync>;

impl<'a> Part<'a> {
    /// A whole network, without its last activation where `logits` says so.
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

    /// Layers in a row, with no code among them.
    pub fn list(input: &'a [usize], layers: &'a [Layer]) -> Self {
        Self {
            input,
            encoder: layers,
            code: Code::Plain,
            decoder: &[],
        }
    }

    /// Every layer with parameters, those within others behind them: the order in which steps take them.
    pub fn trained(self) -> impl Iterator<Item = &'a Layer> {
        let layers = self.encoder.iter().chain(self.decoder);
        let layers = layers.flat_map(Layer::walk);
        layers.filter(|layer| layer.parameters().next().is_some())
    }

    /// The parameters of each of these, contiguous.
    ///
    /// # Errors
    /// Only candle's own.
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
