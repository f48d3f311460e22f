//! A two-layer network with hand-written gradients, in f64: for tutorials that write their own gradients,
//! some of them wrong.

use std::ops::RangeInclusive;

use rayon::prelude::*;

use crate::random::{Purpose, Stream};

/// An activation and the derivative that a tutorial uses: `value` is a function of the input, `slope` of
/// the activation's value.
#[derive(Clone, Copy)]
pub struct Curve {
    pub value: fn(f64) -> f64,
    pub slope: fn(f64) -> f64,
}

/// `output(hidden(scale * (x W1) + b1) W2 + b2)`.
pub struct TwoLayers {
    hidden: Curve,
    output: Curve,
    /// Multiplies `x W1`; also its gradient if `scale_in_gradient` is set, which is correct.
    pub scale: f64,
    pub scale_in_gradient: bool,
    /// Whether to train the biases.
    pub biases: bool,
    layers: [Layer; 2],
}

/// Weights `(in, out)`, row-major, and biases, or their gradients.
struct Layer {
    weights: Vec<f64>,
    bias: Vec<f64>,
}

impl Layer {
    /// `curve(scale * (row W) + b)`.
    fn forward(&self, row: &[f64], scale: f64, curve: Curve) -> Vec<f64> {
        let mut sums = vec![0.0; self.bias.len()];
        for (x, weights) in row.iter().zip(self.weights.chunks(self.bias.len())) {
            for (sum, w) in sums.iter_mut().zip(weights) {
                *sum += x * w;
            }
        }
        for (sum, bias) in sums.iter_mut().zip(&self.bias) {
            *sum = (curve.value)(scale * *sum + bias);
        }
        sums
    }

    /// Adds the gradients of one row, given those of the sums `row W + b`.
    fn add_gradients(&mut self, row: &[f64], scale: f64, delta: &[f64]) {
        for (x, sums) in row.iter().zip(self.weights.chunks_mut(delta.len())) {
            for (sum, d) in sums.iter_mut().zip(delta) {
                *sum += scale * x * d;
            }
        }
        for (sum, d) in self.bias.iter_mut().zip(delta) {
            *sum += d;
        }
    }
}

impl TwoLayers {
    /// Weights from a normal distribution with this deviation, zero biases.
    pub fn new(sizes: [usize; 3], hidden: Curve, output: Curve, deviation: f64, seed: u64) -> Self {
        let [input, code, out] = sizes;
        let layer = |number: u64, input: usize, output: usize| {
            let mut values = vec![0f32; input * output];
            Stream::new(seed, Purpose::Init, 0, number).fill_normal(&mut values);
            let values = values.into_iter().map(|v| deviation * f64::from(v));
            Layer {
                weights: values.collect(),
                bias: vec![0.0; output],
            }
        };
        Self {
            hidden,
            output,
            scale: 1.0,
            scale_in_gradient: true,
            biases: false,
            layers: [layer(1, input, code), layer(2, code, out)],
        }
    }

    /// The code and the reconstruction of one row.
    fn forward(&self, row: &[f64]) -> [Vec<f64>; 2] {
        let [encoder, decoder] = &self.layers;
        let code = encoder.forward(row, self.scale, self.hidden);
        let back = decoder.forward(&code, 1.0, self.output);
        [code, back]
    }

