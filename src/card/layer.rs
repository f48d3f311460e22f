//! Dense and convolutional layers, and what they read for a pixel.

use candle_core::cuda_backend::cudarc::driver::DeviceRepr;

use crate::plan::Shape;

/// As in `kernels/product.cuh`.
pub(super) const DEPTH: usize = 16;
const ONE: i16 = 0x7fff;
const ZEROS: i16 = 0x7ffe;
/// The most rows and columns of an image, so that no place in one is as far right as [`ZEROS`].
const MOST_SIDE: usize = 1 << 14;

/// A layer with weights, with an upsampling before and a relu behind it where the network has them there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layer {
    /// What it reads, before the upsampling; for a dense layer all values are channels.
    pub input: Shape,
    pub results: usize,
    /// Height and width of the kernel, 1 for a dense layer.
    pub kernel: usize,
    /// Of the upsampling, a power of two.
    pub scale: usize,
    pub has_bias: bool,
    pub has_relu: bool,
}

impl Layer {
    /// Height of the results.
    pub fn height(&self) -> usize {
        self.input.height * self.scale
    }

    /// Width of the results.
    pub fn width(&self) -> usize {
        self.input.width * self.scale
    }

    /// Pixels of the results.
    pub fn pixels(&self) -> usize {
        self.height() * self.width()
    }

    /// Places of the kernel.
    pub fn area(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Values of a sample's results.
    pub fn out_len(&self) -> usize {
        self.results * self.pixels()
    }

    /// Values of a sample as it is read after the upsampling; 0 without one.
    pub fn upsampled_len(&self) -> usize {
        match self.scale {
            1 => 0,
            _ => self.input.channels * self.pixels(),
        }
    }

    /// What the results read.
    pub fn forward(&self) -> Taps {
        Taps {
            channels: self.input.channels,
            kernel: self.kernel,
            has_one: self.has_bias,
        }
    }

    /// What the gradient of the inputs reads of that of the results.
    pub fn backward(&self) -> Taps {
        Taps {
            channels: self.results,
            kernel: self.kernel,
            has_one: false,
        }
    }

    /// Whether the kernels' 32-bit numbers reach everything of so many samples.
    pub fn reaches(&self, samples: usize) -> bool {
        let pixels = samples.saturating_mul(self.pixels());
        let values = (self.out_len())
            .max(self.input.len())
            .max(self.upsampled_len());
        let fits = |value: usize| i32::try_from(value.saturating_add(1 << 16)).is_ok();
        fits(pixels) && fits(values) && self.height().max(self.width()) <= MOST_SIDE
    }
}

/// The places of a kernel with all channels each, as a product goes through them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taps {
    pub channels: usize,
    kernel: usize,
    /// Whether there is one behind the others that is always 1, for the biases.
    has_one: bool,
}

/// A `Tap` of the kernels.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Tap {
    channel: i32,
    down: i16,
    right: i16,
}

// SAFETY: plain numbers, laid out as in C.
unsafe impl DeviceRepr for Tap {}

impl Taps {
    /// Channels that are read at a time.
    pub fn values(&self) -> usize {
        values_at_a_time(self.channels)
    }

    /// Channels of all taps, filled up.
    pub fn depth(&self) -> usize {
        let one = if self.has_one { self.values() } else { 0 };
        (self.kernel * self.kernel * self.channels + one).next_multiple_of(DEPTH)
    }

    /// One entry for each [`Taps::values`] channels.
    pub fn table(&self) -> Vec<Tap> {
        let values = self.values();
        let mut table = Vec::with_capacity(self.depth() / values);
        for place in 0..self.kernel * self.kernel {
            let from_middle = |place: usize| place as i64 - (self.kernel / 2) as i64;
            let (down, right) = (
                from_middle(place / self.kernel),
                from_middle(place % self.kernel),
            );
            for channel in (0..self.channels).step_by(values) {
                table.push(Tap {
                    channel: channel as i32,
                    down: down as i16,
                    right: right as i16,
                });
            }
        }
        let constant = |right| Tap {
            channel: 0,
            down: 0,
            right,
        };
        if self.has_one {
            table.push(constant(ONE));
        }
        table.resize(self.depth() / values, constant(ZEROS));
        table
    }
}

/// Values that are read at a time of lines of so many: four where all lines are aligned for that.
pub(super) fn values_at_a_time(line: usize) -> usize {
    if line.is_multiple_of(4) { 4 } else { 1 }
}
