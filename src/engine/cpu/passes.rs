//! The passes of fast convolutions: to planes, products and results, and back.

use pulp::Simd;

use super::axis::Axis;
use super::conv::{ConvGradients, ConvImages, ConvWeights, FastConv, panels_stride};
use super::product::{Left, Out, Right, product};
use super::tiles::{Square, Tiles};

impl<A, const IN: usize, const PLANES: usize, const PRODUCTS: usize, const OUT: usize>
    Square<A, IN, PLANES, PRODUCTS, OUT>
where
    A: Axis<IN, PLANES, PRODUCTS, OUT>,
{
    /// Calls `work` for each product and each run of rows that use it, with the product's number, its
    /// plane, the first row and the number of rows.
    fn each(
        conv: &FastConv,
        tiles: Tiles,
        images: usize,
        mut work: impl FnMut(usize, usize, usize, usize),
    ) {
        for i in 0..PRODUCTS {
            let down = Self::uses(i, conv.from.height);
            for j in 0..PRODUCTS {
                let across = Self::uses(j, conv.from.width);
                let (number, plane) = (i * PRODUCTS + j, A::PLANE[i] * PLANES + A::PLANE[j]);
                if across.len() == tiles.across {
                    let row = tiles.across * images;
                    work(number, plane, down.start * row, down.len() * row);
                } else {
                    for ty in down.clone() {
                        let first = (ty * tiles.across + across.start) * images;
                        work(number, plane, first, across.len() * images);
                    }
                }
            }
        }
    }

    /// Images to results, a few images at a time.
    pub fn forward<S: Simd>(
        conv: &FastConv,
        simd: S,
        weights: &ConvWeights,
        io: ConvImages,
        images: usize,
        scratch: &mut [f32],
    ) {
        let (from, to) = (conv.from, conv.finish.to);
        let tiles = conv.tiles();
        let (inputs, outputs) = (from.padded(), to.padded());
        let panels = panels_stride(from.channels, conv.out_channels);
        for first in (0..images).step_by(conv.images()) {
            let images = conv.images().min(images - first);
            let (planes, products) = scratch.split_at_mut(conv.planes_len(images));
            let (plane_len, product_len) =
                (tiles.stride(images, inputs), tiles.stride(images, outputs));
            let x = &io.x[first * from.len()..];
            Self::planes(simd, tiles, images, (x, from), planes);
            Self::each(conv, tiles, images, |number, plane, row, rows| {
                let left = &planes[plane * plane_len + row * inputs..];
                let out = &mut products[number * product_len + row * outputs..];
                let right = &weights.forward[number * panels..];
                let out = Out {
                    data: out,
                    row: outputs,
                    accumulate: false,
                };
                let left = Left {
                    data: left,
                    row: inputs,
                    step: 1,
                };
                let sizes = (rows, outputs, from.channels);
                product(simd, out, sizes, left, Right::Panels(right));
            });
            let out = &mut io.out[first * to.len()..];
            let pooled = match conv.finish.pool {
                true => &mut io.pooled[first * to.len()..],
                false => &mut [],
            };
            Self::results(
                simd,
                tiles,
                images,
                products,
                &conv.finish,
                (&weights.bias, out, pooled),
            );
        }
    }

    /// Gradients of results to those of images, weights and biases, a few images at a time.
    pub fn backward<S: Simd>(
        conv: &FastConv,
        simd: S,
        weights: &ConvWeights,
        mut io: ConvGradients,
        images: usize,
        scratch: &mut [f32],
    ) {
        let (from, to) = (conv.from, conv.finish.to);
        let tiles = conv.tiles();
        let (inputs, outputs) = (from.padded(), to.padded());
        let panels = panels_stride(conv.out_channels, from.channels);
        for first in (0..images).step_by(conv.images()) {
            let images = conv.images().min(images - first);
            let (planes, products) = scratch.split_at_mut(conv.planes_len(images));
            let (plane_len, product_len) =
                (tiles.stride(images, inputs), tiles.stride(images, outputs));
            let x = &io.x[first * from.len()..];
            Self::planes(simd, tiles, images, (x, from), planes);
            let results = (
                &io.gradient[first * to.len()..],
                &io.out[first * to.len()..],
                match conv.finish.pool {
                    true => &io.pooled[first * to.len()..],
                    false => &[],
                },
            );
            Self::products(
                simd,
                tiles,
                images,
                &conv.finish,
                results,
                io.bias,
                products,
            );
            let mut last = None;
            Self::each(conv, tiles, images, |number, plane, row, rows| {
                let out = &mut io.weights[number * conv.product_len()..][..conv.product_len()];
                let begins = last.replace(number) != Some(number) && !(io.accumulate || first > 0);
                if begins && rows == 0 {
                    out.fill(0.0);
                }
                let left = &planes[plane * plane_len + row * inputs..];
                let right = &products[number * product_len + row * outputs..];
                let out = Out {
                    data: out,
                    row: outputs,
                    accumulate: !begins,
                };
                let left = Left {
                    data: left,
                    row: 1,
                    step: inputs,
                };
                let sizes = (from.channels, outputs, rows);
                let right = Right::Rows {
                    data: right,
                    row: outputs,
                };
                product(simd, out, sizes, left, right);
            });
            let Some(x_gradient) = &mut io.x_gradient else {
                continue;
            };
            // The planes are not read again: their gradients replace them.
            if PLANES < PRODUCTS {
                planes.fill(0.0);
            }
            Self::each(conv, tiles, images, |number, plane, row, rows| {
                let out = &mut planes[plane * plane_len + row * inputs..];
                let left = &products[number * product_len + row * outputs..];
                let right = &weights.backward[number * panels..];
                let out = Out {
                    data: out,
                    row: inputs,
                    accumulate: PLANES < PRODUCTS,
                };
                let left = Left {
                    data: left,
                    row: outputs,
                    step: 1,
                };
                let sizes = (rows, inputs, conv.out_channels);
                product(simd, out, sizes, left, Right::Panels(right));
            });
            let x_gradient = &mut x_gradient[first * from.len()..][..images * from.len()];
            x_gradient.fill(0.0);
            Self::inputs(simd, tiles, images, planes, (x_gradient, from));
        }
    }
}
