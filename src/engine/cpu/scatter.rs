//! Convolutions to few channels: every place is first multiplied with all taps, and the products are added to their
//! results. In a direct convolution, vectors of channels would be mostly padding; here vectors are of places.

use std::ops::Range;

use pulp::Simd;

use super::flat::add_inlined;
use super::isa::vectorize;
use super::layout::{NhwcLayout, Shape};
use super::lines::padded;
use super::product::{Left, Out, Right, panel_place, panels_len, product};
use super::step::{
    Backward, Forward, PackedWeights, Step, StepSizes, unpack_weight_and_bias, weight_and_bias,
};
use super::transpose::transpose;

/// The products of some rows and what they are made of should stay in a core's own cache.
const SCRATCH: usize = 96 * 1024;

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

/// A run of products of one tap and row, and their results.
struct Run {
    /// The row of the matrix of products.
    column: usize,
    /// The first product, counted from the first place of the rows.
    from: usize,
    /// The first result in the planes of sums.
    to: usize,
    count: usize,
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
    fn count(&self) -> usize {
        self.taps.len() * self.taps.len() * self.out_channels
    }

    /// Length of the gradient of the weights, (product, in) with the inputs padded.
    fn weights_len(&self) -> usize {
        self.count() * self.from.padded()
    }

    /// Index of the first weight of an output and an input.
    fn place(&self, channel: usize, input: usize) -> usize {
        (channel * self.from.channels + input) * self.kernel * self.kernel
    }

    /// Values of the results.
    fn out_len(&self) -> usize {
        self.out_channels * self.plane_len()
    }

    /// Length of a channel of results.
    fn plane_len(&self) -> usize {
        self.scale * self.scale * self.from.shape().area()
    }

    /// Rows of an image that are worked on at once.
    fn rows_at_once(&self) -> usize {
        let fitting = SCRATCH / (self.count() + self.from.channels) / self.from.width;
        fitting.clamp(1, self.from.height)
    }

    /// The rows of an image, as many as are worked on at once.
    fn bands(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (step, height) = (self.rows_at_once(), self.from.height);
        let firsts = (0..height).step_by(step);
        firsts.map(move |first| first..height.min(first + step))
    }

    /// Calls `work` for each product with its number, its channel, and its taps down and across.
    #[inline(always)]
    fn each(&self, mut work: impl FnMut(usize, usize, &Tap, &Tap)) {
        let taps = &self.taps;
        for channel in 0..self.out_channels {
            for (i, down) in taps.iter().enumerate() {
                for (j, across) in taps.iter().enumerate() {
                    let number = (i * taps.len() + j) * self.out_channels + channel;
                    work(number, channel, down, across);
                }
            }
        }
    }

    /// Calls `work` for each run of products of a band. Sums come in planes (channel, result of a pixel, pixel).
    #[inline(always)]
    fn runs(&self, band: &Range<usize>, mut work: impl FnMut(Run)) {
        let (height, width, scale) = (self.from.height, self.from.width, self.scale);
        self.each(|column, channel, down, across| {
            // Results whose input lies in the image: i + offset in 0..width.
            let first = 0usize.saturating_add_signed(-across.offset);
            let end = width.saturating_sub(0usize.saturating_add_signed(across.offset));
            let plane = (channel * scale + down.out) * scale + across.out;
            if first >= end {
                return;
            }
            for y in band.clone() {
                let Some(i) = y.checked_add_signed(-down.offset).filter(|&i| i < height) else {
                    continue;
                };
                let row = (y - band.start) * width;
                work(Run {
                    column,
                    from: row + first.wrapping_add_signed(across.offset),
                    to: (plane * height + i) * width + first,
                    count: end - first,
                });
            }
        });
    }

    /// Calls `work` for each row of the planes of sums with its channel, the place of its first value, and that of its
    /// first result; the next results are `scale` places apart.
    fn rows(&self, mut work: impl FnMut(usize, usize, usize)) {
        let (height, width, scale) = (self.from.height, self.from.width, self.scale);
        let mut from = 0;
        for channel in 0..self.out_channels {
            for (py, px) in (0..scale).flat_map(|py| (0..scale).map(move |px| (py, px))) {
                for i in 0..height {
                    let row = (scale * i + py) * scale * width;
                    work(channel, from, channel * self.plane_len() + row + px);
                    from += width;
                }
            }
        }
    }

    /// Scratch memory in parts: products and images of a band, places last, and planes of sums.
    fn split<'a>(&self, scratch: &'a mut [f32]) -> [&'a mut [f32]; 3] {
        let most = padded(self.rows_at_once() * self.from.width);
        let (products, rest) = scratch.split_at_mut(self.count() * most);
        let (images, sums) = rest.split_at_mut(self.from.channels * most);
        [products, images, &mut sums[..self.out_len()]]
    }
}

