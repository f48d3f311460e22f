//! A two-layer network with hand-written gradients, in f64: for tutorials that write their own gradients,
//! some of them wrong.

use crate::random::{Purpose, Stream};

/// An activation and the derivative that a tutorial uses: `value` is a function of the input, `slope` of
/// the activation's value.
#[derive(Clone, Copy)]
pub struct Curve {
    pub value: fn(f64) -> f64,
    pub slope: fn(f64) -> f64,
}

/// `output(hidden(scale * (x W1) + b1) W2 + b2)`.
#[derive(Clone)]
pub struct TwoLayers {
    pub hidden: Curve,
    pub output: Curve,
    /// Multiplies `x W1`; also its gradient if `scale_in_gradient` is set, which is correct.
    pub scale: f64,
    pub scale_in_gradient: bool,
    pub biases: bool,
    sizes: [usize; 3],
    first: Vec<f64>,
    second: Vec<f64>,
    first_bias: Vec<f64>,
    second_bias: Vec<f64>,
}

/// The gradients of half the sum of squared errors.
pub struct Gradients {
    pub first: Vec<f64>,
    pub second: Vec<f64>,
    pub first_bias: Vec<f64>,
    pub second_bias: Vec<f64>,
}

impl TwoLayers {
    /// Weights from a normal distribution with this deviation, zero biases.
    pub fn new(sizes: [usize; 3], hidden: Curve, output: Curve, deviation: f64, seed: u64) -> Self {
        let [input, code, out] = sizes;
        let draw = |layer: u64, count: usize| {
            let mut values = vec![0f32; count];
            Stream::new(seed, Purpose::Init, 0, layer).fill_normal(&mut values);
            values
                .into_iter()
                .map(|v| deviation * f64::from(v))
                .collect()
        };
        Self {
            hidden,
            output,
            scale: 1.0,
            scale_in_gradient: true,
            biases: false,
            sizes,
            first: draw(1, input * code),
            second: draw(2, code * out),
            first_bias: vec![0.0; code],
            second_bias: vec![0.0; out],
        }
    }

    /// The code of one row.
    pub fn code(&self, row: &[f64]) -> Vec<f64> {
        let sums = product(row, &self.first, self.sizes[1]);
        let with_bias = |(sum, bias): (f64, &f64)| (self.hidden.value)(self.scale * sum + bias);
        sums.into_iter()
            .zip(&self.first_bias)
            .map(with_bias)
            .collect()
    }

    /// The reconstruction from a code.
    pub fn decode(&self, code: &[f64]) -> Vec<f64> {
        let sums = product(code, &self.second, self.sizes[2]);
        let with_bias = |(sum, bias): (f64, &f64)| (self.output.value)(sum + bias);
        sums.into_iter()
            .zip(&self.second_bias)
            .map(with_bias)
            .collect()
    }

    /// The reconstruction of one row.
    pub fn reconstruct(&self, row: &[f64]) -> Vec<f64> {
        self.decode(&self.code(row))
    }

    /// The sum of squared errors over rows that are their own targets.
    pub fn squared_error(&self, rows: &[f64]) -> f64 {
        rows.chunks(self.sizes[0])
            .map(|row| {
                let back = self.reconstruct(row);
                row.iter()
                    .zip(back)
                    .map(|(t, y)| (y - t).powi(2))
                    .sum::<f64>()
            })
            .sum()
    }

