//! Dense and convolutional layers as matrix products.

use super::kernel::{Kernel, narrowest};
use super::launch::{Address, Buffer, Grid, Launcher, blocks, int};
use super::layer::{GemmLayer, ImplicitGemm, values_at_a_time};
use super::weights::Packed;
use crate::Result;
use crate::engine::abi::{ConvAlgorithm, DEPTH, Divisor, Parts, Product, SUM_LANES, Spread, Tap};
use crate::engine::cpu::Shape;
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
    pub packed: Packed,
    forward: Gemm,
    backward: Gemm,
    /// The kernel for the gradient of the weights.
    weight: Kernel,
}

/// A product of a layer.
#[derive(Debug)]
struct Gemm {
    reading: ImplicitGemm,
    taps: Buffer<Tap>,
    /// Kernels with few rows a block and with many; the results have the same bits.
    kernels: [Kernel; 2],
}

impl Gemm {
    fn new(card: &Launcher, reading: ImplicitGemm, precision: Precision) -> Result<Self> {
        Ok(Self {
            taps: card.copy_of(&reading.table())?,
            kernels: narrowest(precision, reading.results).products(reading.values()),
            reading,
        })
    }

    /// A product that reads `images`.
    fn arguments(&self, samples: usize, images: Address) -> Result<Product> {
        let ImplicitGemm {
            grid,
            image,
            shift,
            stride,
            channels,
            image_len,
            phases,
            results,
            ..
        } = self.reading;
        Ok(Product {
            images,
            taps: self.taps.address(),
            count: int(samples)?,
            height: int(grid.0)?,
            width: int(grid.1)?,
            image_height: int(image.0)?,
            image_width: int(image.1)?,
            shift: shift as i32,
            stride: int(stride)?,
            channels: int(channels)?,
            image_len: int(image_len)?,
            depth: int(self.reading.depth())?,
            results: int(results)?,
            phases: int(phases)?,
            area: Divisor::by(self.reading.pixels()),
            line: Divisor::by(grid.1),
            ..Product::default()
        })
    }

    /// The kernel for a batch of this size.
    fn kernel(&self, samples: usize) -> Kernel {
        let rows = samples * self.reading.pixels();
        let [low, high] = self.kernels;
        let (down, across) = high.blocks(rows, self.reading.results);
        match down * across * self.reading.phases {
            0..FULL => low,
            _ => high,
        }
    }

    fn launch(&self, card: &Launcher, samples: usize, arguments: Product) -> Result<()> {
        let rows = samples * self.reading.pixels();
        let (results, phases) = (self.reading.results, self.reading.phases);
        let kernel = self.kernel(samples);
        let (down, across) = kernel.blocks(rows, results);
        let grid = Grid((blocks(down)?, blocks(across)?, blocks(phases)?));
        card.launch(kernel.name, grid, &(arguments,))
    }
}

impl LayerProducts {
    pub fn new(card: &Launcher, layer: GemmLayer, precision: Precision) -> Result<Self> {
        let forward = Gemm::new(card, layer.forward(), precision)?;
        let (values, results) = (forward.reading.values(), forward.reading.results);
        Ok(Self {
            packed: Packed::new(card, &layer, precision)?,
            backward: Gemm::new(card, layer.backward(), precision)?,
            weight: narrowest(precision, results).weight(values, values_at_a_time(results)),
            forward,
            layer,
        })
    }

    /// The kernels for a batch of this size: for the gradients of the layer's input and of its weights.
    pub fn backward_kernels(&self, samples: usize) -> [&'static str; 2] {
        [self.backward.kernel(samples).name, self.weight.name]
    }

    /// Computes `out` from `x`. A layer with [`GemmLayer::scratch_len`] uses `scratch`.
    pub fn forward(
        &self,
        card: &Launcher,
        samples: usize,
        bias: Address,
        (x, out): (Address, Address),
        scratch: Address,
    ) -> Result<()> {
        let arguments = Product {
            weight: self.packed.forward.address(),
            ..self.forward.arguments(samples, x)?
        };
        if self.layer.algorithm() == ConvAlgorithm::Spread {
            let arguments = Product {
                result: scratch,
                ..arguments
            };
            self.forward.launch(card, samples, arguments)?;
            return self.spread(samples, scratch, out)?.run(card, bias);
        }
        let arguments = Product {
            bias,
            result: out,
            relu: i32::from(self.layer.has_relu),
            ..arguments
        };
        self.forward.launch(card, samples, arguments)
    }