impl Step for ScatterConv {
    fn sizes(&self) -> StepSizes {
        let places = padded(self.rows_at_once() * self.from.width);
        StepSizes {
            x: self.from.len(),
            out: self.out_len(),
            scratch: (self.count() + self.from.channels) * places + self.out_len(),
            gradient: self.weights_len() + padded(self.out_channels),
            is_convolution: true,
            ..StepSizes::default()
        }
    }

    /// A matrix (product, in) and the panels of the same.
    fn pack<S: Simd>(&self, _: S, parameters: &[&[f32]], packed: &mut PackedWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        let (count, inputs) = (self.count(), self.from.channels);
        packed.set_bias(bias, self.out_channels);
        packed.forward.reserve(count * inputs);
        packed.backward.reserve(panels_len(count, inputs));
        self.each(|number, channel, down, across| {
            for k in 0..inputs {
                let kernel = &weight[self.place(channel, k)..];
                let rows = down.weights.clone().map(|u| &kernel[u * self.kernel..]);
                let terms = rows.flat_map(|row| &row[across.weights.clone()]);
                let sum = terms.sum();
                packed.forward[number * inputs + k] = sum;
                packed.backward[panel_place(count, inputs, number, k)] = sum;
            }
        });
    }

    /// The gradient of (out, in, kernel, kernel) from that of the packed weights.
    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let (inputs, row) = (self.from.channels, self.from.padded());
        let gradient = (gradient, self.weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            weight.fill(0.0);
            self.each(|number, channel, down, across| {
                for (k, value) in weights[number * row..][..inputs].iter().enumerate() {
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
        let (count, inputs) = (self.count(), self.from.channels);
        let row = self.from.width * self.from.padded();
        let [products, images, sums] = self.split(io.scratch);
        let all = io.x.chunks_exact(self.from.len());
        for (x, out) in all.zip(io.out.chunks_exact_mut(self.out_len())) {
            sums.fill(0.0);
            for band in self.bands() {
                let places = band.len() * self.from.width;
                let stride = padded(places);
                let x = &x[band.start * row..];
                let by_channel = &mut images[..inputs * stride];
                transpose(
                    simd,
                    (places, inputs),
                    (x, self.from.padded()),
                    (by_channel, stride),
                );
                product(
                    simd,
                    Out::new(products, stride),
                    (count, stride, inputs),
                    Left::new(&io.packed.forward, inputs),
                    Right::Rows(by_channel, stride),
                );
                vectorize(
                    simd,
                    #[inline(always)]
                    || {
                        self.runs(
                            &band,
                            #[inline(always)]
                            |run| {
                                let sums = &mut sums[run.to..][..run.count];
                                let from = run.column * stride + run.from;
                                add_inlined(simd, sums, &products[from..][..run.count]);
                            },
                        );
                    },
                );
            }
            self.rows(|channel, from, to| {
                let (row, bias) = (&sums[from..][..self.from.width], io.packed.bias[channel]);
                for (out, sum) in out[to..].iter_mut().step_by(self.scale).zip(row) {
                    *out = sum + bias;
                }
            });
        }
    }

    fn backward<S: Simd>(&self, simd: S, mut io: Backward) {
        let (count, inputs) = (self.count(), self.from.padded());
        let row = self.from.width * inputs;
        let (weight_sum, bias_sum) = io.parameter_gradient.split_at_mut(self.weights_len());
        let [products, _, sums] = self.split(io.scratch);
        let images = io.x.chunks_exact(self.from.len());
        let gradients = io.gradient.chunks_exact(self.out_len());
        for (number, (x, gradient)) in images.zip(gradients).enumerate() {
            let planes = gradient.chunks_exact(self.plane_len());
            for (sum, plane) in bias_sum.iter_mut().zip(planes) {
                let total: f64 = plane.iter().copied().map(f64::from).sum();
                *sum += total as f32;
            }
            self.rows(|_, to, from| {
                let gradient = gradient[from..].iter().step_by(self.scale);
                for (sum, gradient) in sums[to..][..self.from.width].iter_mut().zip(gradient) {
                    *sum = *gradient;
                }
            });
            for band in self.bands() {
                let places = band.len() * self.from.width;
                let stride = padded(places);
                let products = &mut products[..count * stride];
                products.fill(0.0);
                self.runs(&band, |run| {
                    let products = &mut products[run.column * stride + run.from..][..run.count];
                    products.copy_from_slice(&sums[run.to..][..run.count]);
                });
                product(
                    simd,
                    Out::new(weight_sum, inputs).accumulate(true),
                    (count, inputs, places),
                    Left::new(products, stride),
                    Right::Rows(&x[band.start * row..], inputs),
                );
                let Some(x_gradient) = &mut io.x_gradient else {
                    continue;
                };
                let first = number * self.from.len() + band.start * row;
                product(
                    simd,
                    Out::new(&mut x_gradient[first..], inputs),
                    (places, inputs, count),
                    Left::transposed(products, stride),
                    Right::Panels(&io.packed.backward),
                );
            }
        }
    }
}
