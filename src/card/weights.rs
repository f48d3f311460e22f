//! Weights as the products read them.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;

use super::launch::{Address, Buffer, Card, Grid};
use super::layer::Layer;
use super::product::{Product, int};
use crate::Result;
use crate::recipe::Precision;

/// The weights of a layer, for its results (results, depth) and for the gradient of its inputs (channels, depth).
#[derive(Debug)]
pub(super) struct Packed {
    pub forward: Buffer<f32>,
    pub backward: Buffer<f32>,
    /// Whether they are rounded to TF32.
    is_rounded: bool,
}

impl Packed {
    pub fn new(card: &Card, layer: &Layer, precision: Precision) -> Result<Self> {
        Ok(Self {
            is_rounded: precision == Precision::Tf32,
            forward: card.memory(layer.results * layer.forward().depth())?,
            backward: card.memory(layer.input.channels * layer.backward().depth())?,
        })
    }
}

/// Packs the weights of all layers in one launch.
#[derive(Debug)]
pub(super) struct Packing {
    table: Buffer<Weights>,
    layers: u32,
    /// Of the largest layer.
    len: usize,
    /// What the table was made for.
    weights: Vec<Address>,
}

/// The `Weights` of the kernels.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Weights {
    weight: Address,
    forward: Address,
    backward: Address,
    results: i32,
    channels: i32,
    area: i32,
    forward_depth: i32,
    backward_depth: i32,
    rounds: i32,
}

// SAFETY: plain numbers, laid out as in C.
unsafe impl DeviceRepr for Weights {}

impl Packing {
    /// For layers and where their weights lie.
    pub fn new(card: &Card, products: &[&Product], weights: Vec<Address>) -> Result<Self> {
        let entries = products.iter().zip(&weights).map(|(product, &weight)| {
            let layer = &product.layer;
            Ok(Weights {
                weight,
                forward: product.packed.forward.address(),
                backward: product.packed.backward.address(),
                results: int(layer.results)?,
                channels: int(layer.input.channels)?,
                area: int(layer.area())?,
                forward_depth: int(layer.forward().depth())?,
                backward_depth: int(layer.backward().depth())?,
                rounds: i32::from(product.packed.is_rounded),
            })
        });
        let entries: Vec<Weights> = entries.collect::<Result<_>>()?;
        let lens = products
            .iter()
            .flat_map(|product| [product.packed.forward.len(), product.packed.backward.len()]);
        Ok(Self {
            table: card.copy_of(&entries)?,
            layers: entries.len() as u32,
            len: lens.max().unwrap_or(0),
            weights,
        })
    }

    /// Whether it is for weights that lie there.
    pub fn is_for(&self, weights: impl Iterator<Item = Address>) -> bool {
        weights.eq(self.weights.iter().copied())
    }

    pub fn run(&self, card: &Card) -> Result<()> {
        let Grid((across, ..)) = Grid::over(self.len);
        let arguments = (self.table.address(),);
        card.launch("pack_weights", Grid((across, self.layers, 1)), &arguments)
    }
}
