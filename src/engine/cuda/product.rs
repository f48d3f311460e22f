//! Dense and convolutional layers as matrix products.

use super::kernel::Kernel;
use super::launch::{Address, Buffer, Grid, Launcher, int};
use super::layer::{GemmLayer, ImplicitGemm, values_at_a_time};
use crate::Result;
use crate::engine::abi::{DEPTH, Divisor, Product, Tap, Weights};
use crate::recipe::Precision;

/// Below this many blocks, too few for a large GPU, use blocks with half the rows.
const FULL: usize = 264;
/// Approximate number of blocks for the gradient of a layer's weights: enough for every current GPU, and the same on
/// all of them, so that sums have one order.
const BLOCKS: usize = 512;
/// Fewest pixels of a part: with fewer, adding up the parts would take longer than computing them.
const LEAST_PART: usize = 128;

impl Divisor {
    /// Division by a number from 1 to 2^31.
    fn by(divisor: usize) -> Self {
        let divisor = (divisor as u64).clamp(1, 1 << 31);
        let bits = divisor.next_power_of_two().ilog2();
        Self {
            // 2^31 for powers of two, and below 2^32 for other numbers.
            factor: (1u64 << (31 + bits)).div_ceil(divisor) as u32,
            shift: 31 + bits,
        }
    }
}

/// A [`GemmLayer`] on a CUDA device.
#[derive(Debug)]
pub(super) struct LayerProducts {
    pub layer: GemmLayer,
    pub forward: Gemm,
    pub backward: Gemm,
    /// The kernel for the gradient of the weights.
    pub weight: Kernel,
    /// Whether the products read weights rounded to TF32.
    is_rounded: bool,
}

/// A product of a layer.
#[derive(Debug)]
pub(super) struct Gemm {
    pub reading: ImplicitGemm,
    taps: Buffer<Tap>,
    /// The layer's weights as the product reads them: (results, depth) for the layer's results, (channels, depth) for
    /// the gradient of its inputs.
    pub packed: Buffer<f32>,
    /// Kernels with few rows a block and with many; the results have the same bits.
    kernels: [Kernel; 2],
}

impl Gemm {
    fn new(card: &Launcher, reading: ImplicitGemm, precision: Precision) -> Result<Self> {
        Ok(Self {
            taps: card.copy_of(&reading.table())?,
            packed: card.memory(reading.weight_len())?,
            kernels: Kernel::products(precision, reading.results, reading.values()),
            reading,
        })
    }

    /// A product that reads `images`.
    pub fn arguments(&self, samples: usize, images: Address) -> Result<Product> {
        let reading = &self.reading;
        let (grid, image) = (reading.grid, reading.image);
        Ok(Product {
            images,
            taps: self.taps.address(),
            weight: self.packed.address(),
            count: int(samples)?,
            height: int(grid.0)?,
            width: int(grid.1)?,
            image_height: int(image.0)?,
            image_width: int(image.1)?,
            shift: reading.shift as i32,
            stride: int(reading.stride)?,
            channels: int(reading.channels)?,
            image_len: int(reading.image_len)?,
            depth: int(reading.depth())?,
            results: int(reading.results)?,
            phases: int(reading.phases)?,
            area: Divisor::by(reading.pixels()),
            line: Divisor::by(grid.1),
            ..Product::default()
        })
    }

    /// The kernel for a batch of this size, and its blocks.
    fn kernel(&self, samples: usize) -> (&Kernel, [usize; 3]) {
        let rows = samples * self.reading.pixels();
        let [low, high] = self.kernels.each_ref().map(|kernel| {
            let blocks = kernel.blocks(rows, self.reading.results, self.reading.phases);
            (kernel, blocks)
        });
        match high.1.iter().product::<usize>() {
            0..FULL => low,
            _ => high,
        }
    }

    pub fn launch(&self, card: &Launcher, samples: usize, arguments: Product) -> Result<()> {
        let (kernel, blocks) = self.kernel(samples);
        card.launch(&kernel.name, Grid::new(blocks)?, &(arguments,))
    }
}

impl LayerProducts {
    pub fn new(card: &Launcher, layer: GemmLayer, precision: Precision) -> Result<Self> {
        let forward = Gemm::new(card, layer.forward(), precision)?;
        let results = forward.reading.results;
        let values = [forward.reading.values(), values_at_a_time(results)];
        Ok(Self {
            backward: Gemm::new(card, layer.backward(), precision)?,
            weight: Kernel::weight(precision, results, values),
            is_rounded: precision == Precision::Tf32,
            forward,
            layer,
        })
    }

    /// The kernels for a batch of this size: for the gradients of the layer's input and of its weights.
    pub fn backward_kernels(&self, samples: usize) -> [&str; 2] {
        [&self.backward.kernel(samples).0.name, &self.weight.name]
    }

    /// The packing of the layer's weights from their address.
    pub fn packing(&self, weight: Address) -> Result<Weights> {
        let layer = &self.layer;
        Ok(Weights {
            weight,
            forward: self.forward.packed.address(),
            backward: self.backward.packed.address(),
            algorithm: layer.algorithm(),
            results: int(layer.results)?,
            channels: int(layer.input.channels)?,
            area: int(layer.area())?,
            result_stride: int(layer.result_stride)?,
            channel_stride: int(layer.channel_stride)?,
            forward_depth: int(self.forward.reading.depth())?,
            backward_depth: int(self.backward.reading.depth())?,
            rounds: i32::from(self.is_rounded),
        })
    }

    /// Values of all parts of the gradient of the weights for at most `samples` samples.
    pub fn parts_len(&self, samples: usize) -> usize {
        let most = (samples * self.forward.reading.pixels()).div_ceil(LEAST_PART);
        self.wanted_parts().min(most.max(1)) * self.forward.reading.weight_len()
    }

    /// The number of parts of a batch's pixels for the gradient of the weights, and the pixels of one part.
    pub fn parts(&self, samples: usize) -> (usize, usize) {
        let pixels = (samples * self.forward.reading.pixels()).max(1);
        let len = pixels.div_ceil(self.wanted_parts()).max(LEAST_PART);
        let len = len.next_multiple_of(DEPTH);
        (pixels.div_ceil(len), len)
    }

    /// The number of parts that gives [`BLOCKS`] blocks.
    fn wanted_parts(&self) -> usize {
        let blocks: usize = self.weight_blocks(1).iter().product();
        BLOCKS.div_ceil(blocks.max(1))
    }

    /// Blocks of the gradient of the weights.
    pub fn weight_blocks(&self, parts: usize) -> [usize; 3] {
        let reading = &self.forward.reading;
        let (depth, count) = (reading.depth(), parts * reading.phases);
        self.weight.blocks(depth, reading.results, count)
    }
}
