//! Convolutions to few channels: every place is first multiplied with all taps, and the products are added to their
//! results. In a direct convolution, vectors of channels would be mostly padding.

use std::ops::Range;

use pulp::Simd;

use super::layout::{NhwcLayout, Shape};
use super::lines::padded;
use super::pixel_products::PixelProducts;
use super::step::{
    Backward, Forward, PackedWeights, Step, StepSizes, unpack_weight_and_bias, weight_and_bias,
};

/// A convolution with zero padding that keeps the size, of images that are first upsampled by `scale`. It maps NHWC
/// images without border to images (channels, height, width).
#[derive(Debug, Clone)]
pub(crate) struct ScatterConv {
    /// Results for each input, along an axis.
    scale: usize,
    pub from: NhwcLayout,
    out_channels: usize,
    /// Height and width of the kernel.
    kernel: usize,
    taps: Vec<Tap>,
}

/// A product along one axis: result `scale * i + out` takes input `i + offset`, with the sum of the weights of all taps
/// that read it there.
#[derive(Debug, Clone, PartialEq)]
struct Tap {
    out: usize,
    offset: isize,
    weights: Range<usize>,
}

impl Tap {
    /// All along one axis. With a scale of 2 and a kernel of 3, y\[2i\] = w0 x\[i-1\] + (w1 + w2) x\[i\] and
    /// y\[2i+1\] = (w0 + w1) x\[i\] + w2 x\[i+1\].
    fn all(scale: usize, kernel: usize) -> Vec<Self> {
        let mut taps: Vec<Self> = Vec::new();
        for out in 0..scale {
            for weight in 0..kernel {
                let place = (out + weight) as isize - (kernel / 2) as isize;
                let offset = place.div_euclid(scale as isize);
                match taps.last_mut() {
                    Some(tap) if (tap.out, tap.offset) == (out, offset) => tap.weights.end += 1,
                    _ => taps.push(Self {
                        out,
                        offset,
                        weights: weight..weight + 1,
                    }),
                }
            }
        }
        taps
    }
}

impl ScatterConv {
    /// To `out_channels` channels, with an odd kernel.
    pub fn new(from: Shape, scale: usize, kernel: usize, out_channels: usize) -> Self {
        Self {
            scale,
            from: NhwcLayout::plain(from),
            out_channels,
            kernel,
            taps: Tap::all(scale, kernel),
        }
    }

    /// Products of each pixel: one for each pair of taps and channel.
    fn products(&self) -> PixelProducts {
        PixelProducts {
            from: self.from,
            count: self.taps.len() * self.taps.len() * self.out_channels,
        }
    }

    /// Index of the first weight of an output and an input.
    fn place(&self, channel: usize, input: usize) -> usize {
        (channel * self.from.channels + input) * self.kernel * self.kernel
    }

    /// Length of a channel of results.
    fn plane_len(&self) -> usize {
        self.scale * self.scale * self.from.shape().area()
    }

    /// Calls `work` for each product with its column, its channel, and its taps down and across.
    fn each(&self, mut work: impl FnMut(usize, usize, &Tap, &Tap)) {
        let taps = &self.taps;
        for channel in 0..self.out_channels {
            for (i, down) in taps.iter().enumerate() {
                for (j, across) in taps.iter().enumerate() {
                    let column = (i * taps.len() + j) * self.out_channels + channel;
                    work(column, channel, down, across);
                }
            }
        }
    }

    /// Calls `work` for each product and row of results with the column of the product, the place of its first result,
    /// the place of its first input, and the number of results.
    fn rows(&self, mut work: impl FnMut(usize, usize, usize, usize)) {
        let (height, width, scale) = (self.from.height, self.from.width, self.scale);
        self.each(|column, channel, down, across| {
            // Inputs whose result lies in the image: i + offset in 0..width.
            let first = 0usize.saturating_add_signed(-across.offset);
            let end = width.saturating_sub(0usize.saturating_add_signed(across.offset));
            if first >= end {
                return;
            }
            for i in 0..height {
                let Some(y) = i.checked_add_signed(down.offset).filter(|&y| y < height) else {
                    continue;
                };
                let out = channel * self.plane_len() + (scale * i + down.out) * scale * width;
                let from = y * width + first.wrapping_add_signed(across.offset);
                work(column, out + scale * first + across.out, from, end - first);
            }
        });
    }
}

