//! A convolution of upsampled images as one of the images themselves.
//!
//! After nearest upsampling by s, several taps of a result read the same pixel, so their weights add up: each of the s
//! times s results of a pixel has a smaller kernel of its own. Of a kernel of 5 after an upsampling by 2 there remain 3
//! rows and columns.

use std::borrow::Cow;

use super::lines::padded;

/// The kernel of a convolution, its stride, and the upsampling before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    /// Height and width.
    pub size: usize,
    pub stride: usize,
    /// Rows and columns of zeros on each side.
    pub padding: usize,
    pub scale: usize,
}

/// The kernels of all results of a pixel, as one kernel with more outputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expanded {
    /// Height and width.
    pub size: usize,
    /// Rows above, and columns to the left, of the pixel.
    pub padding: usize,
    kernel: Kernel,
    inputs: usize,
    channels: usize,
}

impl Expanded {
    /// For a convolution from and to these channels.
    pub fn new(kernel: Kernel, (inputs, channels): (usize, usize)) -> Self {
        let reach = |place: usize| place.div_ceil(kernel.scale);
        let padding = reach(kernel.padding);
        // The last tap of the last result.
        let last = (kernel.scale - 1 + kernel.size - 1 + kernel.scale * padding - kernel.padding)
            / kernel.scale;
        Self {
            size: last + 1,
            padding,
            kernel,
            inputs,
            channels,
        }
    }

    /// Taps.
    pub fn area(&self) -> usize {
        self.size * self.size
    }

    fn results(&self) -> usize {
        self.kernel.scale * self.kernel.scale
    }

    /// Outputs: the channels of each result of a pixel.
    pub fn outputs(&self) -> usize {
        self.results() * self.channels
    }

    /// Columns of its products: the padded channels of each result of a pixel.
    pub fn columns(&self) -> usize {
        self.results() * padded(self.channels)
    }

    /// The output of a column; none for padding.
    pub fn output(&self, column: usize) -> Option<usize> {
        let (result, channel) = (
            column / padded(self.channels),
            column % padded(self.channels),
        );
        (channel < self.channels).then_some(result * self.channels + channel)
    }

    /// The column of each output.
    pub fn real_columns(&self) -> impl Iterator<Item = usize> {
        let (channels, row) = (self.channels, padded(self.channels));
        (0..self.results()).flat_map(move |result| (0..channels).map(move |o| result * row + o))
    }

    /// The tap along an axis that tap `tap` of result `result` of a pixel becomes.
    fn tap(&self, result: usize, tap: usize) -> usize {
        let Kernel { padding, scale, .. } = self.kernel;
        (result + tap + scale * self.padding - padding) / scale
    }

    /// Calls `work` with the index of each weight of (out, in, kernel, kernel), and the output, input and tap that it is
    /// part of.
    fn each(&self, mut work: impl FnMut(usize, (usize, usize, usize))) {
        let (scale, size) = (self.kernel.scale, self.kernel.size);
        for result in 0..self.results() {
            for o in 0..self.channels {
                for c in 0..self.inputs {
                    for tap in 0..size * size {
                        let down = self.tap(result / scale, tap / size);
                        let across = self.tap(result % scale, tap % size);
                        let place = (o * self.inputs + c) * size * size + tap;
                        let output = result * self.channels + o;
                        work(place, (output, c, down * self.size + across));
                    }
                }
            }
        }
    }

    /// (outputs, in, size, size) from (out, in, kernel, kernel).
    pub fn weights<'a>(&self, weight: &'a [f32]) -> Cow<'a, [f32]> {
        if self.kernel.scale == 1 {
            return Cow::Borrowed(weight);
        }
        let mut expanded = vec![0.0; self.outputs() * self.inputs * self.area()];
        self.each(|place, (output, c, tap)| {
            expanded[(output * self.inputs + c) * self.area() + tap] += weight[place];
        });
        Cow::Owned(expanded)
    }

    /// The gradient of (out, in, kernel, kernel) from that of the products' weights, (tap and input, column).
    pub fn unpack(&self, gradient: &[f32], weight: &mut [f32]) {
        let columns = self.columns();
        let column = |output: usize| {
            let (result, o) = (output / self.channels, output % self.channels);
            result * padded(self.channels) + o
        };
        weight.fill(0.0);
        self.each(|place, (output, c, tap)| {
            weight[place] += gradient[(tap * self.inputs + c) * columns + column(output)];
        });
    }
}
