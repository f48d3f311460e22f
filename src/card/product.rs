//! Dense and convolutional layers as products of matrices.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;

use super::launch::{Address, Buffer, Card, Grid};
use super::layer::{DEPTH, Layer, Tap, values_at_a_time};
use super::step::Upsample;
use super::weights::Packed;
use crate::recipe::Precision;
use crate::{Error, Result};

/// Rows that a block works out, as in `kernels/product.cuh`.
const ROWS: usize = 128;
/// Blocks that the gradient of a layer's weights is cut into, about: enough for every card of today, and the same on
/// all of them, so that sums have one order.
const BLOCKS: usize = 512;
/// Pixels of a part at least, or adding up the parts would take longer than they.
const LEAST_PART: usize = 128;

/// The `Product` of the kernels.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
struct Arguments {
    images: Address,
    taps: Address,
    weight: Address,
    bias: Address,
    gate: Address,
    result: Address,
    gradient: Address,
    parts: Address,
    count: i32,
    height: i32,
    width: i32,
    shift: i32,
    channels: i32,
    image_len: i32,
    depth: i32,
    results: i32,
    relu: i32,
    part_len: i32,
    area: Divisor,
    line: Divisor,
}

// SAFETY: plain numbers, laid out as in C.
unsafe impl DeviceRepr for Arguments {}

/// Divides by multiplication: the `Divisor` of the kernels.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
struct Divisor {
    factor: u32,
    shift: u32,
}

impl Divisor {
    /// By a number from 1 to 2^31.
    fn by(divisor: usize) -> Self {
        let divisor = (divisor as u64).clamp(1, 1 << 31);
        let bits = divisor.next_power_of_two().ilog2();
        Self {
            // At most 2^31 times 2, less where the divisor is no power of two.
            factor: (1u64 << (31 + bits)).div_ceil(divisor) as u32,
            shift: 31 + bits,
        }
    }
}

/// A [`Layer`] on a card.
#[derive(Debug)]
pub(super) struct Product {
    pub layer: Layer,
    pub packed: Packed,
    /// What the results read, and what the gradient of the inputs reads.
    taps: [Buffer<Tap>; 2],
    /// Kernels for both, and for the gradient of the weights.
    forward: Kernel,
    backward: Kernel,
    weight: Kernel,
}

/// A kernel by its name, with the columns that its blocks work out.
#[derive(Debug, Clone, Copy)]
struct Kernel {
    name: &'static str,
    columns: usize,
}

