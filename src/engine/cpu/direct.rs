//! Convolutions of any kernel and stride, and of upsampled images, as matrix products whose left operand is the images
//! themselves: a table says where the first tap of each result lies, another where all taps lie from there. So no
//! patches are copied.

use pulp::Simd;
use rayon::prelude::*;

use super::direct_offsets::DirectOffsets;
use super::expanded::{Expanded, Kernel};
use super::finish::Finish;
use super::finish_image::SumsLayout;
use super::layout::NhwcLayout;
use super::lines::{Lines, padded};
use super::product::{Left, Out, Places, Right, panels_len, product, put_row};
use super::shared::in_parts;
use super::step::{
    Backward, Forward, PackedWeights, Step, StepSizes, unpack_weight_and_bias, weight_and_bias,
};
use super::transpose::transpose;

/// Results that a product has at least, if there are images enough.
const ROWS: usize = 256;
/// Results whose gradients are multiplied with their taps at once, so that both stay in a core's own cache.
const DEPTH: usize = 512;

/// Results, or taps, of a product that one thread takes if threads share a step.
const PART: usize = 128;

/// A convolution of images that are first upsampled by `scale`; the stride is 1 then.
#[derive(Debug, Clone)]
pub(crate) struct DirectConv {
    pub from: NhwcLayout,
    pub scale: usize,
    pub finish: Finish,
    /// Without the upsampling.
    kernel: Expanded,
    offsets: DirectOffsets,
    /// Images of a product.
    images: usize,
}

impl DirectConv {
    /// For images without border in this layout. Images of few channels that are read from flat samples are narrow.
    pub fn new(from: NhwcLayout, kernel: Kernel, finish: Finish) -> Self {
        let channels = (from.channels, finish.to.channels);
        let expanded = Expanded::new(kernel, channels, from.shape());
        let (size, padding) = (expanded.size, expanded.padding);
        // The last taps of the last result.
        let side = |inputs: usize, size: usize, padding: usize| {
            let last = (inputs / kernel.stride).saturating_sub(1) * kernel.stride;
            (last + size).max(padding + inputs)
        };
        let from = NhwcLayout {
            before: padding,
            rows: side(from.height, size.0, padding.0),
            columns: side(from.width, size.1, padding.1),
            ..from
        };
        let area = from.shape().area() / (kernel.stride * kernel.stride);
        let images = ROWS.div_ceil(area.max(1)).min(16);
        Self {
            offsets: DirectOffsets::new(from, &expanded, kernel.stride, images),
            from,
            scale: kernel.scale,
            finish,
            kernel: expanded,
            images,
        }
    }

    /// Values of the sums at a place of the images, or of a result with stride 1.
    fn columns(&self) -> usize {
        self.kernel.columns()
    }

    /// Terms of each sum.
    fn depth(&self) -> usize {
        self.offsets.taps.len()
    }

    /// Length of the gradient of the weights, (tap and channel, column).
    fn weights_len(&self) -> usize {
        self.depth() * self.columns()
    }

    /// The sums of an image for the forward pass, and with the border that the backward pass needs.
    fn sums(&self) -> (SumsLayout, SumsLayout) {
        let plain = SumsLayout::plain(&self.finish, self.scale);
        let bordered = SumsLayout {
            before: self.offsets.before,
            squares: self.offsets.squares,
            ..plain
        };
        (plain, bordered)
    }
}

impl Step for DirectConv {
    fn sizes(&self) -> StepSizes {
        let (_, sums) = self.sums();
        StepSizes {
            x: self.from.len(),
            out: self.finish.to.len(),
            side: self.finish.side_len(),
            at_once: self.images,
            scratch: self.images * sums.places() * self.finish.to.padded(),
            gradient: self.weights_len() + padded(self.finish.to.channels),
            overwritten: self.weights_len(),
            is_convolution: true,
            ..StepSizes::default()
        }
    }

