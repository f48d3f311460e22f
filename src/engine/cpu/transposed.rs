//! Transposed convolutions whose kernel is their stride: each pixel gives its own block of results, so the convolution
//! is one product without overlap.

use pulp::Simd;

use super::finish::{Fused, relu};
use super::grid::Grid;
use super::isa::vectorize;
use super::lines::{Lines, padded};
use super::product::{Left, Out, Right, load, panel_place, panels_len, product, store};
use super::step::{Backward, Forward, Step, unpack_weight_and_bias, weight_and_bias};

/// A map from images in a grid to images in another grid, `scale` times as high and wide.
#[derive(Debug, Clone)]
pub(crate) struct TransposedConv {
    pub from: Grid,
    /// Height and width of the kernel, and its stride.
    pub scale: usize,
    pub out_channels: usize,
    pub activation: Fused,
    pub to: Grid,
}

/// The weights as the products read them.
#[derive(Debug, Default)]
pub(crate) struct TransposedWeights {
    /// (in, tap and out) in panels, the outputs padded.
    forward: Lines,
    /// (tap and out, in) in panels.
    backward: Lines,
    bias: Lines,
}

impl TransposedConv {
    /// Places of the kernel.
    fn area(&self) -> usize {
        self.scale * self.scale
    }

    /// Columns of the product: the padded outputs of each place of the kernel.
    fn columns(&self) -> usize {
        self.area() * padded(self.out_channels)
    }

    /// The products of one image.
    fn products_len(&self) -> usize {
        self.from.height * self.from.width * self.columns()
    }

    /// Length of the gradient of the weights, (in, tap and out).
    fn weights_len(&self) -> usize {
        self.from.channels * self.columns()
    }

    /// Calls `work` with the index of each weight in (in, out, scale, scale), its input, and the column of its product.
    fn each(&self, mut work: impl FnMut(usize, usize, usize)) {
        let (area, outputs) = (self.area(), self.out_channels);
        for k in 0..self.from.channels {
            for o in 0..outputs {
                for tap in 0..area {
                    let column = tap * padded(outputs) + o;
                    work((k * outputs + o) * area + tap, k, column);
                }
            }
        }
    }

    /// Calls `work` for each block of channels of the results, with its offsets in the products and in an image.
    fn blocks(&self, mut work: impl FnMut(usize, usize)) {
        let (columns, outputs) = (self.columns(), padded(self.out_channels));
        for y in 0..self.to.height {
            for x in 0..self.to.width {
                let place = y / self.scale * self.from.width + x / self.scale;
                let tap = y % self.scale * self.scale + x % self.scale;
                work(place * columns + tap * outputs, self.to.at(y, x));
            }
        }
    }

    /// The sizes on which the kernels below rely.
    fn check(&self, products: usize, image: usize, bias: usize) {
        assert!(
            self.products_len() <= products
                && self.to.len() == image
                && padded(self.out_channels) <= bias
                && self.to.padded() == padded(self.out_channels)
                && self.to.height == self.from.height * self.scale
                && self.to.width == self.from.width * self.scale
        );
    }

    /// The results of one image from its products.
    fn finish<S: Simd>(&self, simd: S, products: &[f32], bias: &[f32], out: &mut [f32]) {
        self.check(products.len(), out.len(), bias.len());
        let outputs = padded(self.out_channels);
        let (products, bias, out) = (products.as_ptr(), bias.as_ptr(), out.as_mut_ptr());
        vectorize(
            simd,
            #[inline(always)]
            || {
                self.blocks(
                    #[inline(always)]
                    |from, to| {
                        for c in (0..outputs).step_by(S::F32_LANES) {
                            // SAFETY: blocks lie in the products and in the image, whose sizes were checked.
                            unsafe {
                                let sum = load::<S>(products.add(from + c));
                                let sum = simd.add_f32s(sum, load::<S>(bias.add(c)));
                                let value = match self.activation {
                                    Fused::Linear => sum,
                                    Fused::Relu => relu(simd, sum),
                                };
                                store::<S>(out.add(to + c), value);
                            }
                        }
                    },
                );
            },
        );
    }