/// Of one precision and number of columns: products that read one value at a time or four, and gradients of weights
/// that do so on either side.
struct Kernels {
    columns: usize,
    product: [&'static str; 2],
    weight: [[&'static str; 2]; 2],
}

macro_rules! kernels {
    ($precision:literal) => {
        [
            kernels!($precision, 16),
            kernels!($precision, 32),
            kernels!($precision, 64),
        ]
    };
    ($precision:literal, $columns:literal) => {
        Kernels {
            columns: $columns,
            product: [
                concat!("product_", $precision, "_", $columns, "_1"),
                concat!("product_", $precision, "_", $columns, "_4"),
            ],
            weight: [
                [
                    concat!("weight_", $precision, "_", $columns, "_1_1"),
                    concat!("weight_", $precision, "_", $columns, "_1_4"),
                ],
                [
                    concat!("weight_", $precision, "_", $columns, "_4_1"),
                    concat!("weight_", $precision, "_", $columns, "_4_4"),
                ],
            ],
        }
    };
}

/// For columns up to 16, up to 32, and more.
fn kernels(precision: Precision) -> [Kernels; 3] {
    match precision {
        Precision::Tf32 => kernels!("tf32"),
        Precision::Bf16 => kernels!("bf16"),
        Precision::F32 | Precision::F64 => kernels!("f32"),
    }
}

/// The names of all kernels of a precision.
pub(super) fn names(precision: Precision) -> Vec<&'static str> {
    let kernels = kernels(precision).into_iter();
    kernels
        .flat_map(|kernels| [kernels.product, kernels.weight[0], kernels.weight[1]])
        .flatten()
        .collect()
}

/// The narrowest kernels that hold so many columns, else the widest.
fn narrowest(precision: Precision, columns: usize) -> Kernels {
    let [narrow, middle, wide] = kernels(precision);
    match columns {
        _ if columns <= narrow.columns => narrow,
        _ if columns <= middle.columns => middle,
        _ => wide,
    }
}

impl Kernels {
    fn product(&self, values: usize) -> Kernel {
        let [one, four] = self.product;
        Kernel {
            name: if values == 4 { four } else { one },
            columns: self.columns,
        }
    }

    fn weight(&self, values: usize, gradients: usize) -> Kernel {
        let [one, four] = if values == 4 {
            self.weight[1]
        } else {
            self.weight[0]
        };
        Kernel {
            name: if gradients == 4 { four } else { one },
            columns: self.columns,
        }
    }
}

impl Product {
    pub fn new(card: &Card, layer: Layer, precision: Precision) -> Result<Self> {
        let (forward, backward) = (layer.forward(), layer.backward());
        let of_results = narrowest(precision, layer.results);
        let of_inputs = narrowest(precision, layer.input.channels);
        Ok(Self {
            packed: Packed::new(card, &layer, precision)?,
            taps: [
                card.copy_of(&forward.table())?,
                card.copy_of(&backward.table())?,
            ],
            forward: of_results.product(forward.values()),
            backward: of_inputs.product(backward.values()),
            weight: of_results.weight(forward.values(), values_at_a_time(layer.results)),
            layer,
        })
    }

    /// `x` to `out`.
    pub fn forward(
        &self,
        card: &Card,
        samples: usize,
        bias: Address,
        x: Address,
        out: Address,
    ) -> Result<()> {
        let layer = &self.layer;
        let arguments = Arguments {
            images: x,
            taps: self.taps[0].address(),
            weight: self.packed.forward.address(),
            bias,
            result: out,
            shift: layer.scale.ilog2() as i32,
            channels: int(layer.input.channels)?,
            image_len: int(layer.input.len())?,
            depth: int(layer.forward().depth())?,
            results: int(layer.results)?,
            relu: i32::from(layer.has_relu),
            ..self.sizes(samples)?
        };
        self.launch(card, samples, self.forward, arguments)
    }

    /// The gradient of what the layer reads, set to 0 where `gate` is, if there is one. With an upsampling it goes by
    /// way of `upsampled`.
    pub fn backward(
        &self,
        card: &Card,
        samples: usize,
        gradient: Address,
        gate: Address,
        (upsampled, x_gradient): (Address, Address),
    ) -> Result<()> {
        let layer = &self.layer;
        let is_upsampled = layer.scale > 1;
        let arguments = Arguments {
            images: gradient,
            taps: self.taps[1].address(),
            weight: self.packed.backward.address(),
            gate: if is_upsampled { Address::NONE } else { gate },
            result: if is_upsampled { upsampled } else { x_gradient },
            channels: int(layer.results)?,
            image_len: int(layer.out_len())?,
            depth: int(layer.backward().depth())?,
            results: int(layer.input.channels)?,
            ..self.sizes(samples)?
        };
        self.launch(card, samples, self.backward, arguments)?;
        if !is_upsampled {
            return Ok(());
        }
        let upsample = Upsample {
            input: layer.input,
            scale: layer.scale,
        };
        upsample.backward(card, samples, upsampled, gate, x_gradient)
    }

    /// Values of the parts that [`Self::weight_gradient`] needs room for, of at most so many samples.
    pub fn parts_len(&self, samples: usize) -> usize {
        let most = (samples * self.layer.pixels()).div_ceil(LEAST_PART).max(1);
        self.wanted_parts().min(most) * self.layer.results * self.layer.forward().depth()
    }

    /// The gradients of weight and bias, by way of `parts`.
    pub fn weight_gradient(
        &self,
        card: &Card,
        samples: usize,
        (x, gradient): (Address, Address),
        parts: Address,
        (weight_gradient, bias_gradient): (Address, Address),
    ) -> Result<()> {
        let layer = &self.layer;
        let (count, part_len) = self.parts(samples);
        let depth = layer.forward().depth();
        let arguments = Arguments {
            images: x,
            taps: self.taps[0].address(),
            gradient,
            parts,
            shift: layer.scale.ilog2() as i32,
            channels: int(layer.input.channels)?,
            image_len: int(layer.input.len())?,
            depth: int(depth)?,
            results: int(layer.results)?,
            part_len: int(part_len)?,
            ..self.sizes(samples)?
        };
        let Kernel { name, columns } = self.weight;
        let grid = Grid((
            blocks(depth.div_ceil(ROWS))?,
            blocks(layer.results.div_ceil(columns))?,
            blocks(count)?,
        ));
        card.launch(name, grid, &(arguments,))?;
        let arguments = (
            parts,
            weight_gradient,
            bias_gradient,
            int(count)?,
            int(layer.results)?,
            int(layer.input.channels)?,
            int(layer.area())?,
            int(depth)?,
        );
        card.launch("sum_parts", Grid::over(layer.results * depth), &arguments)
    }

    /// How many parts the pixels of a batch are cut into for the gradient of the weights, and pixels of one.
    fn parts(&self, samples: usize) -> (usize, usize) {
        let pixels = (samples * self.layer.pixels()).max(1);
        let len = pixels.div_ceil(self.wanted_parts()).max(LEAST_PART);
        let len = len.next_multiple_of(DEPTH);
        (pixels.div_ceil(len), len)
    }

    /// As many as give [`BLOCKS`] blocks.
    fn wanted_parts(&self) -> usize {
        let down = self.layer.forward().depth().div_ceil(ROWS);
        BLOCKS.div_ceil((down * self.layer.results.div_ceil(self.weight.columns)).max(1))
    }

    fn sizes(&self, samples: usize) -> Result<Arguments> {
        Ok(Arguments {
            count: int(samples)?,
            height: int(self.layer.height())?,
            width: int(self.layer.width())?,
            area: Divisor::by(self.layer.pixels()),
            line: Divisor::by(self.layer.width()),
            ..Arguments::default()
        })
    }

    /// A product over all pixels.
    fn launch(
        &self,
        card: &Card,
        samples: usize,
        kernel: Kernel,
        arguments: Arguments,
    ) -> Result<()> {
        let rows = samples * self.layer.pixels();
        let columns = usize::try_from(arguments.results).unwrap_or(0);
        let across = columns.div_ceil(kernel.columns);
        let grid = Grid((blocks(rows.div_ceil(ROWS))?, blocks(across)?, 1));
        card.launch(kernel.name, grid, &(arguments,))
    }
}

/// A size as the kernels take it.
pub(super) fn int(size: usize) -> Result<i32> {
    i32::try_from(size).map_err(|_| too_large(size))
}

fn blocks(count: usize) -> Result<u32> {
    u32::try_from(count).map_err(|_| too_large(count))
}

fn too_large(size: usize) -> Error {
    let expected = "sizes below 2^31; take a smaller training.batch_size";
    Error::argument("a batch on a card", expected, size)
}