    /// The gradients over rows that are their own targets, and the sum of squared errors.
    pub fn gradients(&self, rows: &[f64]) -> (Gradients, f64) {
        let mut sums = Gradients {
            first: vec![0.0; self.first.len()],
            second: vec![0.0; self.second.len()],
            first_bias: vec![0.0; self.first_bias.len()],
            second_bias: vec![0.0; self.second_bias.len()],
        };
        let mut squared = 0.0;
        let [_, code_size, out] = self.sizes;
        for row in rows.chunks(self.sizes[0]) {
            let code = self.code(row);
            let back = self.decode(&code);
            let delta: Vec<f64> = back
                .iter()
                .zip(row)
                .map(|(&y, t)| (y - t) * (self.output.slope)(y))
                .collect();
            squared += back
                .iter()
                .zip(row)
                .map(|(y, t)| (y - t).powi(2))
                .sum::<f64>();
            let back_through = |(&c, weights): (&f64, &[f64])| {
                let sum: f64 = weights.iter().zip(&delta).map(|(w, d)| w * d).sum();
                sum * (self.hidden.slope)(c)
            };
            let code_delta: Vec<f64> = code
                .iter()
                .zip(self.second.chunks(out))
                .map(back_through)
                .collect();
            add_outer(&mut sums.second, &code, &delta, 1.0, out);
            let scale = if self.scale_in_gradient {
                self.scale
            } else {
                1.0
            };
            add_outer(&mut sums.first, row, &code_delta, scale, code_size);
            add(&mut sums.second_bias, &delta);
            add(&mut sums.first_bias, &code_delta);
        }
        (sums, squared)
    }

    /// One gradient step with rate `rate`; returns the sum of squared errors before it.
    pub fn descend(&mut self, rows: &[f64], rate: f64) -> f64 {
        let (gradients, squared) = self.gradients(rows);
        let step = |values: &mut [f64], gradients: &[f64]| {
            for (value, gradient) in values.iter_mut().zip(gradients) {
                *value -= rate * gradient;
            }
        };
        step(&mut self.first, &gradients.first);
        step(&mut self.second, &gradients.second);
        if self.biases {
            step(&mut self.first_bias, &gradients.first_bias);
            step(&mut self.second_bias, &gradients.second_bias);
        }
        squared
    }
}

/// `row W`, with W `(row, out)` row-major.
fn product(row: &[f64], weights: &[f64], out: usize) -> Vec<f64> {
    let mut sums = vec![0.0; out];
    for (x, weights) in row.iter().zip(weights.chunks(out)) {
        for (sum, w) in sums.iter_mut().zip(weights) {
            *sum += x * w;
        }
    }
    sums
}

fn add_outer(sums: &mut [f64], left: &[f64], right: &[f64], scale: f64, width: usize) {
    for (x, sums) in left.iter().zip(sums.chunks_mut(width)) {
        for (sum, d) in sums.iter_mut().zip(right) {
            *sum += scale * x * d;
        }
    }
}

fn add(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
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
        let var = |values: &[f64], shape: (usize, usize)| {
            Var::from_tensor(&Tensor::from_slice(values, shape, &Device::Cpu).unwrap()).unwrap()
        };
        let (w1, w2) = (var(&network.first, (4, 3)), var(&network.second, (3, 4)));
        let (b1, b2) = (
            var(&network.first_bias, (1, 3)),
            var(&network.second_bias, (1, 4)),
        );
        let x = Tensor::from_slice(&rows, (5, 4), &Device::Cpu).unwrap();
        let linear = |x: &Tensor, w: &Var, b: &Var, scale: f64| {
            (x.matmul(w).unwrap() * scale)
                .unwrap()
                .broadcast_add(b)
                .unwrap()
        };
        let code = ops::sigmoid(&linear(&x, &w1, &b1, 0.3)).unwrap();
        let back = ops::sigmoid(&linear(&code, &w2, &b2, 1.0)).unwrap();
        let loss = ((back - &x).unwrap().sqr().unwrap().sum_all().unwrap() * 0.5).unwrap();
        let store = loss.backward().unwrap();

        let (found, squared) = network.gradients(&rows);
        assert!((squared - 2.0 * loss.to_scalar::<f64>().unwrap()).abs() < 1e-12);
        assert_eq!(squared, network.squared_error(&rows));
        for (var, found) in [
            (&w1, &found.first),
            (&w2, &found.second),
            (&b1, &found.first_bias),
            (&b2, &found.second_bias),
        ] {
            let expected: Vec<f64> = store
                .get(var)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap();
            assert!(expected.iter().any(|v| v.abs() > 1e-3));
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
            }
        }
    }
}
