//! Fully connected layers.

use pulp::Simd;

use super::flat::{add, transpose};
use super::lines::padded;
use super::product::{Left, Out, Right, product};
use super::step::{Backward, Forward, Step, unpack_weight_and_bias, weight_and_bias};

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
    type Packed = ();

    fn x_len(&self) -> usize {
        self.inputs
    }

    fn out_len(&self) -> usize {
        self.outputs
    }

    fn scratch(&self, samples: usize) -> usize {
        padded((self.inputs + self.outputs) * samples)
    }

    fn gradient_len(&self) -> usize {
        self.weights_len() + if self.bias { padded(self.outputs) } else { 0 }
    }

    fn overwritten(&self) -> usize {
        self.weights_len()
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let gradient = (gradient, self.weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            weight.copy_from_slice(&weights[..weight.len()]);
        });
    }

    fn forward<S: Simd>(&self, simd: S, (_, parameters): (&(), &[&[f32]]), io: Forward) -> f64 {
        let (weight, bias) = weight_and_bias(parameters);
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
        transpose(out_t, samples, io.out);
        0.0
    }

    fn backward<S: Simd>(&self, simd: S, (_, parameters): (&(), &[&[f32]]), io: Backward) {
        let (weight, _) = weight_and_bias(parameters);
        let (weight_sum, bias_sum) = io.parameters.split_at_mut(self.weights_len());
        let (inputs, outputs) = (self.inputs, self.outputs);
        let samples = io.x.len() / inputs;
        product(
            simd,
            Out {
                data: weight_sum,
                row: inputs,
                accumulate: !io.first,
            },
            (outputs, inputs, samples),
            Left {
                data: io.gradient,
                row: 1,
                step: outputs,
            },
            Right::Rows {
                data: io.x,
                row: inputs,
            },
        );
        if self.bias {
            for row in io.gradient.chunks_exact(outputs) {
                add(simd, &mut bias_sum[..outputs], row);
            }
        }
        if let Some(x_gradient) = io.x_gradient {
            product(
                simd,
                Out {
                    data: x_gradient,
                    row: inputs,
                    accumulate: false,
                },
                (samples, inputs, outputs),
                Left {
                    data: io.gradient,
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
