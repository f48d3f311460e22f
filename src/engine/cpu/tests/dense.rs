//! Dense layers against sums in f64, in every instruction set and with threads that share their products.

use super::{TOLERANCE, apart, batch, network, numbers};
use crate::engine::cpu::{Isa, LayerParameters};
use crate::layer::LayerSpec;
use crate::recipe::Reconstruction;

/// A matrix (rows, columns), or its transpose.
struct Matrix<'a>(&'a [f64], usize, bool);

impl Matrix<'_> {
    fn at(&self, i: usize, j: usize) -> f64 {
        let Self(values, columns, transposed) = *self;
        match transposed {
            true => values[j * columns + i],
            false => values[i * columns + j],
        }
    }
}

fn product((rows, columns, depth): (usize, usize, usize), left: Matrix, right: Matrix) -> Vec<f64> {
    let places = (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j)));
    let sum = |(i, j)| (0..depth).map(|k| left.at(i, k) * right.at(k, j)).sum();
    places.map(sum).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// Compares two layers: results, and the gradients of all parameters for half the squared distance to a target.
fn check(samples: usize, [inputs, hidden, outputs]: [usize; 3]) {
    let layers = [
        "flatten".to_string(),
        format!("dense {hidden}"),
        format!("dense {outputs}"),
    ];
    let layers: Vec<LayerSpec> = layers.iter().map(|layer| layer.parse().unwrap()).collect();
    let (input, target) = (numbers(1, samples * inputs), numbers(2, samples * outputs));
    let scaled = |key, count, by: usize| -> Vec<f32> {
        let scale = (by as f32).sqrt().recip();
        numbers(key, count).iter().map(|w| w * scale).collect()
    };
    let weights = [
        scaled(3, hidden * inputs, inputs),
        numbers(4, hidden),
        scaled(5, outputs * hidden, hidden),
        numbers(6, outputs),
    ];
    let [first, first_bias, second, second_bias] = weights.each_ref().map(|values| wide(values));
    let x = wide(&input);

    let with_bias = |mut values: Vec<f64>, bias: &[f64]| {
        for row in values.chunks_exact_mut(bias.len()) {
            row.iter_mut()
                .zip(bias)
                .for_each(|(value, bias)| *value += bias);
        }
        values
    };
    let sums = |values: &[f64], columns: usize| -> Vec<f64> {
        let column = |j| values.iter().skip(j).step_by(columns).sum();
        (0..columns).map(column).collect()
    };
    let sizes = (samples, hidden, inputs);
    let codes = product(
        sizes,
        Matrix(&x, inputs, false),
        Matrix(&first, inputs, true),
    );
    let codes = with_bias(codes, &first_bias);
    let sizes = (samples, outputs, hidden);
    let results = product(
        sizes,
        Matrix(&codes, hidden, false),
        Matrix(&second, hidden, true),
    );
    let results = with_bias(results, &second_bias);
    let errors: Vec<f64> = results
        .iter()
        .zip(&target)
        .map(|(y, &t)| y - f64::from(t))
        .collect();
    let sizes = (samples, hidden, outputs);
    let back = product(
        sizes,
        Matrix(&errors, outputs, false),
        Matrix(&second, hidden, false),
    );
    let gradients = [
        product(
            (hidden, inputs, samples),
            Matrix(&back, hidden, true),
            Matrix(&x, inputs, false),
        ),
        sums(&back, hidden),
        product(
            (outputs, hidden, samples),
            Matrix(&errors, outputs, true),
            Matrix(&codes, hidden, false),
        ),
        sums(&errors, outputs),
    ];

    for isa in Isa::available() {
        let name = format!("{samples} samples, {inputs} to {hidden} to {outputs}, {isa:?}");
        let mut network = network(&layers, [1, 1, inputs], isa);
        let [w1, b1, w2, b2] = weights.each_ref().map(Vec::as_slice);
        let parameters: [LayerParameters; 2] = [vec![w1, b1], vec![w2, b2]];
        let mut out = vec![0f32; target.len()];
        network.run(&parameters, &input, &mut out);
        let error = apart(&out, &results);
        assert!(error < TOLERANCE, "{name}: results {error:.1e}");
        network.gradients(
            &parameters,
            batch(&input, &target, Reconstruction::Mse, 0.5),
        );
        let mut ours = weights.clone();
        let [w1, b1, w2, b2] = ours.each_mut().map(Vec::as_mut_slice);
        network.unpack(vec![vec![w1, b1], vec![w2, b2]]);
        for (number, (ours, reference)) in ours.iter().zip(&gradients).enumerate() {
            let error = apart(ours, reference);
            assert!(error < TOLERANCE, "{name}: gradient {number} {error:.1e}");
        }
    }
}

#[test]
fn dense_layers_are_right_in_every_instruction_set() {
    // Few samples and many, of more than one micro-batch; sizes above and below those of vectors and blocks.
    for samples in [1, 3, 8, 9, 33, 70] {
        check(samples, [37, 5, 50]);
        check(samples, [3, 130, 1]);
    }
    // Products that threads share, with columns that are copied and sums in parts.
    for samples in [2, 13, 40] {
        check(samples, [530, 500, 67]);
    }
    check(300, [300, 520, 210]);
}
