//! The importance-weighted bound: against its definition, and against likelihoods that are known.

use crate::common;
use std::collections::HashMap;

use autoencode::data::{Images, Preparation};
use autoencode::engine::Inference;
use autoencode::evaluate::{Conditions, ImportanceBound, Part, importance_bound};
use autoencode::layer::{Dense, Flatten, Initialization, LayerSpec, Reshape};
use autoencode::network::{Autoencoder, Code, Stack};
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::{Elbo, Objective, Reconstruction};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

fn under(reconstruction: Reconstruction, sigma: f64) -> Conditions {
    Conditions {
        preparation: Preparation::default(),
        objective: Objective {
            elbo: Some(Elbo {
                beta: 1.0,
                warmup_steps: 0,
                sigma,
            }),
            ..Objective::of(reconstruction)
        },
        part: Part::Test,
        seed: 4,
    }
}

fn bound(
    model: &Autoencoder,
    images: &Images,
    conditions: &Conditions,
    samples: usize,
) -> ImportanceBound {
    let mut decoded = 0;
    let mut done = |count| decoded += count;
    let network = Inference::new(model.clone());
    let bound = importance_bound(
        &network,
        images,
        conditions,
        samples,
        &Device::Cpu,
        &mut done,
    );
    assert_eq!(decoded, samples * images.len());
    bound.unwrap()
}

/// ln of the density of a normal distribution.
fn log_normal(x: f64, mean: f64, variance: f64) -> f64 {
    -0.5 * ((x - mean).powi(2) / variance + (std::f64::consts::TAU * variance).ln())
}

#[test]
fn the_bound_is_its_definition() {
    let settings = ["network.encoder=[8]", "network.latent=3"];
    let recipe = common::recipe("vae", &settings, [1, 28, 28]);
    let (model, parameters) = common::network(&recipe, DType::F32);
    // Initial codes are near to the prior's; these weigh differently.
    for (name, var) in parameters.vars() {
        let scale = if name.starts_with("encoder.3") {
            3.0
        } else {
            2.0
        };
        var.set(&(var.as_tensor() * scale).unwrap()).unwrap();
    }
    let images = common::sample().test.subset(&[5, 6, 7]).unwrap();
    let samples = 4;
    let (mut neg_bound, mut neg_elbo) = (0.0, 0.0);
    for index in 0..3u32 {
        let image = images.batch(&[index], &Device::Cpu).unwrap();
        let target = common::values(&image);
        let posterior = model.posterior(&image).unwrap();
        let means = common::values(&posterior.mean);
        let log_variances = common::values(&posterior.log_variance);
        let mut weights = Vec::new();
        for sample in 0..samples {
            // The test set has the odd numbers.
            let epoch = 2 * sample + 1;
            let mut noise = [0f32; 3];
            Stream::new(4, Purpose::Importance, epoch, u64::from(index)).fill_normal(&mut noise);
            let mut weight = 0.0;
            let mut code = Vec::new();
            for ((&noise, mean), log_variance) in noise.iter().zip(&means).zip(&log_variances) {
                let z = mean + (log_variance / 2.0).exp() * f64::from(noise);
                weight += log_normal(z, 0.0, 1.0) - log_normal(z, *mean, log_variance.exp());
                code.push(z as f32);
            }
            let code = Tensor::from_vec(code, (1, 3), &Device::Cpu).unwrap();
            let logits = common::values(&model.decode_logits(&code).unwrap());
            for (logit, t) in logits.iter().zip(&target) {
                let p = 1.0 / (1.0 + (-logit).exp());
                weight += t * p.ln() + (1.0 - t) * (1.0 - p).ln();
            }
            weights.push(weight);
        }
        let first = weights[0];
        let sum: f64 = weights.iter().map(|weight| (weight - first).exp()).sum();
        neg_bound -= (first + (sum / samples as f64).ln()) / 3.0;
        neg_elbo -= weights.iter().sum::<f64>() / samples as f64 / 3.0;
    }
    let found = bound(
        &model,
        &images,
        &under(Reconstruction::Bce, 1.0),
        samples as usize,
    );
    assert_eq!((found.samples, found.images), (4, 3));
    for (found, expected) in [(found.neg_bound, neg_bound), (found.neg_elbo, neg_elbo)] {
        assert!(
            (found - expected).abs() < 1e-6 * expected,
            "{found} and {expected}"
        );
    }
    assert!(neg_elbo - neg_bound > 0.1, "{neg_elbo} and {neg_bound}");
}

