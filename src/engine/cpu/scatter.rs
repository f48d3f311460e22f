//! Convolutions to few channels: every place is first multiplied with all taps, and the products are added to their
//! results. In a direct convolution, vectors of channels would be mostly padding.

use pulp::Simd;

use super::layout::NhwcLayout;
use super::lines::padded;
use super::pixel_products::PixelProducts;
use super::step::{
    Backward, Forward, PackedWeights, Step, StepSizes, unpack_weight_and_bias, weight_and_bias,
};

/// A convolution of three by three taps with zero padding that keeps the size. It maps NHWC images without border to
/// images (channels, height, width).
#[derive(Debug, Clone)]
pub(crate) struct ScatterConv {
    /// 1, or 2 if each value of the images is first repeated along both axes; results for each input, along an axis.
    pub scale: usize,
    pub from: NhwcLayout,
    pub out_channels: usize,
}

/// A tap along one axis: result `scale * i + out` takes input `i + offset`.
#[derive(Clone, Copy)]
struct Tap {
    out: usize,
    offset: isize,
    /// Factors of the kernel's three weights.
    weights: [f32; 3],
}

const fn tap(out: usize, offset: isize, weights: [f32; 3]) -> Tap {
    Tap {
        out,
        offset,
        weights,
    }
}

const PLAIN: [Tap; 3] = [
    tap(0, -1, [1.0, 0.0, 0.0]),
    tap(0, 0, [0.0, 1.0, 0.0]),
    tap(0, 1, [0.0, 0.0, 1.0]),
];

/// The first of every two results lies between two inputs on the left, the second on the right: y\[2i\] = w0 x\[i-1\] +
/// (w1 + w2) x\[i\], y\[2i+1\] = (w0 + w1) x\[i\] + w2 x\[i+1\].
const UPSAMPLED: [Tap; 4] = [
    tap(0, -1, [1.0, 0.0, 0.0]),
    tap(0, 0, [0.0, 1.0, 1.0]),
    tap(1, 0, [1.0, 1.0, 0.0]),
    tap(1, 1, [0.0, 0.0, 1.0]),
];

impl ScatterConv {
    fn taps(&self) -> &'static [Tap] {
        match self.scale {
            1 => &PLAIN,
            _ => &UPSAMPLED,
        }
    }

    /// Products of each pixel: one for each pair of taps and channel.
    fn products(&self) -> PixelProducts {
        PixelProducts {
            from: self.from,
            count: self.taps().len() * self.taps().len() * self.out_channels,
        }
    }

    /// Length of a channel of results.
    fn plane_len(&self) -> usize {
        self.scale * self.scale * self.from.shape().area()
    }

    /// Calls `work` for each product with its column, its channel, and its taps down and across.
    fn each(&self, mut work: impl FnMut(usize, usize, Tap, Tap)) {
        let taps = self.taps();
        for channel in 0..self.out_channels {
            for (i, &down) in taps.iter().enumerate() {
                for (j, &across) in taps.iter().enumerate() {
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
            let first = usize::from(across.offset < 0);
            let end = width - usize::from(across.offset > 0);
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

/// The factors of the nine weights of the kernel in a product.
fn factors(down: Tap, across: Tap) -> [f32; 9] {
    std::array::from_fn(|number| down.weights[number / 3] * across.weights[number % 3])
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
            let factors = factors(down, across);
            for k in 0..self.from.channels {
                let kernel = &weight[(channel * self.from.channels + k) * 9..][..9];
                let terms = kernel.iter().zip(factors);
                let value = terms.map(|(w, factor)| w * factor).sum();
                packed.put(sizes, (k, column), value);
            }
        });
    }

    /// The gradient of (out, in, 3, 3) from that of the packed weights.
    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let (inputs, columns) = (self.from.channels, self.products().columns());
        let gradient = (gradient, self.products().weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            weight.fill(0.0);
            self.each(|column, channel, down, across| {
                let factors = factors(down, across);
                for k in 0..inputs {
                    let value = weights[k * columns + column];
                    let kernel = &mut weight[(channel * inputs + k) * 9..][..9];
                    for (weight, factor) in kernel.iter_mut().zip(factors) {
                        *weight += factor * value;
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
