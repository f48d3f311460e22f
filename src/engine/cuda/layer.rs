//! Dense and convolutional layers as matrix products.

use crate::engine::abi::{ConvAlgorithm, DEPTH, ONE, Tap, ZEROS};
use crate::engine::cpu::Shape;

/// The most rows and columns of an image, so that no place is as far right as [`ZEROS`].
const MOST_SIDE: usize = 1 << 14;
/// A layer is [`ConvAlgorithm::Spread`] up to this number of results times places of the kernel, and from this number
/// of channels.
const MOST_SPREAD: usize = 32;
const LEAST_SPREAD: usize = 8;

/// A layer with weights, with the upsampling before it and the relu after it, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GemmLayer {
    /// Shape of its input, before the upsampling; for a dense layer all values are channels.
    pub input: Shape,
    pub results: usize,
    /// Height and width of the kernel, 1 for a dense layer.
    pub kernel: usize,
    /// Scale of the upsampling, a power of two.
    pub scale: usize,
    /// Rows and columns from one result to the next, which divide the image's, and rows and columns of zeros around it.
    pub stride: usize,
    pub padding: usize,
    pub has_bias: bool,
    pub has_relu: bool,
    /// Distance in the weights from one result to the next, and from one channel to the next.
    pub result_stride: usize,
    pub channel_stride: usize,
    /// Adjacent results that share one bias.
    pub results_per_bias: usize,
}

/// A product over the pixels of a grid: the values that each reads, and the number of results.
#[derive(Debug, Clone)]
pub(super) struct ImplicitGemm {
    /// Height and width.
    pub grid: (usize, usize),
    /// Height and width of the input images as the taps see them: upsampled `shift` times by two, with the grid's
    /// pixels `stride` image pixels apart.
    pub image: (usize, usize),
    pub shift: u32,
    pub stride: usize,
    pub channels: usize,
    /// Values of an image.
    pub image_len: usize,
    /// Row and column offsets from the pixel, for each phase.
    tap_offsets: Vec<(i64, i64)>,
    pub phases: usize,
    pub results: usize,
    /// Whether a constant 1 follows the taps, for the biases.
    has_one: bool,
}

impl GemmLayer {
    /// A layer without stride, upsampling and relu, for weights (results, channels, kernel, kernel).
    pub fn new(input: Shape, results: usize, kernel: usize, has_bias: bool) -> Self {
        Self {
            input,
            results,
            kernel,
            scale: 1,
            stride: 1,
            padding: kernel / 2,
            has_bias,
            has_relu: false,
            result_stride: input.channels * kernel * kernel,
            channel_stride: kernel * kernel,
            results_per_bias: 1,
        }
    }

    /// Height and width of the results.
    pub fn grid(&self) -> (usize, usize) {
        let size = |size| size * self.scale / self.stride;
        (size(self.input.height), size(self.input.width))
    }

    /// Pixels of the results.
    fn pixels(&self) -> usize {
        self.grid().0 * self.grid().1
    }