/// A linear network of two latent dimensions for images of 2x2 values, whose decoder's columns are at right
/// angles: `p(x|z) = N(W z + b, sigma^2)`. Along each column and across them all is known.
struct Linear {
    sigma: f64,
    offset: f64,
    /// Length of each column.
    lengths: [f64; 2],
}

/// The directions of the columns.
const AXES: [[f64; 4]; 2] = [
    [
        std::f64::consts::FRAC_1_SQRT_2,
        std::f64::consts::FRAC_1_SQRT_2,
        0.0,
        0.0,
    ],
    [
        0.0,
        0.0,
        std::f64::consts::FRAC_1_SQRT_2,
        -std::f64::consts::FRAC_1_SQRT_2,
    ],
];

impl Linear {
    /// Variance of the true posterior of a latent dimension.
    fn variance(&self, dimension: usize) -> f64 {
        let (length, sigma) = (self.lengths[dimension], self.sigma);
        1.0 / (1.0 + length * length / (sigma * sigma))
    }

    /// The network. Its encoder gives the true posterior with the means moved by `shift` and the
    /// variances multiplied by `factor`.
    fn network(&self, shift: f64, factor: f64) -> Autoencoder {
        let mut encoder = Vec::new();
        let mut encoder_bias = Vec::new();
        for (dimension, axis) in AXES.iter().enumerate() {
            let scale = self.variance(dimension) * self.lengths[dimension] / self.sigma.powi(2);
            encoder.extend(axis.map(|value| (scale * value) as f32));
            let along: f64 = axis.iter().sum();
            encoder_bias.push((shift - scale * along * self.offset) as f32);
        }
        encoder.extend([0f32; 8]);
        for dimension in 0..2 {
            // Log-variances go through 8 tanh(x / 8).
            let log_variance = (factor * self.variance(dimension)).ln();
            encoder_bias.push((8.0 * (log_variance / 8.0).atanh()) as f32);
        }
        let decoder: Vec<f32> = (0..4)
            .flat_map(|pixel| [0, 1].map(|d| (self.lengths[d] * AXES[d][pixel]) as f32))
            .collect();
        let tensor = |values: Vec<f32>, shape: &[usize]| {
            Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
        };
        let tensors = HashMap::from([
            ("encoder.1.weight".to_string(), tensor(encoder, &[4, 4])),
            ("encoder.1.bias".to_string(), tensor(encoder_bias, &[4])),
            ("decoder.0.weight".to_string(), tensor(decoder, &[4, 2])),
            (
                "decoder.0.bias".to_string(),
                tensor(vec![self.offset as f32; 4], &[4]),
            ),
        ]);
        let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let dense = LayerSpec::from(Dense {
            units: 4,
            bias: true,
        });
        let init = Initialization::default();
        let layers = vec![Flatten.into(), dense.clone()];
        let encoder = Stack::new("encoder", &layers, &[1, 2, 2], init, vb.clone()).unwrap();
        let shape = vec![1, 2, 2];
        let layers = vec![dense, Reshape { shape }.into()];
        let decoder = Stack::new("decoder", &layers, &[2], init, vb).unwrap();
        Autoencoder::from_stacks(encoder, Code::Gaussian { latent: 2 }, decoder).unwrap()
    }

