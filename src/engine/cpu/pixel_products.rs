//! One product over all pixels of an image: what each pixel contributes to every result that reads it, and the gradients
//! back. Convolutions to few channels and transposed convolutions add up or lay out these products.

use pulp::Simd;

use super::layout::NhwcLayout;
use super::lines::padded;
use super::product::{Left, Out, Right, product};
use super::step::PackedWeights;

/// The sizes of the product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PixelProducts {
    /// The images that are read.
    pub from: NhwcLayout,
    /// Products of a pixel.
    pub count: usize,
}

impl PixelProducts {
    /// From the products of one pixel to those of the next, and from the weights' gradients of one input to those of the
    /// next.
    pub fn columns(&self) -> usize {
        padded(self.count)
    }

    fn pixels(&self) -> usize {
        self.from.shape().area()
    }

    /// Length of one image's products, (pixel, product).
    pub fn len(&self) -> usize {
        self.pixels() * self.columns()
    }

    /// Sizes of the matrix of weights, (in, product).
    pub fn weights(&self) -> (usize, usize) {
        (self.from.channels, self.count)
    }

    /// Length of the gradient of the weights.
    pub fn weights_len(&self) -> usize {
        self.from.channels * self.columns()
    }

    /// The products of an image.
    pub fn forward<S: Simd>(
        &self,
        simd: S,
        weights: &PackedWeights,
        x: &[f32],
        products: &mut [f32],
    ) {
        product(
            simd,
            Out::new(products, self.columns()),
            (self.pixels(), self.columns(), self.from.channels),
            Left::new(x, self.from.padded()),
            Right::Panels(&weights.forward),
        );
    }

    /// Adds to the gradient of the weights, from that of an image's products, and writes that of the image.
    pub fn backward<S: Simd>(
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
