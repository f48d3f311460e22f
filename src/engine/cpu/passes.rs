//! The passes of fast convolutions: to planes, products and results, and back.

use std::ops::Range;

use pulp::Simd;
use rayon::prelude::*;

use super::axis::Axis;
use super::conv::{FastConv, panels_stride};
use super::product::{Left, Out, Right, product};
use super::shared::{Divided, in_parts, with_scratch};
use super::step::{
    Backward, Forward, PackedWeights, Step, StepSizes, unpack_weight_and_bias, weight_and_bias,
};
use super::tile_rows::Tiles;
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
    /// The runs of rows that use a product: the first row and the number of rows of each.
    fn runs(&self, tiles: Tiles, (i, j): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
        let down = Self::uses(i, self.from.height);
        let bottom = down.end.min(tiles.top + tiles.down);
        let down = down.start.max(tiles.top)..bottom;
        let across = Self::uses(j, self.from.width);
        let (first, len) = (across.start * tiles.images, across.len() * tiles.images);
        let row = tiles.across * tiles.images;
        let (step, len) = match across.len() == tiles.across {
            true => (down.len().max(1), down.len() * row),
            false => (1, len),
        };
        let down = if len == 0 { 0..0 } else { down };
        down.step_by(step)
            .map(move |ty| ((ty - tiles.top) * row + first, len))
    }

    /// Working memory for these tiles.
    fn scratch_len(&self, tiles: Tiles) -> usize {
        let products = tiles.stride(self.finish.to.padded());
        self.planes_len(tiles) + PRODUCTS * PRODUCTS * products
    }

    /// The forward pass of some tiles, from the first of these images on; threads that wait for work may take parts of its
    /// products.
    ///
    /// # Safety
    /// No other thread may work on the same tiles of these images.
    unsafe fn forward_part<S: Simd>(
        &self,
        simd: S,
        ((first, tiles), is_shared): ((usize, Tiles), bool),
        (x, packed): (&[f32], &PackedWeights),
        scratch: &mut [f32],
        (out, side): (Divided, Divided),
    ) {
        let (from, to) = (self.from, self.finish.to);
        let (inputs, outputs) = (from.padded(), to.padded());
        let panels = panels_stride(from.channels, to.channels);
        let (planes, products) = scratch.split_at_mut(self.planes_len(tiles));
        self.planes(simd, tiles, &x[first * from.len()..], planes);
        let work = tiles.rows() * outputs * from.channels;
        let parts = products.par_chunks_mut(tiles.stride(outputs));
        let parts = parts.take(PRODUCTS * PRODUCTS).enumerate();
        in_parts(is_shared, work, parts, |(number, products)| {
            let (i, j) = (number / PRODUCTS, number % PRODUCTS);
            let plane = A::PLANE[i] * PLANES + A::PLANE[j];
            for (row, rows) in self.runs(tiles, (i, j)) {
                product(
                    simd,
                    Out::new(&mut products[row * outputs..], outputs),
                    (rows, outputs, from.channels),
                    Left::new(
                        &planes[plane * tiles.stride(inputs) + row * inputs..],
                        inputs,
                    ),
                    Right::Panels(&packed.forward[number * panels..]),
                );
            }
        });
        let side = side.after(first * self.finish.side_len());
        let results = (out.after(first * to.len()), side);
        // SAFETY: the caller sees to it that the tiles are nobody else's.
        unsafe { self.results(simd, tiles, products, &packed.bias, results) };
    }

    /// The products that read a plane.
    fn products_of(plane: usize) -> impl Iterator<Item = (usize, usize)> {
        let of = |plane| (0..PRODUCTS).filter(move |&product| A::PLANE[product] == plane);
        of(plane / PLANES).flat_map(move |i| of(plane % PLANES).map(move |j| (i, j)))
    }

    /// Tiles that use product `p` on an axis of this many inputs.
    pub(super) fn uses(p: usize, inputs: usize) -> Range<usize> {
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
        let tiles = self.at_once();
        StepSizes {
            x: self.from.len(),
            out: self.finish.to.len(),
            side: self.finish.side_len(),
            at_once: tiles.images,
            scratch: self.scratch_len(tiles),
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
        let area = self.kernel * self.kernel;
        assert!(weight.len() == outputs * inputs * area && bias.len() <= outputs);
        packed.set_bias(bias, outputs);
        let inputs = Walk {
            count: inputs,
            stride: area,
        };
        let outputs = Walk {
            count: outputs,
            stride: inputs.count * area,
        };
        Self::weights(
            simd,
            (weight, self.kernel),
            (inputs, outputs),
            &mut packed.forward,
        );
        Self::weights(
            simd,
            (weight, self.kernel),
            (outputs, inputs),
            &mut packed.backward,
        );
    }

    /// Images to planes, products and results, a few images or rows at a time.
    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let all = io.x.len() / self.from.len();
        let memory = (Divided::new(io.out), Divided::new(io.side));
        let read = (io.x, io.packed);
        let parts: Vec<_> = self.parts(all).collect();
        if io.is_shared && parts.len() > 1 {
            let len = self.scratch_len(self.at_once());
            parts.into_par_iter().for_each(|part| {
                // SAFETY: the parts have different tiles.
                with_scratch(len, |scratch| unsafe {
                    self.forward_part(simd, (part, false), read, scratch, memory);
                });
            });
            return;
        }
        for part in parts {
            // SAFETY: nobody else writes the results.
            unsafe { self.forward_part(simd, (part, io.is_shared), read, io.scratch, memory) };
        }
    }

    /// Gradients of results to those of images, weights and biases, a few images or rows at a time.
    fn backward<S: Simd>(&self, simd: S, mut io: Backward) {
        let (from, to, side) = (self.from, self.finish.to, self.finish.side_len());
        let (inputs, outputs) = (from.padded(), to.padded());
        let panels = panels_stride(to.channels, from.channels);
        let (_, bias_sum) = io.parameter_gradient.split_at_mut(self.taps_len());
        let all = io.x.len() / from.len();
        for (first, tiles) in self.parts(all) {
            let (plane_len, product_len) = (tiles.stride(inputs), tiles.stride(outputs));
            let (planes, products) = io.scratch.split_at_mut(self.planes_len(tiles));
            self.planes(simd, tiles, &io.x[first * from.len()..], planes);
            let results = (
                &io.gradient[first * to.len()..],
                &io.out[first * to.len()..],
                &io.side[first * side..],
            );
            self.products(simd, tiles, results, bias_sum, products);
            let work = tiles.rows() * outputs * from.channels;
            let begins = io.first && first == 0 && tiles.top == 0;
            let sums = io.sums.par_chunks_mut(self.product_len()).enumerate();
            in_parts(io.is_shared, work, sums, |(number, sums)| {
                let (i, j) = (number / PRODUCTS, number % PRODUCTS);
                let plane = A::PLANE[i] * PLANES + A::PLANE[j];
                let mut begins = begins;
                for (row, rows) in self.runs(tiles, (i, j)) {
                    product(
                        simd,
                        Out::new(sums, outputs).accumulate(!begins),
                        (from.channels, outputs, rows),
                        Left::transposed(&planes[plane * plane_len + row * inputs..], inputs),
                        Right::Rows(&products[number * product_len + row * outputs..], outputs),
                    );
                    begins = false;
                }
                if begins {
                    sums.fill(0.0);
                }
            });
            let Some(x_gradient) = &mut io.x_gradient else {
                continue;
            };
            // The planes are not read again: their gradients replace them.
            let work = tiles.rows() * inputs * to.channels;
            let parts = planes.par_chunks_mut(plane_len).take(PLANES * PLANES);
            in_parts(io.is_shared, work, parts.enumerate(), |(plane, planes)| {
                if PLANES < PRODUCTS {
                    planes.fill(0.0);
                }
                for (i, j) in Self::products_of(plane) {
                    let number = i * PRODUCTS + j;
                    for (row, rows) in self.runs(tiles, (i, j)) {
                        product(
                            simd,
                            Out::new(&mut planes[row * inputs..], inputs)
                                .accumulate(PLANES < PRODUCTS),
                            (rows, inputs, to.channels),
                            Left::new(&products[number * product_len + row * outputs..], outputs),
                            Right::Panels(&io.packed.backward[number * panels..]),
                        );
                    }
                }
            });
            let x_gradient = &mut x_gradient[first * from.len()..][..tiles.images * from.len()];
            if tiles.top == 0 {
                x_gradient.fill(0.0);
            }
            self.inputs(simd, tiles, planes, x_gradient);
        }
    }

    fn finish_shard<S: Simd>(&self, simd: S, sums: &[f32], gradient: &mut [f32]) {
        Self::taps(simd, sums, self.product_len(), gradient);
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let (inputs, outputs) = (self.from.channels, self.finish.to.padded());
        let gradient = (gradient, self.taps_len());
        unpack_weight_and_bias(gradient, parameters, |taps, weight| {
            let (area, before) = (self.kernel * self.kernel, (self.kernel - TAPS) / 2);
            if before > 0 {
                weight.fill(0.0);
            }
            for (o, kernels) in weight.chunks_exact_mut(area * inputs).enumerate() {
                for (c, kernel) in kernels.chunks_exact_mut(area).enumerate() {
                    let rows = kernel.chunks_exact_mut(self.kernel).skip(before).take(TAPS);
                    let values = rows.flat_map(|row| &mut row[before..][..TAPS]);
                    for (tap, value) in values.enumerate() {
                        *value = taps[tap * self.product_len() + c * outputs + o];
                    }
                }
            }
        });
    }
}
