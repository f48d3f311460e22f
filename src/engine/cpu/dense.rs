//! Fully connected layers.

use pulp::Simd;

use super::flat::{add, transpose};
use super::lines::padded;
use super::product::{Left, Out, Right, product};
use super::step::{Backward, Forward, Step, StepSizes, unpack_weight_and_bias, weight_and_bias};

/// x W^T + b with W (outputs, inputs), read as it is: the samples are transposed for the product instead
/// of the weights, as they are fewer.
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
}

impl Step for Dense {
    fn sizes(&self) -> StepSizes {
        let biases = if self.bias { padded(self.outputs) } else { 0 };
        StepSizes {
            x: self.inputs,
            out: self.outputs,
            at_once: usize::MAX,
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
        let (x_t, rest) = io.scratch.split_at_mut(inputs * samples);
        let out_t = &mut rest[..outputs * samples];
        transpose(io.x, inputs, x_t);
        for (row, &bias) in out_t.chunks_exact_mut(samples).zip(bias) {
            row.fill(bias);
        }
        product(
            simd,
            Out::new(out_t, samples).accumulate(self.bias),
            (outputs, samples, inputs),
            Left::new(weight, inputs),
            Right::Rows(x_t, samples),
        );
        transpose(out_t, samples, io.out);
    }

    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        let (weight, _) = weight_and_bias(io.parameters);
        let (weight_sum, bias_sum) = io.parameter_gradient.split_at_mut(self.weights_len());
        let (inputs, outputs) = (self.inputs, self.outputs);
        let samples = io.x.len() / inputs;
        product(
            simd,
            Out::new(weight_sum, inputs).accumulate(!io.first),
            (outputs, inputs, samples),
            Left::transposed(io.gradient, outputs),
            Right::Rows(io.x, inputs),
        );
        if self.bias {
            for row in io.gradient.chunks_exact(outputs) {
                add(simd, &mut bias_sum[..outputs], row);
            }
        }
        if let Some(x_gradient) = io.x_gradient {
            product(
                simd,
                Out::new(x_gradient, inputs),
                (samples, inputs, outputs),
                Left::new(io.gradient, outputs),
                Right::Rows(weight, inputs),
            );
        }
    }
}
