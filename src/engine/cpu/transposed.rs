//! Transposed convolutions whose kernel is their stride: each pixel gives its own block of results, so the convolution
//! is one product without overlap.

use pulp::Simd;

use super::finish::Finish;
use super::finish_image::SumsLayout;
use super::layout::NhwcLayout;
use super::pixel_products::PixelProducts;
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