    /// The gradient of one image's products; adds to that of the biases.
    fn collect<S: Simd>(
        &self,
        simd: S,
        (out, gradient): (&[f32], &[f32]),
        bias: &mut [f32],
        products: &mut [f32],
    ) {
        self.check(products.len(), gradient.len(), bias.len());
        assert!(out.len() == gradient.len());
        let outputs = padded(self.out_channels);
        let zero = simd.splat_f32s(0.0);
        let (out, gradient) = (out.as_ptr(), gradient.as_ptr());
        let (bias, products) = (bias.as_mut_ptr(), products.as_mut_ptr());
        vectorize(
            simd,
            #[inline(always)]
            || {
                self.blocks(
                    #[inline(always)]
                    |to, from| {
                        for c in (0..outputs).step_by(S::F32_LANES) {
                            // SAFETY: blocks lie in the products and in the image, whose sizes were checked.
                            unsafe {
                                let mut value = load::<S>(gradient.add(from + c));
                                if self.activation == Fused::Relu {
                                    let result = load::<S>(out.add(from + c));
                                    let passes = simd.greater_than_f32s(result, zero);
                                    value = simd.select_f32s(passes, value, zero);
                                }
                                store::<S>(products.add(to + c), value);
                                let sum = simd.add_f32s(load::<S>(bias.add(c)), value);
                                store::<S>(bias.add(c), sum);
                            }
                        }
                    },
                );
            },
        );
    }
}

impl Step for TransposedConv {
    type Packed = TransposedWeights;

    fn x_len(&self) -> usize {
        self.from.len()
    }

    fn out_len(&self) -> usize {
        self.to.len()
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

    fn pack<S: Simd>(&self, _: S, parameters: &[&[f32]], packed: &mut TransposedWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        let (inputs, columns) = (self.from.channels, self.columns());
        packed.bias.reserve(padded(self.out_channels));
        packed.bias[..bias.len()].copy_from_slice(bias);
        packed.forward.reserve(panels_len(inputs, columns));
        packed.backward.reserve(panels_len(columns, inputs));
        self.each(|place, k, column| {
            packed.forward[panel_place(inputs, columns, k, column)] = weight[place];
            packed.backward[panel_place(columns, inputs, column, k)] = weight[place];
        });
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let columns = self.columns();
        let gradient = (gradient, self.weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            self.each(|place, k, column| weight[place] = weights[k * columns + column]);
        });
    }

    fn forward<S: Simd>(
        &self,
        simd: S,
        (packed, _): (&TransposedWeights, &[&[f32]]),
        io: Forward,
    ) -> f64 {
        let columns = self.columns();
        let places = self.from.height * self.from.width;
        let images = io.x.chunks_exact(self.from.len());
        for (x, out) in images.zip(io.out.chunks_exact_mut(self.to.len())) {
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
            self.finish(simd, io.scratch, &packed.bias, out);
        }
        0.0
    }

    fn backward<S: Simd>(
        &self,
        simd: S,
        (packed, _): (&TransposedWeights, &[&[f32]]),
        mut io: Backward,
    ) {
        let columns = self.columns();
        let places = self.from.height * self.from.width;
        let (weight_sum, bias_sum) = io.parameters.split_at_mut(self.weights_len());
        let results = io.out.chunks_exact(self.to.len());
        let results = results.zip(io.gradient.chunks_exact(self.to.len()));
        let images = io.x.chunks_exact(self.from.len()).zip(results);
        for (number, (x, (out, gradient))) in images.enumerate() {
            self.collect(simd, (out, gradient), bias_sum, io.scratch);
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
                    data: io.scratch,
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
                    (places, self.from.padded(), columns),
                    Left {
                        data: io.scratch,
                        row: columns,
                        step: 1,
                    },
                    Right::Panels(&packed.backward),
                );
            }
        }
    }
}
