//! The passes of fast convolutions: to planes, products and results, and back.

use std::ops::Range;

use pulp::Simd;

use super::axis::Axis;
use super::conv::{FastConv, panels_stride};
use super::product::{Left, Out, Right, product};
use super::step::{
    Backward, Forward, PackedWeights, Step, StepSizes, unpack_weight_and_bias, weight_and_bias,
};
use super::tiles::Tiles;
use super::weights::Walk;

impl<
    A,
    const TAPS: usize,
    const IN: usize,
    const PLANES: usize,
    const PRODUCTS: usize,
    const OUT: usize,
> FastConv<A, TAPS, IN, PLANES, PRODUCTS, OUT>
where
    A: Axis<TAPS, IN, PLANES, PRODUCTS, OUT>,
{
    /// Calls `work` for each product and each run of rows that use it, with the product's number, its
    /// plane, the first row and the number of rows.
    fn each(&self, tiles: Tiles, mut work: impl FnMut(usize, usize, usize, usize)) {
        for i in 0..PRODUCTS {
            let down = Self::uses(i, self.from.height);
            for j in 0..PRODUCTS {
                let across = Self::uses(j, self.from.width);
                let (number, plane) = (i * PRODUCTS + j, A::PLANE[i] * PLANES + A::PLANE[j]);
                // A product that no tile uses has no rows.
                if across.len() == tiles.across || down.is_empty() {
                    let row = tiles.across * tiles.images;
                    work(number, plane, down.start * row, down.len() * row);
                } else {
                    for ty in down.clone() {
                        let first = (ty * tiles.across + across.start) * tiles.images;
                        work(number, plane, first, across.len() * tiles.images);
                    }
                }
            }
        }
    }

    /// Tiles that use product `p` on an axis of this many inputs.
    fn uses(p: usize, inputs: usize) -> Range<usize> {
        let tiles = A::tiles(inputs);
        let start = (0..tiles).find(|&tile| A::takes(p, tile, inputs));
        let start = start.unwrap_or(tiles);
        let end = (start..tiles).find(|&tile| !A::takes(p, tile, inputs));
        start..end.unwrap_or(tiles)
    }
}

impl<
    A,
    const TAPS: usize,
    const IN: usize,
    const PLANES: usize,
    const PRODUCTS: usize,
    const OUT: usize,
