//! Transposed convolutions whose kernel is their stride: each pixel gives its own block of results, so the convolution
//! is one product without overlap.

use pulp::Simd;

use super::finish::Finish;
use super::finish_image::SumsLayout;
use super::layout::NhwcLayout;
use super::lines::padded;
use super::product::{Left, Out, Right, product};
use super::step::{
    Backward, Forward, PackedWeights, Step, StepSizes, unpack_weight_and_bias, weight_and_bias,
};

/// A map from images without border to images `scale` times as high and wide.
#[derive(Debug, Clone)]
pub(crate) struct TransposedConv {
    pub from: NhwcLayout,
    /// Height and width of the kernel, and its stride.
    pub scale: usize,
    pub finish: Finish,
}

impl TransposedConv {
    /// Places of the kernel.
    fn area(&self) -> usize {
        self.scale * self.scale
    }

    /// Products of each pixel: the padded outputs of each place of the kernel.
    fn products(&self) -> PixelProducts {
        PixelProducts {
            from: self.from,
            count: self.area() * self.finish.to.padded(),
        }
    }

    /// Calls `work` with the index of each weight in (in, out, scale, scale), its input, and the column of its product.
    fn each(&self, mut work: impl FnMut(usize, usize, usize)) {
        let (area, outputs) = (self.area(), self.finish.to.channels);
        for k in 0..self.from.channels {
            for o in 0..outputs {
                for tap in 0..area {
                    let column = tap * self.finish.to.padded() + o;
                    work((k * outputs + o) * area + tap, k, column);
                }
            }
        }
    }
}

impl Step for TransposedConv {
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: self.from.len(),
            out: self.finish.to.len(),
            scratch: self.products().len(),
            gradient: self.products().weights_len() + self.finish.to.padded(),
            is_convolution: true,
            ..StepSizes::default()
        }
    }

    fn pack<S: Simd>(&self, _: S, parameters: &[&[f32]], packed: &mut PackedWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        let sizes = self.products().weights();
        packed.reserve(sizes, bias, self.finish.to.channels);
        self.each(|place, k, column| packed.put(sizes, (k, column), weight[place]));
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let products = self.products();
        let gradient = (gradient, products.weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            self.each(|place, k, column| weight[place] = weights[k * products.columns() + column]);
        });
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let images = io.x.chunks_exact(self.from.len());
        for (x, out) in images.zip(io.out.chunks_exact_mut(self.finish.to.len())) {
            self.products().forward(simd, io.packed, x, io.scratch);
            self.finish.image::<S, 1>(
                simd,
                (io.scratch, SumsLayout::plain(&self.finish, self.scale)),
                &io.packed.bias,
                (out, &mut []),
            );
        }
    }

    fn backward<S: Simd>(&self, simd: S, mut io: Backward) {
        let (products, len) = (self.products(), self.finish.to.len());
        let (weight_sum, bias_sum) = io.parameter_gradient.split_at_mut(products.weights_len());
        let results = io.out.chunks_exact(len).zip(io.gradient.chunks_exact(len));
        let images = io.x.chunks_exact(self.from.len()).zip(results);
        for (number, (x, (out, gradient))) in images.enumerate() {
            self.finish.image_gradient::<S, 1>(
                simd,
                (gradient, out, &[]),
                bias_sum,
                (io.scratch, SumsLayout::plain(&self.finish, self.scale)),
            );
            let x_gradient = io.x_gradient.as_deref_mut();
            let x_gradient = x_gradient.map(|all| &mut all[number * self.from.len()..]);
            products.backward(simd, io.packed, (x, io.scratch), weight_sum, x_gradient);
        }
    }
}

/// One product over all pixels of an image: what each pixel contributes to its results, and the gradients back.
#[derive(Debug, Clone, Copy)]
struct PixelProducts {
    /// The images that are read.
    from: NhwcLayout,
    /// Products of a pixel.
    count: usize,
}

impl PixelProducts {
    /// From the products of one pixel to those of the next, and from the weights' gradients of one input to those of the
    /// next.
    fn columns(&self) -> usize {
        padded(self.count)
    }

    fn pixels(&self) -> usize {
        self.from.shape().area()
    }

    /// Length of one image's products, (pixel, product).
    fn len(&self) -> usize {
        self.pixels() * self.columns()
    }

    /// Sizes of the matrix of weights, (in, product).
    fn weights(&self) -> (usize, usize) {
        (self.from.channels, self.count)
    }

    /// Length of the gradient of the weights.
    fn weights_len(&self) -> usize {
        self.from.channels * self.columns()
    }

    /// The products of an image.
    fn forward<S: Simd>(&self, simd: S, weights: &PackedWeights, x: &[f32], products: &mut [f32]) {
        product(
            simd,
            Out::new(products, self.columns()),
            (self.pixels(), self.columns(), self.from.channels),
            Left::new(x, self.from.padded()),
            Right::Panels(&weights.forward),
        );
    }

    /// Adds to the gradient of the weights, from that of an image's products, and writes that of the image.
    fn backward<S: Simd>(
        &self,
        simd: S,
        weights: &PackedWeights,
        (x, products): (&[f32], &[f32]),
        weight_sum: &mut [f32],
        x_gradient: Option<&mut [f32]>,
    ) {
        let inputs = self.from.padded();
        product(
            simd,
            Out::new(weight_sum, self.columns()).accumulate(true),
            (self.from.channels, self.columns(), self.pixels()),
            Left::transposed(x, inputs),
            Right::Rows(products, self.columns()),
        );
        let Some(x_gradient) = x_gradient else { return };
        product(
            simd,
            Out::new(x_gradient, inputs),
            (self.pixels(), inputs, self.count),
            Left::new(products, self.columns()),
            Right::Panels(&weights.backward),
        );
    }
}