impl Step for ScatterConv {
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: self.from.len(),
            out: self.plane_len() * self.out_channels,
            scratch: self.products().len(),
            gradient: self.products().weights_len() + padded(self.out_channels),
            is_convolution: true,
            ..StepSizes::default()
        }
    }

    fn pack<S: Simd>(&self, _: S, parameters: &[&[f32]], packed: &mut PackedWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        let sizes = self.products().weights();
        packed.reserve(sizes, bias, self.out_channels);
        self.each(|column, channel, down, across| {
            for k in 0..self.from.channels {
                let kernel = &weight[self.place(channel, k)..];
                let rows = down.weights.clone().map(|u| &kernel[u * self.kernel..]);
                let terms = rows.flat_map(|row| &row[across.weights.clone()]);
                packed.put(sizes, (k, column), terms.sum());
            }
        });
    }

    /// The gradient of (out, in, kernel, kernel) from that of the packed weights.
    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let (inputs, columns) = (self.from.channels, self.products().columns());
        let gradient = (gradient, self.products().weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            weight.fill(0.0);
            self.each(|column, channel, down, across| {
                for k in 0..inputs {
                    let value = weights[k * columns + column];
                    let kernel = &mut weight[self.place(channel, k)..];
                    for u in down.weights.clone() {
                        let row = &mut kernel[u * self.kernel..];
                        for weight in &mut row[across.weights.clone()] {
                            *weight += value;
                        }
                    }
                }
            });
        });
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let (products, plane_len) = (self.products(), self.plane_len());
        let columns = products.columns();
        let images = io.x.chunks_exact(self.from.len());
        for (x, out) in images.zip(io.out.chunks_exact_mut(plane_len * self.out_channels)) {
            products.forward(simd, io.packed, x, io.scratch);
            for (plane, &bias) in out.chunks_exact_mut(plane_len).zip(&*io.packed.bias) {
                plane.fill(bias);
            }
            self.rows(|column, first, from, count| {
                let out = out[first..].iter_mut().step_by(self.scale);
                let values = io.scratch[from * columns + column..].iter();
                for (out, value) in out.zip(values.step_by(columns)).take(count) {
                    *out += value;
                }
            });
        }
    }

    fn backward<S: Simd>(&self, simd: S, mut io: Backward) {
        let (products, plane_len) = (self.products(), self.plane_len());
        let columns = products.columns();
        let (weight_sum, bias_sum) = io.parameter_gradient.split_at_mut(products.weights_len());
        let scratch = &mut io.scratch[..products.len()];
        let images = io.x.chunks_exact(self.from.len());
        let gradients = io.gradient.chunks_exact(plane_len * self.out_channels);
        for (number, (x, gradient)) in images.zip(gradients).enumerate() {
            for (sum, plane) in bias_sum.iter_mut().zip(gradient.chunks_exact(plane_len)) {
                let total: f64 = plane.iter().copied().map(f64::from).sum();
                *sum += total as f32;
            }
            scratch.fill(0.0);
            self.rows(|column, first, from, count| {
                let gradient = gradient[first..].iter().step_by(self.scale);
                let values = scratch[from * columns + column..].iter_mut();
                for (value, gradient) in values.step_by(columns).zip(gradient).take(count) {
                    *value = *gradient;
                }
            });
            let x_gradient = io.x_gradient.as_deref_mut();
            let x_gradient = x_gradient.map(|all| &mut all[number * self.from.len()..]);
            products.backward(simd, io.packed, (x, scratch), weight_sum, x_gradient);
        }
    }
}