> Step for FastConv<A, TAPS, IN, PLANES, PRODUCTS, OUT>
where
    A: Axis<TAPS, IN, PLANES, PRODUCTS, OUT>,
{
    fn sizes(&self) -> StepSizes {
        let images = self.images();
        let products = self.tiles(images).stride(self.finish.to.padded());
        StepSizes {
            x: self.from.len(),
            out: self.finish.to.len(),
            side: self.finish.side_len(),
            at_once: images,
            scratch: self.planes_len(images) + PRODUCTS * PRODUCTS * products,
            gradient: self.taps_len() + self.finish.to.padded(),
            // The gradient of the taps is computed from the sums after the last samples.
            overwritten: self.taps_len(),
            sums: PRODUCTS * PRODUCTS * self.product_len(),
            is_convolution: true,
            ..StepSizes::default()
        }
    }

    /// The weights of the products, from (out, in, taps, taps) and (out), or no biases.
    fn pack<S: Simd>(&self, simd: S, parameters: &[&[f32]], packed: &mut PackedWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        let (inputs, outputs) = (self.from.channels, self.finish.to.channels);
        assert!(weight.len() == outputs * inputs * TAPS * TAPS && bias.len() <= outputs);
        packed.set_bias(bias, outputs);
        let inputs = Walk {
            count: inputs,
            stride: TAPS * TAPS,
        };
        let outputs = Walk {
            count: outputs,
            stride: inputs.count * TAPS * TAPS,
        };
        Self::weights(simd, weight, (inputs, outputs), &mut packed.forward);
        Self::weights(simd, weight, (outputs, inputs), &mut packed.backward);
    }

    /// Images to planes, products and results, a few images at a time.
    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let (from, to, side) = (self.from, self.finish.to, self.finish.side_len());
        let (inputs, outputs) = (from.padded(), to.padded());
        let panels = panels_stride(from.channels, to.channels);
        let all = io.x.len() / from.len();
        for first in (0..all).step_by(self.images()) {
            let images = self.images().min(all - first);
            let tiles = self.tiles(images);
            let (planes, products) = io.scratch.split_at_mut(self.planes_len(images));
            self.planes(simd, images, &io.x[first * from.len()..], planes);
            self.each(tiles, |number, plane, row, rows| {
                let left = &planes[plane * tiles.stride(inputs) + row * inputs..];
                let out = &mut products[number * tiles.stride(outputs) + row * outputs..];
                product(
                    simd,
                    Out::new(out, outputs),
                    (rows, outputs, from.channels),
                    Left::new(left, inputs),
                    Right::Panels(&io.packed.forward[number * panels..]),
                );
            });
            let results = (
                &mut io.out[first * to.len()..],
                &mut io.side[first * side..],
            );
            self.results(simd, images, products, &io.packed.bias, results);
        }
    }

    /// Gradients of results to those of images, weights and biases, a few images at a time.
    fn backward<S: Simd>(&self, simd: S, mut io: Backward) {
        let (from, to, side) = (self.from, self.finish.to, self.finish.side_len());
        let (inputs, outputs) = (from.padded(), to.padded());
        let panels = panels_stride(to.channels, from.channels);
        let (_, bias_sum) = io.parameter_gradient.split_at_mut(self.taps_len());
        let all = io.x.len() / from.len();
        for first in (0..all).step_by(self.images()) {
            let images = self.images().min(all - first);
            let tiles = self.tiles(images);
            let (plane_len, product_len) = (tiles.stride(inputs), tiles.stride(outputs));
            let (planes, products) = io.scratch.split_at_mut(self.planes_len(images));
            self.planes(simd, images, &io.x[first * from.len()..], planes);
            let results = (
                &io.gradient[first * to.len()..],
                &io.out[first * to.len()..],
                &io.side[first * side..],
            );
            self.products(simd, images, results, bias_sum, products);
            let mut last = None;
            self.each(tiles, |number, plane, row, rows| {
                let out = &mut io.sums[number * self.product_len()..][..self.product_len()];
                let begins = last.replace(number) != Some(number) && io.first && first == 0;
                if begins && rows == 0 {
                    out.fill(0.0);
                }
                let left = &planes[plane * plane_len + row * inputs..];
                let right = &products[number * product_len + row * outputs..];
                product(
                    simd,
                    Out::new(out, outputs).accumulate(!begins),
                    (from.channels, outputs, rows),
                    Left::transposed(left, inputs),
                    Right::Rows(right, outputs),
                );
            });
            let Some(x_gradient) = &mut io.x_gradient else {
                continue;
            };
            // The planes are not read again: their gradients replace them.
            if PLANES < PRODUCTS {
                planes.fill(0.0);
            }
            self.each(tiles, |number, plane, row, rows| {
                let out = &mut planes[plane * plane_len + row * inputs..];
                let left = &products[number * product_len + row * outputs..];
                product(
                    simd,
                    Out::new(out, inputs).accumulate(PLANES < PRODUCTS),
                    (rows, inputs, to.channels),
                    Left::new(left, outputs),
                    Right::Panels(&io.packed.backward[number * panels..]),
                );
            });
            let x_gradient = &mut x_gradient[first * from.len()..][..images * from.len()];
            x_gradient.fill(0.0);
            self.inputs(simd, images, planes, x_gradient);
        }
    }

    fn finish_shard<S: Simd>(&self, simd: S, sums: &[f32], gradient: &mut [f32]) {
        Self::taps(simd, sums, self.product_len(), gradient);
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let (inputs, outputs) = (self.from.channels, self.finish.to.padded());
        let gradient = (gradient, self.taps_len());
        unpack_weight_and_bias(gradient, parameters, |taps, weight| {
            for (o, kernels) in weight.chunks_exact_mut(TAPS * TAPS * inputs).enumerate() {
                for (c, kernel) in kernels.chunks_exact_mut(TAPS * TAPS).enumerate() {
                    for (tap, value) in kernel.iter_mut().enumerate() {
                        *value = taps[tap * self.product_len() + c * outputs + o];
                    }
                }
            }
        });
    }
}
