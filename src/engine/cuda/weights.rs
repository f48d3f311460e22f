//! Weights as the products read them.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;

use super::launch::{Address, Buffer, Grid, Launcher};
use super::layer::{ConvAlgorithm, GemmLayer};
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
    algorithm: ConvAlgorithm,
    results: i32,
    channels: i32,
    area: i32,
    forward_depth: i32,
    backward_depth: i32,
    rounds: i32,
}

/// The `Parts` of the kernels: what the gradients of weights and biases are added up from.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Parts {
    pub parts: Address,
    pub weight: Address,
    pub bias: Address,
    pub count: i32,
    pub algorithm: ConvAlgorithm,
    pub results: i32,
    pub channels: i32,
    pub area: i32,
    pub depth: i32,
}

/// The `Spread` of the kernels: what pixels give to the results around them, `(N, height >> shift, width >> shift,
/// results, kernel kernel)`, and the results.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Spread {
    pub given: Address,
    pub result: Address,
    pub bias: Address,
    pub count: i32,
    pub height: i32,
    pub width: i32,
    pub shift: i32,
    pub results: i32,
    pub kernel: i32,
    pub relu: i32,
}

// SAFETY: plain numbers, laid out as in C.
unsafe impl DeviceRepr for Weights {}
unsafe impl DeviceRepr for Parts {}
unsafe impl DeviceRepr for Spread {}

impl Spread {
    fn len(&self) -> usize {
        [self.count, self.height, self.width, self.results]
            .into_iter()
            .map(|size| usize::try_from(size).unwrap_or(0))
            .product()
    }

    /// Adds up results from what they are given.
    pub fn run(self, card: &Launcher, bias: Address) -> Result<()> {
        let arguments = Self { bias, ..self };
        card.launch("spread", Grid::over(self.len()), &(arguments,))
    }

    /// The gradient of what is given from that of the results.
    pub fn run_back(self, card: &Launcher) -> Result<()> {
        card.launch("collect", Grid::over(self.len()), &(self,))
    }
}

impl Packing {
    /// For layers and where their weights lie.
    pub fn new(card: &Launcher, products: &[&Product], weights: Vec<Address>) -> Result<Self> {
        let entries = products.iter().zip(&weights).map(|(product, &weight)| {
            let layer = &product.layer;
            Ok(Weights {
                weight,
                forward: product.packed.forward.address(),
                backward: product.packed.backward.address(),
                algorithm: layer.algorithm(),
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

    pub fn run(&self, card: &Launcher) -> Result<()> {
        let Grid((across, ..)) = Grid::over(self.len);
        let arguments = (self.table.address(),);
        card.launch("pack_weights", Grid((across, self.layers, 1)), &arguments)
    }
}
