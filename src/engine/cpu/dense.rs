//! Fully connected layers.

use pulp::Simd;

use super::flat::{add, transpose};
use super::lines::padded;
use super::product::{Left, Out, Right, product};

/// x W^T + b with W (outputs, inputs), read as it is: not the weights are transposed for the product, but
/// the samples, which are fewer.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    pub inputs: usize,
    pub outputs: usize,
    pub bias: bool,
}

impl Dense {
    /// Of so many samples.
    pub fn scratch(&self, samples: usize) -> usize {
        padded((self.inputs + self.outputs) * samples)
    }

    pub fn forward<S: Simd>(
        &self,
        simd: S,
        (weight, bias): (&[f32], &[f32]),
        (x, out): (&[f32], &mut [f32]),
        scratch: &mut [f32],
    ) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let samples = x.len() / inputs;
        let (x_t, rest) = scratch.split_at_mut(inputs * samples);
        let out_t = &mut rest[..outputs * samples];
        transpose(x, inputs, x_t);
        for (row, &bias) in out_t.chunks_exact_mut(samples).zip(bias) {
            row.fill(bias);
        }
        product(
            simd,
            Out {
                data: out_t,
                row: samples,
                accumulate: self.bias,
            },
            (outputs, samples, inputs),
            Left {
                data: weight,
                row: inputs,
                step: 1,
            },
            Right::Rows {
                data: x_t,
                row: samples,
            },
        );
        transpose(out_t, samples, out);
    }

    /// Adds to the gradients of weights (outputs, inputs) and biases; writes that of the samples.
    pub fn backward<S: Simd>(
        &self,
        simd: S,
        weight: &[f32],
        (x, gradient): (&[f32], &[f32]),
        x_gradient: Option<&mut [f32]>,
        (weight_sum, bias_sum): (&mut [f32], &mut [f32]),
        accumulate: bool,
    ) {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let samples = x.len() / inputs;
        product(
            simd,
            Out {
                data: weight_sum,
                row: inputs,
                accumulate,
            },
            (outputs, inputs, samples),
            Left {
                data: gradient,
                row: 1,
                step: outputs,
            },
            Right::Rows {
                data: x,
                row: inputs,
            },
        );
        if self.bias {
            for row in gradient.chunks_exact(outputs) {
                add(simd, &mut bias_sum[..outputs], row);
            }
        }
        if let Some(x_gradient) = x_gradient {
            product(
                simd,
                Out {
                    data: x_gradient,
                    row: inputs,
                    accumulate: false,
                },
                (samples, inputs, outputs),
                Left {
                    data: gradient,
                    row: outputs,
                    step: 1,
                },
                Right::Rows {
                    data: weight,
                    row: inputs,
                },
            );
        }
    }
}
