//! Fully connected layers.

use pulp::Simd;
use rayon::prelude::*;

use super::dots::{FEW, dots};
use super::flat::add;
use super::lines::{LINE, padded};
use super::product::{Left, Out, Right, product};
use super::shared::{WORTH_A_THREAD, in_parts};
use super::step::{Backward, Forward, Step, StepSizes, unpack_weight_and_bias, weight_and_bias};
use super::transpose::transpose;

/// x W^T + b with W (outputs, inputs), read as it is: the samples are transposed for the product instead
/// of the weights, as they are fewer. Threads can share the products; each result is the sum of one of them.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    pub inputs: usize,
    pub outputs: usize,
    pub bias: bool,
}

impl Dense {
    /// Length of the gradient of the weights.
    fn weights_len(&self) -> usize {
        padded(self.inputs * self.outputs)
    }

    /// Length of a part, a multiple of `LINE`, of the `count` rows or columns of a product that one thread takes.
    fn part(&self, count: usize, samples: usize, is_shared: bool) -> usize {
        if !is_shared {
            return count.max(1);
        }
        let work = (self.inputs * self.outputs * samples).div_ceil(count);
        let threads = rayon::current_num_threads();
        padded(count.div_ceil(threads).max(WORTH_A_THREAD / work.max(1)))
    }
}

impl Step for Dense {
    fn sizes(&self) -> StepSizes {
        let biases = if self.bias { padded(self.outputs) } else { 0 };
        StepSizes {
            x: self.inputs,
            out: self.outputs,
            at_once: usize::MAX,
            scratch: LINE * (self.inputs + self.outputs),
            sample_scratch: self.inputs + self.outputs,
            gradient: self.weights_len() + biases,
            overwritten: self.weights_len(),
            ..StepSizes::default()
        }
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let gradient = (gradient, self.weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            weight.copy_from_slice(&weights[..weight.len()]);
        });
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let (weight, bias) = weight_and_bias(io.parameters);
        let (inputs, outputs) = (self.inputs, self.outputs);
        let samples = io.x.len() / inputs;
        let part = self.part(outputs, samples, io.is_shared);
        let weights = weight.par_chunks(part * inputs);
        // These have other bits than the products, and inference must not depend on the number of samples.
        let by_dots = io.trains && samples <= FEW;
        // Columns of zeros fill the last vector.
        let columns = if by_dots { samples } else { padded(samples) };
        let (x_t, rest) = io.scratch.split_at_mut(inputs * columns);
        let out_t = &mut rest[..outputs * columns];
        let parts = out_t.par_chunks_mut(part * columns).zip(weights);
        if by_dots {
            in_parts(io.is_shared, WORTH_A_THREAD, parts, |(out_t, weight)| {
                let sizes = (weight.len() / inputs, samples, inputs);
                dots(simd, out_t, sizes, weight, io.x);
            });
        } else {
            transpose(simd, (samples, inputs), (io.x, inputs), (x_t, columns));
            for row in x_t.chunks_exact_mut(columns) {
                row[samples..].fill(0.0);
            }
            in_parts(io.is_shared, WORTH_A_THREAD, parts, |(out_t, weight)| {
                product(
                    simd,
                    Out::new(out_t, columns),
                    (weight.len() / inputs, columns, inputs),
                    Left::new(weight, inputs),
                    Right::Rows(x_t, columns),
                );
            });
        }
        transpose(
            simd,
            (outputs, samples),
            (out_t, columns),
            (io.out, outputs),
        );
        if self.bias {
            for row in io.out.chunks_exact_mut(outputs) {
                add(simd, row, bias);
            }
        }
    }

    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        let (weight, _) = weight_and_bias(io.parameters);
        let (weight_sum, bias_sum) = io.parameter_gradient.split_at_mut(self.weights_len());
        let (inputs, outputs) = (self.inputs, self.outputs);
        let samples = io.x.len() / inputs;
        let part = self.part(outputs, samples, io.is_shared);
        let weight_sum = &mut weight_sum[..outputs * inputs];
        let parts = weight_sum.par_chunks_mut(part * inputs).enumerate();
        in_parts(io.is_shared, WORTH_A_THREAD, parts, |(number, sum)| {
            let sizes = (sum.len() / inputs, inputs, samples);
            product(
                simd,
                Out::new(sum, inputs).accumulate(!io.first),
                sizes,
                Left::transposed(io.gradient, outputs).skip_rows(number * part),
                Right::Rows(io.x, inputs),
            );
        });
        if self.bias {
            for row in io.gradient.chunks_exact(outputs) {
                add(simd, &mut bias_sum[..outputs], row);
            }
        }
        let Some(x_gradient) = io.x_gradient else {
            return;
        };
        let gradient = Left::new(io.gradient, outputs);
        let part = self.part(inputs, samples, io.is_shared);
        if part >= inputs {
            let weight = Right::Rows(weight, inputs);
            let out = Out::new(x_gradient, inputs);
            return product(simd, out, (samples, inputs, outputs), gradient, weight);
        }
        // Each part has its columns to itself first.
        let columns = &mut io.scratch[..samples * inputs];
        let parts = columns.par_chunks_mut(samples * part).enumerate();
        in_parts(true, WORTH_A_THREAD, parts, |(number, out)| {
            let width = out.len() / samples;
            product(
                simd,
                Out::new(out, width),
                (samples, width, outputs),
                gradient,
                Right::Rows(&weight[number * part..], inputs),
            );
        });
        for (number, columns) in columns.chunks(samples * part).enumerate() {
            let width = columns.len() / samples;
            let rows = x_gradient.chunks_exact_mut(inputs);
            for (row, columns) in rows.zip(columns.chunks_exact(width)) {
                row[number * part..][..width].copy_from_slice(columns);
            }
        }
    }
}
