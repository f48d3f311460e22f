//! Convolutions to few channels: every place is first multiplied with all taps, and the products are added to their
//! results. In a direct convolution, vectors of channels would be mostly padding.

use pulp::Simd;

use super::conv::Kind;
use super::grid::Grid;
use super::lines::{Lines, padded};
use super::product::{Left, Out, Right, panel_place, panels_len, product};
use super::step::{Backward, Forward, Step, unpack_weight_and_bias, weight_and_bias};

/// A convolution of three by three taps with zero padding that keeps the size. It maps images in a grid without border,
/// as they are or upsampled by two, to images (channels, height, width).
#[derive(Debug, Clone)]
pub(crate) struct ScatterConv {
    pub kind: Kind,
    pub from: Grid,
    pub out_channels: usize,
}

/// The weights as the products read them.
#[derive(Debug, Default)]
pub(crate) struct ScatterWeights {
    /// (in, tap and out) in panels.
    forward: Lines,
    /// (tap and out, in) in panels.
    backward: Lines,
    bias: Lines,
}

/// A tap along one axis: result `step * i + out` takes input `i + offset`.
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
        match self.kind {
            Kind::Plain => &PLAIN,
            Kind::Upsampled => &UPSAMPLED,
        }
    }

    /// Results for each input, along an axis.
    fn step(&self) -> usize {
        match self.kind {
            Kind::Plain => 1,
            Kind::Upsampled => 2,
        }
    }

    /// Products for each place.
    fn products(&self) -> usize {
        self.taps().len() * self.taps().len() * self.out_channels
    }

    /// Length of an image of results.
    fn results_len(&self) -> usize {
        self.step() * self.step() * self.from.height * self.from.width * self.out_channels
    }

    /// Length of one image's products.
    fn products_len(&self) -> usize {
        self.from.height * self.from.width * padded(self.products())
    }

    /// Length of the gradient of the weights, (in, tap and out) with the taps padded.
    fn weights_len(&self) -> usize {
        self.from.channels * padded(self.products())
    }

    /// Calls `work` with the column of each product, its channel, and its factor of each of the nine
    /// weights of the kernel.
    fn each(&self, mut work: impl FnMut(usize, usize, [f32; 9])) {
        for (i, down) in self.taps().iter().enumerate() {
            for (j, across) in self.taps().iter().enumerate() {
                let mut factors = [0.0; 9];
                for (number, factor) in factors.iter_mut().enumerate() {
                    *factor = down.weights[number / 3] * across.weights[number % 3];
                }
                for channel in 0..self.out_channels {
                    let column = (i * self.taps().len() + j) * self.out_channels + channel;
                    work(column, channel, factors);
                }
            }
        }
    }

    /// The gradient of (out, in, 3, 3) from that of the packed weights.
    fn unpack_weights(&self, gradient: &[f32], weight: &mut [f32]) {
        let (inputs, columns) = (self.from.channels, padded(self.products()));
        weight.fill(0.0);
        self.each(|column, channel, factors| {
            for k in 0..inputs {
                let value = gradient[k * columns + column];
                let kernel = &mut weight[(channel * inputs + k) * 9..][..9];
                for (weight, factor) in kernel.iter_mut().zip(factors) {
                    *weight += factor * value;
                }
            }
        });
    }

    /// Calls `work` for each product and row of results with the column of the product, the place of its first result,
    /// the place of its first input, and the number of results.
    fn rows(&self, mut work: impl FnMut(usize, usize, usize, usize)) {
        let (height, width) = (self.from.height, self.from.width);
        let step = self.step();
        let plane = step * height * step * width;
        self.each_tap(|column, channel, down, across| {
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
                let out = channel * plane + (step * i + down.out) * step * width;
                let from = y * width + first.wrapping_add_signed(across.offset);
                work(column, out + step * first + across.out, from, end - first);
            }
        });
    }

    fn each_tap(&self, mut work: impl FnMut(usize, usize, Tap, Tap)) {
        let taps = self.taps();
        for channel in 0..self.out_channels {
            for (i, &down) in taps.iter().enumerate() {
                for (j, &across) in taps.iter().enumerate() {
                    work(
                        (i * taps.len() + j) * self.out_channels + channel,
                        channel,
                        down,
                        across,
                    );
                }
            }
        }
    }
}

impl Step for ScatterConv {
    type Packed = ScatterWeights;

    fn x_len(&self) -> usize {
        self.from.len()
    }

