//! A convolution of upsampled images as one of the images themselves.
//!
//! After nearest upsampling by s, several taps of a result read the same pixel, so their weights add up: each of the s
//! times s results of a pixel has a smaller kernel of its own. Of a kernel of 5 after an upsampling by 2 there remain 3
//! rows and columns.

use std::borrow::Cow;

use rayon::prelude::*;

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

    /// Each tap of the kernel that each result of a pixel uses: result, tap of the kernel, tap that it is part of.
    fn used_taps(&self) -> Vec<(usize, usize, usize)> {
        let (scale, size) = (self.kernel.scale, self.kernel.size);
        let down = self.taps(self.size.0, self.padding.0, self.before.0);
        let across = self.taps(self.size.1, self.padding.1, self.before.1);
        let mut used = Vec::new();
        for result in 0..self.results() {
            let down = &down[result / scale * size..][..size];
            let across = &across[result % scale * size..][..size];
            for (v, down) in down.iter().enumerate() {
                for (u, across) in across.iter().enumerate() {
                    if let (Some(down), Some(across)) = (down, across) {
                        used.push((result, v * size + u, down * self.size.1 + across));
                    }
                }
            }
        }
        used
    }

    /// (outputs, in, taps) from (out, in, kernel, kernel).
    pub fn weights<'a>(&self, weight: &'a [f32]) -> Cow<'a, [f32]> {
        if self.is_kernel() {
            return Cow::Borrowed(weight);
        }
        let kernel = self.kernel.size * self.kernel.size;
        let len = self.inputs * self.area();
        let mut expanded = vec![0.0; self.outputs() * len];
        let used = self.used_taps();
        for (o, from) in weight.chunks_exact(self.inputs * kernel).enumerate() {
            for (c, from) in from.chunks_exact(kernel).enumerate() {
                for &(result, place, tap) in &used {
                    let output = result * self.channels + o;
                    expanded[output * len + c * self.area() + tap] += from[place];
                }
            }
        }
        Cow::Owned(expanded)
    }

    /// The gradient of (out, in, kernel, kernel) from that of the products' weights, (tap and input, column), in parts
    /// that threads take.
    pub fn unpack(&self, gradient: &[f32], weight: &mut [f32]) {
        /// Outputs and inputs whose weights stay in the caches.
        const BLOCK: usize = 16;
        let kernel = self.kernel.size * self.kernel.size;
        let (row, used) = (self.inputs * kernel, self.used_taps());
        let unpack = |(block, weight): (usize, &mut [f32])| {
            weight.fill(0.0);
            let outputs = weight.len() / row;
            for first in (0..self.inputs).step_by(BLOCK) {
                let inputs = first..self.inputs.min(first + BLOCK);
                for &(result, place, tap) in &used {
                    let column = result * padded(self.channels) + block * BLOCK;
                    for c in inputs.clone() {
                        let from = (tap * self.inputs + c) * self.columns() + column;
                        let from = &gradient[from..][..outputs];
                        let to = weight[c * kernel + place..].iter_mut().step_by(row);
                        to.zip(from).for_each(|(to, from)| *to += from);
                    }
                }
            }
        };
        let blocks = weight.par_chunks_mut((BLOCK * row).max(1));
        // Fewer are done sooner than handed over.
        let parts = (1 << 16) / (BLOCK * row).max(1);
        blocks
            .enumerate()
            .with_min_len(parts.max(1))
            .for_each(unpack);
    }
}