    /// Rows that are their own targets: as many values as the output layer has biases.
    fn rows<'a>(&self, rows: &'a [f64]) -> impl Iterator<Item = &'a [f64]> {
        rows.chunks(self.layers[1].bias.len())
    }

    /// The reconstructions of rows.
    pub fn reconstruct(&self, rows: &[f64]) -> Vec<f64> {
        self.rows(rows)
            .flat_map(|row| {
                let [_, back] = self.forward(row);
                back
            })
            .collect()
    }

    /// The sum of squared errors over rows that are their own targets.
    pub fn squared_error(&self, rows: &[f64]) -> f64 {
        self.rows(rows)
            .map(|row| {
                let [_, back] = self.forward(row);
                let squares = back.iter().zip(row).map(|(y, t)| (y - t).powi(2));
                squares.sum::<f64>()
            })
            .sum()
    }

    /// The gradients of half the sum of squared errors over rows that are their own targets.
    fn gradients(&self, rows: &[f64]) -> [Layer; 2] {
        let mut sums = self.layers.each_ref().map(|layer| Layer {
            weights: vec![0.0; layer.weights.len()],
            bias: vec![0.0; layer.bias.len()],
        });
        let scale = if self.scale_in_gradient {
            self.scale
        } else {
            1.0
        };
        for row in self.rows(rows) {
            let [code, back] = self.forward(row);
            let delta: Vec<f64> = (back.iter().zip(row))
                .map(|(&y, t)| (y - t) * (self.output.slope)(y))
                .collect();
            let weights = self.layers[1].weights.chunks(delta.len());
            let code_delta: Vec<f64> = (code.iter().zip(weights))
                .map(|(&c, weights)| {
                    let sum: f64 = weights.iter().zip(&delta).map(|(w, d)| w * d).sum();
                    sum * (self.hidden.slope)(c)
                })
                .collect();
            let [encoder, decoder] = &mut sums;
            decoder.add_gradients(&code, 1.0, &delta);
            encoder.add_gradients(row, scale, &code_delta);
        }
        sums
    }

    /// One gradient step.
    fn step(&mut self, rows: &[f64], rate: f64) {
        let descend = |values: &mut [f64], gradients: &[f64]| {
            for (value, gradient) in values.iter_mut().zip(gradients) {
                *value -= rate * gradient;
            }
        };
        let gradients = self.gradients(rows);
        for (layer, gradients) in self.layers.iter_mut().zip(&gradients) {
            descend(&mut layer.weights, &gradients.weights);
            if self.biases {
                descend(&mut layer.bias, &gradients.bias);
            }
        }
    }
}

/// Full-batch gradient descent from each seed's network; `measure` sees it before the first step and after the last.
pub fn descend<M: Send>(
    seeds: RangeInclusive<u64>,
    start: impl Fn(u64) -> TwoLayers + Sync,
    rows: &[f64],
    rate: f64,
    steps: usize,
    measure: impl Fn(&TwoLayers) -> M + Sync,
) -> Vec<[M; 2]> {
    let run = |seed| {
        let mut network = start(seed);
        let first = measure(&network);
        for _ in 0..steps {
            network.step(rows, rate);
        }
        [first, measure(&network)]
    };
    seeds.into_par_iter().map(run).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use super::*;
    use crate::ops;

    const SIGMOID: Curve = Curve {
        value: |z| 1.0 / (1.0 + (-z).exp()),
        slope: |s| s * (1.0 - s),
    };

    /// The gradients by candle's automatic differentiation of the same formula.
    #[test]
    fn the_gradients_are_those_of_automatic_differentiation() {
        let mut network = TwoLayers::new([4, 3, 4], SIGMOID, SIGMOID, 0.7, 5);
        network.scale = 0.3;
        let rows: Vec<f64> = (0..20).map(|v| f64::from(v * 7 % 11) / 10.0).collect();
        let tensor = |values: &[f64], shape: (usize, usize)| {
            Tensor::from_slice(values, shape, &Device::Cpu).unwrap()
        };
        let shapes = [(4, 3), (3, 4)];
        let [[w1, b1], [w2, b2]] = [0, 1].map(|place| {
            let (layer, (input, output)) = (&network.layers[place], shapes[place]);
            let weights = tensor(&layer.weights, (input, output));
            [weights, tensor(&layer.bias, (1, output))].map(|t| Var::from_tensor(&t).unwrap())
        });
        let x = tensor(&rows, (5, 4));
        let linear = |x: &Tensor, w: &Var, b: &Var, scale: f64| {
            let sums = (x.matmul(w).unwrap() * scale).unwrap();
            sums.broadcast_add(b).unwrap()
        };
        let code = ops::sigmoid(&linear(&x, &w1, &b1, 0.3)).unwrap();
        let back = ops::sigmoid(&linear(&code, &w2, &b2, 1.0)).unwrap();
        let loss = ((back - &x).unwrap().sqr().unwrap().sum_all().unwrap() * 0.5).unwrap();
        let store = loss.backward().unwrap();

        let squared = network.squared_error(&rows);
        assert!((squared - 2.0 * loss.to_scalar::<f64>().unwrap()).abs() < 1e-12);
        let [first, second] = network.gradients(&rows);
        for (var, found) in [
            (&w1, &first.weights),
            (&w2, &second.weights),
            (&b1, &first.bias),
            (&b2, &second.bias),
        ] {
            let expected = store.get(var).unwrap().flatten_all().unwrap();
            let expected: Vec<f64> = expected.to_vec1().unwrap();
            assert!(expected.iter().any(|v| v.abs() > 1e-3));
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
            }
        }
    }
}