    fn pack<S: Simd>(&self, simd: S, parameters: &[&[f32]], packed: &mut PackedWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        packed.set_bias(bias, self.finish.to.channels);
        let weight = self.kernel.weights(weight);
        let (inputs, columns, area) = (self.from.channels, self.columns(), self.kernel.area());
        let (outputs, channels) = (self.kernel.outputs(), self.finish.to.channels);
        let row = inputs * area;
        packed.forward.reserve(panels_len(self.depth(), columns));
        // (in, tap, out).
        let mut by_input = Lines::zeros(row * outputs);
        transpose(
            simd,
            (outputs, row),
            (&weight, row),
            (&mut by_input, outputs),
        );
        let mut values = vec![0.0; columns];
        for term in 0..self.depth() {
            let from = &by_input[(term % inputs * area + term / inputs) * outputs..][..outputs];
            let results = values.chunks_exact_mut(padded(channels));
            for (values, from) in results.zip(from.chunks_exact(channels)) {
                values[..channels].copy_from_slice(from);
            }
            put_row(&mut packed.forward, (self.depth(), columns), term, &values);
        }
        // (out, tap, in).
        let mut by_output = Lines::zeros(row * outputs);
        for (from, to) in weight
            .chunks_exact(row)
            .zip(by_output.chunks_exact_mut(row))
        {
            transpose(simd, (inputs, area), (from, area), (to, inputs));
        }
        let phases = self.offsets.phases.iter();
        let lens = phases.map(|phase| panels_len(phase.steps.len(), inputs));
        packed.backward.reserve(lens.sum());
        let mut rest = &mut packed.backward[..];
        for phase in &self.offsets.phases {
            let sizes = (phase.steps.len(), inputs);
            let (here, behind) = rest.split_at_mut(panels_len(sizes.0, inputs));
            rest = behind;
            for (number, &tap) in phase.taps.iter().enumerate() {
                for output in 0..outputs {
                    let from = &by_output[output * row + tap * inputs..][..inputs];
                    put_row(here, sizes, number * outputs + output, from);
                }
            }
        }
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let gradient = (gradient, self.weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            self.kernel.unpack(weights, weight);
        });
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let (from, to, side) = (
            self.from.len(),
            self.finish.to.len(),
            self.finish.side_len(),
        );
        let (columns, (layout, _)) = (self.columns(), self.sums());
        let (places, len) = (
            self.offsets.places_of_image(),
            layout.places() * self.finish.to.padded(),
        );
        let all = io.x.len() / from;
        for first in (0..all).step_by(self.images) {
            let images = self.images.min(all - first);
            let rows = images * places;
            let (x, taps) = (&io.x[first * from..], Places::At(&self.offsets.taps));
            let part = if io.is_shared { PART } else { rows };
            let parts = io.scratch[..rows * columns].par_chunks_mut(part * columns);
            let parts = parts.zip(self.offsets.places[..rows].par_chunks(part));
            let cost = part * columns * self.depth();
            in_parts(io.is_shared, cost, parts, |(sums, places)| {
                product(
                    simd,
                    Out::new(sums, columns),
                    (places.len(), columns, self.depth()),
                    Left::at(x, Places::At(places), taps),
                    Right::Panels(&io.packed.forward),
                );
            });
            for (number, sums) in (first..first + images).zip(io.scratch.chunks_exact(len)) {
                self.finish.image::<S, 2>(
                    simd,
                    (sums, layout),
                    &io.packed.bias,
                    (
                        &mut io.out[number * to..][..to],
                        &mut io.side[number * side..][..side],
                    ),
                );
            }
        }
    }

    fn backward<S: Simd>(&self, simd: S, mut io: Backward) {
        let (from, to, side) = (
            self.from.len(),
            self.finish.to.len(),
            self.finish.side_len(),
        );
        let (columns, (_, layout)) = (self.columns(), self.sums());
        let (places, len) = (
            self.offsets.places_of_image(),
            layout.places() * self.finish.to.padded(),
        );
        let (weight_sum, bias_sum) = io.parameter_gradient.split_at_mut(self.weights_len());
        let offsets = &self.offsets;
        let all = io.x.len() / from;
        for first in (0..all).step_by(self.images) {
            let images = self.images.min(all - first);
            let sums = &mut io.scratch[..images * len];
            if offsets.has_border() {
                sums.fill(0.0);
            }
            for (number, sums) in (first..first + images).zip(sums.chunks_exact_mut(len)) {
                self.finish.image_gradient::<S, 2>(
                    simd,
                    (
                        &io.gradient[number * to..][..to],
                        &io.out[number * to..][..to],
                        &io.side[number * side..][..side],
                    ),
                    bias_sum,
                    (sums, layout),
                );
            }
            let x = &io.x[first * from..];
            let sums = &io.scratch[..images * len];
            let pairs = offsets.places[..images * places].chunks(DEPTH);
            let pairs = pairs.zip(offsets.sums[..images * places].chunks(DEPTH));
            for (number, (places, sum_places)) in pairs.enumerate() {
                let begins = io.first && first == 0 && number == 0;
                let part = if io.is_shared { PART } else { self.depth() };
                let parts = weight_sum.par_chunks_mut(part * columns);
                let parts = parts.zip(offsets.taps.par_chunks(part));
                let cost = part * columns * places.len();
                in_parts(io.is_shared, cost, parts, |(weight_sum, taps)| {
                    product(
                        simd,
                        Out::new(weight_sum, columns).accumulate(!begins),
                        (taps.len(), columns, places.len()),
                        Left::at(x, Places::At(taps), Places::At(places)),
                        Right::At(sums, sum_places),
                    );
                });
            }
            let Some(x_gradient) = &mut io.x_gradient else {
                continue;
            };
            let x_gradient = &mut x_gradient[first * from..][..images * from];
            if offsets.leaves_gaps {
                x_gradient.fill(0.0);
            }
            let part = if io.is_shared { 1 } else { images };
            let parts = x_gradient.par_chunks_mut(part * from);
            let parts = parts.zip(sums.par_chunks(part * len));
            let cost = part * places * columns * self.depth();
            in_parts(io.is_shared, cost, parts, |(x_gradient, sums)| {
                let images = x_gradient.len() / from;
                let mut panels = &io.packed.backward[..];
                for phase in &offsets.phases {
                    let depth = phase.steps.len();
                    let rows = images * phase.places_of_image;
                    let (inputs, steps) = (&phase.inputs[..rows], Places::At(&phase.steps));
                    product(
                        simd,
                        Out::at(x_gradient, Places::At(inputs)),
                        (rows, self.from.padded(), depth),
                        Left::at(sums, Places::At(&phase.sums[..rows]), steps),
                        Right::Panels(panels),
                    );
                    panels = &panels[panels_len(depth, self.from.channels)..];
                }
            });
        }
    }
}