    fn out_len(&self) -> usize {
        self.results_len()
    }

    fn scratch(&self, _: usize) -> usize {
        self.products_len()
    }

    fn is_convolution(&self) -> bool {
        true
    }

    fn gradient_len(&self) -> usize {
        self.weights_len() + padded(self.out_channels)
    }

    fn pack<S: Simd>(&self, _: S, parameters: &[&[f32]], packed: &mut ScatterWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        let (inputs, products) = (self.from.channels, self.products());
        packed.bias.reserve(padded(self.out_channels));
        packed.bias[..bias.len()].copy_from_slice(bias);
        packed.forward.reserve(panels_len(inputs, products));
        packed.backward.reserve(panels_len(products, inputs));
        self.each(|column, channel, factors| {
            for k in 0..inputs {
                let kernel = &weight[(channel * inputs + k) * 9..][..9];
                let value = kernel
                    .iter()
                    .zip(factors)
                    .map(|(w, factor)| w * factor)
                    .sum();
                packed.forward[panel_place(inputs, products, k, column)] = value;
                packed.backward[panel_place(products, inputs, column, k)] = value;
            }
        });
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let gradient = (gradient, self.weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            self.unpack_weights(weights, weight);
        });
    }

    fn forward<S: Simd>(
        &self,
        simd: S,
        (packed, _): (&ScatterWeights, &[&[f32]]),
        io: Forward,
    ) -> f64 {
        let (columns, step) = (padded(self.products()), self.step());
        let places = self.from.height * self.from.width;
        let images = io.x.chunks_exact(self.from.len());
        for (x, out) in images.zip(io.out.chunks_exact_mut(self.results_len())) {
            product(
                simd,
                Out {
                    data: io.scratch,
                    row: columns,
                    accumulate: false,
                },
                (places, columns, self.from.channels),
                Left {
                    data: x,
                    row: self.from.padded(),
                    step: 1,
                },
                Right::Panels(&packed.forward),
            );
            for (plane, &bias) in out
                .chunks_exact_mut(self.results_len() / self.out_channels)
                .zip(packed.bias.iter())
            {
                plane.fill(bias);
            }
            self.rows(|column, first, from, count| {
                let out = out[first..].iter_mut().step_by(step);
                let values = io.scratch[from * columns + column..]
                    .iter()
                    .step_by(columns);
                for (out, value) in out.zip(values).take(count) {
                    *out += value;
                }
            });
        }
        0.0
    }

    fn backward<S: Simd>(
        &self,
        simd: S,
        (packed, _): (&ScatterWeights, &[&[f32]]),
        mut io: Backward,
    ) {
        let (products, columns, step) = (self.products(), padded(self.products()), self.step());
        let (weight_sum, bias_sum) = io.parameters.split_at_mut(self.weights_len());
        let places = self.from.height * self.from.width;
        let scratch = &mut io.scratch[..self.products_len()];
        let images = io.x.chunks_exact(self.from.len());
        for (number, (x, gradient)) in images
            .zip(io.gradient.chunks_exact(self.results_len()))
            .enumerate()
        {
            for (sum, plane) in bias_sum
                .iter_mut()
                .zip(gradient.chunks_exact(self.results_len() / self.out_channels))
            {
                let total: f64 = plane.iter().copied().map(f64::from).sum();
                *sum += total as f32;
            }
            scratch.fill(0.0);
            self.rows(|column, first, from, count| {
                let gradient = gradient[first..].iter().step_by(step);
                let values = scratch[from * columns + column..]
                    .iter_mut()
                    .step_by(columns);
                for (value, gradient) in values.zip(gradient).take(count) {
                    *value = *gradient;
                }
            });
            product(
                simd,
                Out {
                    data: weight_sum,
                    row: columns,
                    accumulate: true,
                },
                (self.from.channels, columns, places),
                Left {
                    data: x,
                    row: 1,
                    step: self.from.padded(),
                },
                Right::Rows {
                    data: scratch,
                    row: columns,
                },
            );
            if let Some(x_gradient) = &mut io.x_gradient {
                product(
                    simd,
                    Out {
                        data: &mut x_gradient[number * self.from.len()..],
                        row: self.from.padded(),
                        accumulate: false,
                    },
                    (places, self.from.padded(), products),
                    Left {
                        data: scratch,
                        row: columns,
                        step: 1,
                    },
                    Right::Panels(&packed.backward),
                );
            }
        }
    }
}
