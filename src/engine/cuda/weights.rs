//! Weights as the products read them.

use super::launch::int;
use super::launch::{Address, Buffer, Grid, Launcher};
use super::layer::GemmLayer;
use crate::Result;
use crate::engine::abi::{Spread, Weights};
use crate::engine::cpu::Shape;
use crate::recipe::Precision;

/// The packed weights of a layer: (results, depth) for its results, (channels, depth) for the gradient of its inputs.
#[derive(Debug)]
pub(super) struct Packed {
    pub forward: Buffer<f32>,
    pub backward: Buffer<f32>,
    /// Whether they are rounded to TF32.
    is_rounded: bool,
}

impl Packed {
    pub fn new(card: &Launcher, layer: &GemmLayer, precision: Precision) -> Result<Self> {
        Ok(Self {
            is_rounded: precision == Precision::Tf32,
            forward: card.memory(layer.forward().weight_len())?,
            backward: card.memory(layer.backward().weight_len())?,
        })
    }
}

/// Packs the weights of all layers in one launch.
#[derive(Debug)]
pub(super) struct Packing {
    table: Buffer<Weights>,
    layers: u32,
    /// Length of the largest layer's weights.
    len: usize,
    /// The weights in the table.
    weights: Vec<Address>,
}

impl Spread {
    /// Contributions of pixels to the results of a layer.
    pub(super) fn new(layer: &GemmLayer) -> Result<Self> {
        Ok(Self {
            given: Address::NONE,
            result: Address::NONE,
            bias: Address::NONE,
            count: 0,
            height: int(layer.height())?,
            width: int(layer.width())?,
            shift: layer.scale.ilog2() as i32,
            results: int(layer.results)?,
            kernel: int(layer.kernel)?,
            relu: i32::from(layer.has_relu),
            stride: 1,
            padding: 0,
            mask: Address::NONE,
        })
    }

    /// Contributions to the gradient of a strided layer's input.
    pub(super) fn gradient_of(layer: &GemmLayer) -> Result<Self> {
        Ok(Self {
            height: int(layer.input.height)?,
            width: int(layer.input.width)?,
            shift: 0,
            results: int(layer.input.channels)?,
            relu: 0,
            stride: int(layer.stride)?,
            padding: int(layer.padding)?,
            ..Self::new(layer)?
        })
    }

    /// Blocks of `scale` by `scale` results for each pixel of `input`.
    pub(super) fn blocks(
        input: Shape,
        channels: usize,
        scale: usize,
        has_relu: bool,
    ) -> Result<Self> {
        Ok(Self {
            height: int(input.height * scale)?,
            width: int(input.width * scale)?,
            stride: int(scale)?,
            relu: i32::from(has_relu),
            ..Self::new(&GemmLayer::new(input, channels, scale, false))?
        })
    }

    /// The same for a batch, with the pixels' contributions `given` and the results.
    pub(super) fn over(self, samples: usize, given: Address, result: Address) -> Result<Self> {
        Ok(Self {
            given,
            result,
            count: int(samples)?,
            ..self
        })
    }

    /// Results of the batch.
    fn len(&self) -> usize {
        [self.count, self.height, self.width, self.results]
            .into_iter()
            .map(|size| usize::try_from(size).unwrap_or(0))
            .product()
    }

    /// Adds up the contributions to each result.
    pub(super) fn run(self, card: &Launcher, bias: Address) -> Result<()> {
        let arguments = Self { bias, ..self };
        card.launch("spread", Grid::over(self.len()), &(arguments,))
    }

    /// The same for pixels that are a stride apart; results are kept where `mask` is above 0, if there is a mask.
    pub(super) fn run_strided(self, card: &Launcher, bias: Address, mask: Address) -> Result<()> {
        let arguments = Self { bias, mask, ..self };
        card.launch("spread_strided", Grid::over(self.len()), &(arguments,))
    }

    /// The gradient of the contributions from that of the results.
    pub(super) fn run_back(self, card: &Launcher) -> Result<()> {
        card.launch("collect", Grid::over(self.len()), &(self,))
    }

    /// The same for blocks, which do not overlap.
    pub(super) fn collect_blocks(self, card: &Launcher) -> Result<()> {
        card.launch("collect_blocks", Grid::over(self.len()), &(self,))
    }
}

impl Packing {
    /// A table for layers and the addresses of their weights.
    pub fn new(
        card: &Launcher,
        layers: &[(&GemmLayer, &Packed)],
        weights: Vec<Address>,
    ) -> Result<Self> {
        let entries = layers
            .iter()
            .zip(&weights)
            .map(|(&(layer, packed), &weight)| {
                Ok(Weights {
                    weight,
                    forward: packed.forward.address(),
                    backward: packed.backward.address(),
                    algorithm: layer.algorithm(),
                    results: int(layer.results)?,
                    channels: int(layer.input.channels)?,
                    area: int(layer.area())?,
                    result_stride: int(layer.result_stride)?,
                    channel_stride: int(layer.channel_stride)?,
                    forward_depth: int(layer.forward().depth())?,
                    backward_depth: int(layer.backward().depth())?,
                    rounds: i32::from(packed.is_rounded),
                })
            });
        let entries: Vec<Weights> = entries.collect::<Result<_>>()?;
        let lens = layers.iter();
        let lens = lens.flat_map(|(_, packed)| [packed.forward.len(), packed.backward.len()]);
        Ok(Self {
            table: card.copy_of(&entries)?,
            layers: entries.len() as u32,
            len: lens.max().unwrap_or(0),
            weights,
        })
    }

    /// Whether the table is for weights at these addresses.
    pub fn is_for(&self, weights: impl Iterator<Item = Address>) -> bool {
        weights.eq(self.weights.iter().copied())
    }

    pub fn run(&self, card: &Launcher) -> Result<()> {
        let Grid((across, ..)) = Grid::over(self.len);
        let arguments = (self.table.address(),);
        card.launch("pack_weights", Grid((across, self.layers, 1)), &arguments)
    }
}