    /// The gradient of the layer's input, set to 0 where `mask` is 0, if there is a mask. `scratch` is as
    /// [`Self::weight_gradient`] left it.
    pub fn backward(
        &self,
        card: &Launcher,
        samples: usize,
        (gradient, x_gradient): (Address, Address),
        mask: Address,
        scratch: Address,
    ) -> Result<()> {
        let layer = &self.layer;
        let is_direct = match layer.algorithm() {
            ConvAlgorithm::Gather => layer.scale == 1,
            ConvAlgorithm::Spread | ConvAlgorithm::Phases => true,
            ConvAlgorithm::Strided => false,
        };
        let images = match layer.algorithm() {
            ConvAlgorithm::Spread => scratch,
            _ => gradient,
        };
        let arguments = Product {
            weight: self.packed.backward.address(),
            ..self.backward.arguments(samples, images)?
        };
        if is_direct {
            let arguments = Product {
                mask,
                result: x_gradient,
                ..arguments
            };
            return self.backward.launch(card, samples, arguments);
        }
        let arguments = Product {
            result: scratch,
            ..arguments
        };
        self.backward.launch(card, samples, arguments)?;
        if layer.algorithm() == ConvAlgorithm::Strided {
            let spread = Spread::gradient_of(layer)?.over(samples, scratch, x_gradient)?;
            return spread.run_strided(card, Address::NONE, mask);
        }
        let gradients = (scratch, x_gradient);
        upsample_backward(card, samples, (layer.input, layer.scale), gradients, mask)
    }

    /// Values of the parts in [`Self::weight_gradient`] for at most `samples` samples.
    pub fn parts_len(&self, samples: usize) -> usize {
        let most = (samples * self.forward.reading.pixels()).div_ceil(LEAST_PART);
        self.wanted_parts().min(most.max(1)) * self.forward.reading.weight_len()
    }

    /// The gradients of weight and bias, through `parts`. A spread layer also uses `scratch`, which then holds the
    /// gradient of the pixels' contributions to results.
    pub fn weight_gradient(
        &self,
        card: &Launcher,
        samples: usize,
        (x, gradient): (Address, Address),
        (parts, scratch): (Address, Address),
        (weight_gradient, bias_gradient): (Address, Address),
    ) -> Result<()> {
        let (layer, reading) = (&self.layer, &self.forward.reading);
        let mut gradient_read = gradient;
        if layer.algorithm() == ConvAlgorithm::Spread {
            self.spread(samples, scratch, gradient)?.run_back(card)?;
            gradient_read = scratch;
        }
        let (count, part_len) = self.parts(samples);
        let arguments = Product {
            gradient: gradient_read,
            parts,
            part_len: int(part_len)?,
            ..self.forward.arguments(samples, x)?
        };
        let (down, across) = self.weight.blocks(reading.depth(), reading.results);
        let grid = Grid((
            blocks(down)?,
            blocks(across)?,
            blocks(count * reading.phases)?,
        ));
        card.launch(self.weight.name, grid, &(arguments,))?;
        let parts = Parts {
            parts,
            weight: weight_gradient,
            bias: bias_gradient,
            count: int(count)?,
            algorithm: layer.algorithm(),
            results: int(layer.results)?,
            channels: int(layer.input.channels)?,
            area: int(layer.area())?,
            result_stride: int(layer.result_stride)?,
            channel_stride: int(layer.channel_stride)?,
            results_per_bias: int(layer.results_per_bias)?,
            depth: int(reading.depth())?,
        };
        let len = layer.results * (layer.area() * layer.input.channels + 1);
        card.launch("sum_parts", Grid::over(len * SUM_LANES), &(parts,))
    }

    /// The number of parts of a batch's pixels for the gradient of the weights, and the pixels of one part.
    fn parts(&self, samples: usize) -> (usize, usize) {
        let pixels = (samples * self.forward.reading.pixels()).max(1);
        let len = pixels.div_ceil(self.wanted_parts()).max(LEAST_PART);
        let len = len.next_multiple_of(DEPTH);
        (pixels.div_ceil(len), len)
    }

    /// The number of parts that gives [`BLOCKS`] blocks.
    fn wanted_parts(&self) -> usize {
        let reading = &self.forward.reading;
        let (down, across) = self.weight.blocks(reading.depth(), reading.results);
        BLOCKS.div_ceil((reading.phases * down * across).max(1))
    }

    fn spread(&self, samples: usize, given: Address, result: Address) -> Result<Spread> {
        Spread::new(&self.layer)?.over(samples, given, result)
    }
}

/// The gradient of images from that of the same images upsampled by `scale`, kept where `mask` is above 0, if there is
/// a mask.
pub(super) fn upsample_backward(
    card: &Launcher,
    samples: usize,
    (images, scale): (Shape, usize),
    (gradient, x_gradient): (Address, Address),
    mask: Address,
) -> Result<()> {
    let len = samples * images.len();
    let (width, channels) = (int(images.width)?, int(images.channels)?);
    let arguments = (
        gradient,
        mask,
        x_gradient,
        len as i64,
        width,
        channels,
        int(scale)?,
    );
    card.launch("upsample_backward", Grid::over(len), &arguments)
}