    /// Places of the kernel.
    pub fn area(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Values of a sample's results.
    pub fn out_len(&self) -> usize {
        self.results * self.pixels()
    }

    pub fn algorithm(&self) -> ConvAlgorithm {
        let is_narrow = self.results * self.area() <= MOST_SPREAD;
        match (self.kernel, self.scale) {
            _ if self.stride > 1 => ConvAlgorithm::Strided,
            (2.., _) if is_narrow && self.input.channels >= LEAST_SPREAD => ConvAlgorithm::Spread,
            (3, 2) => ConvAlgorithm::Phases,
            _ => ConvAlgorithm::Gather,
        }
    }

    /// Values of a sample between the products and the operations before or after them.
    pub fn scratch_len(&self) -> usize {
        match self.algorithm() {
            ConvAlgorithm::Spread => {
                self.results * self.area() * self.input.height * self.input.width
            }
            ConvAlgorithm::Strided => self.input.channels * self.area() * self.pixels(),
            ConvAlgorithm::Gather if self.scale > 1 => self.input.channels * self.pixels(),
            ConvAlgorithm::Gather | ConvAlgorithm::Phases => 0,
        }
    }

    /// The product that gives the results; for a spread layer, the contributions of pixels to results.
    pub fn forward(&self) -> ImplicitGemm {
        let Shape {
            channels,
            height,
            width,
        } = self.input;
        let plain = ImplicitGemm {
            grid: (height, width),
            image: (height, width),
            shift: 0,
            stride: 1,
            channels,
            image_len: self.input.len(),
            tap_offsets: vec![(0, 0)],
            phases: 1,
            results: self.results,
            has_one: self.has_bias,
        };
        match self.algorithm() {
            ConvAlgorithm::Spread => ImplicitGemm {
                results: self.results * self.area(),
                ..plain
            },
            ConvAlgorithm::Phases => ImplicitGemm {
                // Even places read the previous pixel and their own, odd places their own and the next.
                tap_offsets: (0..16)
                    .map(|spot: i64| {
                        let (phase, tap) = (spot / 4, spot % 4);
                        (phase / 2 - 1 + tap / 2, phase % 2 - 1 + tap % 2)
                    })
                    .collect(),
                phases: 4,
                ..plain
            },
            ConvAlgorithm::Gather => ImplicitGemm {
                grid: self.grid(),
                image: self.grid(),
                shift: self.scale.ilog2(),
                tap_offsets: square(self.kernel, self.padding),
                ..plain
            },
            ConvAlgorithm::Strided => ImplicitGemm {
                grid: self.grid(),
                stride: self.stride,
                tap_offsets: square(self.kernel, self.padding),
                ..plain
            },
        }
    }

    /// The product that gives the gradient of the inputs, from that of the results or of the pixels' contributions.
    pub fn backward(&self) -> ImplicitGemm {
        let plain = ImplicitGemm {
            channels: self.results,
            image_len: self.out_len(),
            results: self.input.channels,
            phases: 1,
            has_one: false,
            ..self.forward()
        };
        match self.algorithm() {
            ConvAlgorithm::Spread => ImplicitGemm {
                channels: self.results * self.area(),
                image_len: self.scratch_len(),
                ..plain
            },
            ConvAlgorithm::Phases => ImplicitGemm {
                image: self.grid(),
                stride: 2,
                tap_offsets: square(4, 1),
                ..plain
            },
            ConvAlgorithm::Gather => ImplicitGemm { shift: 0, ..plain },
            ConvAlgorithm::Strided => ImplicitGemm {
                image: self.grid(),
                results: self.input.channels * self.area(),
                stride: 1,
                tap_offsets: vec![(0, 0)],
                ..plain
            },
        }
    }

    /// Whether 32-bit indices reach all values of this many samples.
    pub fn reaches(&self, samples: usize) -> bool {
        let values = (self.out_len())
            .max(self.input.len())
            .max(self.scratch_len());
        let fits = |value: usize| i32::try_from(value.saturating_add(1 << 16)).is_ok();
        fits(samples.saturating_mul(self.pixels()))
            && fits(values)
            && self.grid().0.max(self.grid().1) <= MOST_SIDE
    }
}

/// The places of a kernel, row by row, starting `before` rows and columns before the pixel.
fn square(side: usize, before: usize) -> Vec<(i64, i64)> {
    let (side, before) = (side as i64, before as i64);
    (0..side * side)
        .map(|spot| (spot / side - before, spot % side - before))
        .collect()
}

impl ImplicitGemm {
    /// Pixels of the grid.
    pub fn pixels(&self) -> usize {
        self.grid.0 * self.grid.1
    }

    /// Channels read at a time.
    pub fn values(&self) -> usize {
        values_at_a_time(self.channels)
    }

    /// Channels of all taps of a phase, with padding.
    pub fn depth(&self) -> usize {
        let one = if self.has_one { self.values() } else { 0 };
        (self.tap_offsets.len() / self.phases * self.channels + one).next_multiple_of(DEPTH)
    }

    /// Length of the weights as the product reads them.
    pub fn weight_len(&self) -> usize {
        self.phases * self.results * self.depth()
    }

    /// One entry for each [`ImplicitGemm::values`] channels, phase by phase.
    pub fn table(&self) -> Vec<Tap> {
        let values = self.values();
        let tap = |channel: usize, down: i64, right| Tap {
            channel: channel as i32,
            down: down as i16,
            right,
        };
        let mut table = Vec::with_capacity(self.phases * self.depth() / values);
        let taps = self.tap_offsets.len() / self.phases;
        for tap_offsets in self.tap_offsets.chunks(taps) {
            let end = table.len() + self.depth() / values;
            for &(down, right) in tap_offsets {
                let channels = (0..self.channels).step_by(values);
                table.extend(channels.map(|channel| tap(channel, down, right as i16)));
            }
            if self.has_one {
                table.push(tap(0, 0, ONE));
            }
            table.resize(end, tap(0, 0, ZEROS));
        }
        table
    }
}

/// Values read at a time from lines of this length: four if that keeps all lines aligned, else one.
pub(super) fn values_at_a_time(line: usize) -> usize {
    if line.is_multiple_of(4) { 4 } else { 1 }
}