    /// ln p(x): a normal distribution with variance sigma^2 + length^2 along the columns.
    fn log_likelihood(&self, image: &[u8]) -> f64 {
        let noise = self.sigma * self.sigma;
        let centred: Vec<f64> = image
            .iter()
            .map(|&byte| f64::from(byte) / 255.0 - self.offset)
            .collect();
        let mut rest: f64 = centred.iter().map(|value| value * value).sum();
        let mut log = 0.0;
        for (axis, length) in AXES.iter().zip(self.lengths) {
            let along: f64 = centred.iter().zip(axis).map(|(a, b)| a * b).sum();
            rest -= along * along;
            log += log_normal(along, 0.0, noise + length * length);
        }
        log - 0.5 * (rest / noise + 2.0 * (std::f64::consts::TAU * noise).ln())
    }

    fn mean_log_likelihood(&self, images: &Images) -> f64 {
        let images = (0..images.len()).map(|index| images.image(index).unwrap());
        let logs: Vec<f64> = images.map(|image| self.log_likelihood(image)).collect();
        logs.iter().sum::<f64>() / logs.len() as f64
    }
}

const LINEAR: Linear = Linear {
    sigma: 0.4,
    offset: 0.5,
    lengths: [0.6, 0.3],
};

/// Images of four values each.
fn images(count: usize) -> Images {
    let mut stream = Stream::new(1, Purpose::Picture, 0, 0);
    let pixels = (0..4 * count)
        .map(|_| (stream.next_u32() >> 24) as u8)
        .collect();
    Images::new((1, 2, 2), pixels, vec![0; count]).unwrap()
}

#[test]
fn with_the_true_posterior_every_code_gives_the_likelihood() {
    let images = images(20);
    let expected = -LINEAR.mean_log_likelihood(&images);
    let conditions = under(Reconstruction::Mse, LINEAR.sigma);
    for samples in [1, 7] {
        let found = bound(&LINEAR.network(0.0, 1.0), &images, &conditions, samples);
        for found in [found.neg_bound, found.neg_elbo] {
            assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
        }
    }
}

#[test]
fn with_another_posterior_the_bound_rises_to_the_likelihood() {
    // More than go through the network at once.
    let images = images(300);
    let expected = -LINEAR.mean_log_likelihood(&images);
    let conditions = under(Reconstruction::Mse, LINEAR.sigma);
    let (shift, factor) = (0.6, 1.5);
    let model = LINEAR.network(shift, factor);
    let with = |samples: usize| bound(&model, &images, &conditions, samples);
    let (one, ten, many) = (with(1), with(10), with(2000));
    assert_eq!(one.neg_bound, one.neg_elbo);
    assert!(one.neg_bound > ten.neg_bound + 0.1, "{one:?} {ten:?}");
    assert!(ten.neg_bound > expected + 0.005, "{ten:?} {expected}");
    assert!(
        (many.neg_bound - expected).abs() < 0.005,
        "{many:?} {expected}"
    );
    // The ELBO stays below by the divergence of the two posteriors.
    let gap: f64 = (0..2)
        .map(|d| {
            let variance = LINEAR.variance(d);
            0.5 * (factor + shift * shift / variance - 1.0 - factor.ln())
        })
        .sum();
    assert!(
        (many.neg_elbo - expected - gap).abs() < 0.01,
        "{many:?} {expected} {gap}"
    );
}

#[test]
fn a_bound_needs_a_variational_network_and_a_sample() {
    let images = common::sample().test.subset(&[0]).unwrap();
    let bound = |name: &str, samples: usize| {
        let recipe = common::recipe(name, &["network.encoder=[4]"], [1, 28, 28]);
        let (model, _) = common::network(&recipe, DType::F32);
        let conditions = under(Reconstruction::Bce, 1.0);
        importance_bound(
            &Inference::new(model),
            &images,
            &conditions,
            samples,
            &Device::Cpu,
            &mut |_| {},
        )
    };
    let error = bound("dense-32", 1).unwrap_err().to_string();
    assert!(error.contains("variational"), "{error}");
    let error = bound("vae", 0).unwrap_err().to_string();
    assert!(error.contains("1 to 1,000,000"), "{error}");
    assert!(bound("vae", 1).is_ok());
}
