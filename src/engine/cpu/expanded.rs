//! A convolution of upsampled images as one of the images themselves.
//!
//! After nearest upsampling by s, several taps of a result read the same pixel, so their weights add up: each of the s
//! times s results of a pixel has a smaller kernel of its own. Of a kernel of 5 after an upsampling by 2 there remain 3
//! rows and columns.

use std::borrow::Cow;

use super::layout::Shape;
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

/// The kernels of all results of a pixel, as one kernel with more outputs, without the rows and columns of taps that
/// only ever read the border.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expanded {
    /// Rows and columns of taps.
    pub size: (usize, usize),
    /// Rows above, and columns to the left, of the pixel.
    pub padding: (usize, usize),
    /// Rows and columns of taps that are left out before the others.
    before: (usize, usize),
    kernel: Kernel,
    inputs: usize,
    channels: usize,
}

impl Expanded {
    /// For a convolution from and to these channels, of images of this shape.
    pub fn new(kernel: Kernel, (inputs, channels): (usize, usize), from: Shape) -> Self {
        let Kernel { stride, scale, .. } = kernel;
        let reach = kernel.padding.div_ceil(scale);
        // The last tap of the last result.
        let last = (scale - 1 + kernel.size - 1 + scale * reach - kernel.padding) / scale;
        let taps = |inputs: usize| {
            let last_place = (inputs / stride).saturating_sub(1) * stride;
            reach.saturating_sub(last_place)..(last + 1).min(reach + inputs)
        };
        let (down, across) = (taps(from.height), taps(from.width));
        Self {
            size: (down.len(), across.len()),
            padding: (reach - down.start, reach - across.start),
            before: (down.start, across.start),
            kernel,
            inputs,
            channels,
        }
    }

    /// Taps.
    pub fn area(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// Products of an image of this shape, for each input and output.
    pub fn cost(&self, from: Shape) -> usize {
        let stride = self.kernel.stride;
        from.height / stride * (from.width / stride) * self.area() * self.results()
    }

    /// Whether it is the kernel itself.
    fn is_kernel(&self) -> bool {
        self.kernel.scale == 1 && self.size == (self.kernel.size, self.kernel.size)
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

    /// The column of each output.
    pub fn real_columns(&self) -> impl Iterator<Item = usize> {
        let (channels, row) = (self.channels, padded(self.channels));
        (0..self.results()).flat_map(move |result| (0..channels).map(move |o| result * row + o))
    }

    /// The tap along an axis that each tap of each result of a pixel becomes; none if it is left out.
    fn taps(&self, size: usize, padding: usize, before: usize) -> Vec<Option<usize>> {
        let scale = self.kernel.scale;
        let first = scale * (padding + before) - self.kernel.padding;
        let tap = |result: usize, tap: usize| {
            let tap = ((result + tap + first) / scale).checked_sub(before)?;
            (tap < size).then_some(tap)
        };
        let results = (0..scale).flat_map(|result| (0..self.kernel.size).map(move |t| (result, t)));
        results.map(|(result, t)| tap(result, t)).collect()
    }

    /// Calls `work` with the index of each weight of (out, in, kernel, kernel), and the output, input and tap that it is
    /// part of.
    fn each(&self, mut work: impl FnMut(usize, (usize, usize, usize))) {
        let (scale, size) = (self.kernel.scale, self.kernel.size);
        let down = self.taps(self.size.0, self.padding.0, self.before.0);
        let across = self.taps(self.size.1, self.padding.1, self.before.1);
        for result in 0..self.results() {
            let down = &down[result / scale * size..][..size];
            let across = &across[result % scale * size..][..size];
            for o in 0..self.channels {
                for c in 0..self.inputs {
                    let kernel = (o * self.inputs + c) * size * size;
                    let output = result * self.channels + o;
                    for (v, down) in down.iter().enumerate() {
                        let Some(down) = down else { continue };
                        for (u, across) in across.iter().enumerate() {
                            let Some(across) = across else { continue };
                            let tap = down * self.size.1 + across;
                            work(kernel + v * size + u, (output, c, tap));
                        }
                    }
                }
            }
        }
    }

    /// (outputs, in, taps) from (out, in, kernel, kernel).
    pub fn weights<'a>(&self, weight: &'a [f32]) -> Cow<'a, [f32]> {
        if self.is_kernel() {
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
        let (columns, row) = (self.columns(), padded(self.channels));
        weight.fill(0.0);
        self.each(|place, (output, c, tap)| {
            let (result, o) = (output / self.channels, output % self.channels);
            weight[place] += gradient[(tap * self.inputs + c) * columns + result * row + o];
        });
    }
}
