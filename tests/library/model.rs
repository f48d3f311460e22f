//! Networks: their layers, initial weights, and gradients against finite differences.

use crate::common::{self, recipe};
use std::collections::BTreeMap;
use std::path::Path;

use autoencode::corruption::NoiseKey;
use autoencode::data::Batch;
use autoencode::engine::{Autograd, Gradients};
use autoencode::layer::LayerSpec;
use autoencode::network::{Autoencoder, Code, Parameters, lists};
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::{
    CodePenalty, LayersConfig, NetworkConfig, Objective, Recipe, Reconstruction, builtin,
};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

fn build(recipe: &Recipe) -> autoencode::Result<Autoencoder> {
    let parameters = Parameters::drawn(recipe.seed);
    Autoencoder::new(
        &recipe.network,
        parameters.builder(DType::F32, &Device::Cpu),
    )
}

#[test]
fn the_convolutional_denoiser_has_its_layers_names_and_parameters() {
    let model = build(&recipe("conv-denoiser", &[], [1, 28, 28])).unwrap();
    let summary = model.summary();
    let rows: Vec<(&str, &str, &[usize], usize)> = summary
        .layers
        .iter()
        .map(|row| {
            (
                row.name.as_str(),
                row.layer.as_str(),
                row.output.as_slice(),
                row.parameters,
            )
        })
        .collect();
    let expected: [(&str, &str, &[usize], usize); 16] = [
        ("encoder.0", "conv 3x3, 32", &[32, 28, 28], 320),
        ("encoder.1", "relu", &[32, 28, 28], 0),
        ("encoder.2", "max-pool 2", &[32, 14, 14], 0),
        ("encoder.3", "conv 3x3, 64", &[64, 14, 14], 18_496),
        ("encoder.4", "relu", &[64, 14, 14], 0),
        ("encoder.5", "max-pool 2", &[64, 7, 7], 0),
        ("encoder.6", "conv 3x3, 128", &[128, 7, 7], 73_856),
        ("encoder.7", "relu", &[128, 7, 7], 0),
        ("decoder.0", "conv 3x3, 128", &[128, 7, 7], 147_584),
        ("decoder.1", "relu", &[128, 7, 7], 0),
        ("decoder.2", "upsample 2", &[128, 14, 14], 0),
        ("decoder.3", "conv 3x3, 64", &[64, 14, 14], 73_792),
        ("decoder.4", "relu", &[64, 14, 14], 0),
        ("decoder.5", "upsample 2", &[64, 28, 28], 0),
        ("decoder.6", "conv 3x3, 1", &[1, 28, 28], 577),
        ("decoder.7", "sigmoid", &[1, 28, 28], 0),
    ];
    assert_eq!(rows, expected);
    assert_eq!(summary.input, [1, 28, 28]);
    assert_eq!(summary.code, [128, 7, 7]);
    assert_eq!(summary.parameters, 314_625);
}

#[test]
fn parameters_are_named_and_laid_out_as_in_pytorch() {
    let (_, parameters) = common::network(&recipe("conv-denoiser", &[], [1, 28, 28]), DType::F32);
    let shapes: BTreeMap<String, Vec<usize>> = parameters
        .vars()
        .into_iter()
        .map(|(name, var)| (name, var.dims().to_vec()))
        .collect();
    let expected: BTreeMap<String, Vec<usize>> = [
        ("encoder.0", 32, 1),
        ("encoder.3", 64, 32),
        ("encoder.6", 128, 64),
        ("decoder.0", 128, 128),
        ("decoder.3", 64, 128),
        ("decoder.6", 1, 64),
    ]
    .into_iter()
    .flat_map(|(layer, outputs, inputs)| {
        [
            (format!("{layer}.weight"), vec![outputs, inputs, 3, 3]),
            (format!("{layer}.bias"), vec![outputs]),
        ]
    })
    .collect();
    assert_eq!(shapes, expected);

    let (_, parameters) = common::network(&recipe("dense-32", &[], [1, 28, 28]), DType::F32);
    let shapes: Vec<(String, Vec<usize>)> = parameters
        .vars()
        .into_iter()
        .map(|(name, var)| (name, var.dims().to_vec()))
        .collect();
    let expected = [
        ("decoder.0.bias", vec![784]),
        ("decoder.0.weight", vec![784, 32]),
        ("encoder.1.bias", vec![32]),
        ("encoder.1.weight", vec![32, 784]),
    ];
    assert_eq!(
        shapes,
        expected.map(|(name, dims)| (name.to_string(), dims))
    );
}

#[test]
fn other_image_sizes_channels_and_batches_go_through_the_convolutional_family() {
    let cases: [(&[&str], [usize; 3], [usize; 3]); 4] = [
        (&common::SMALL, [3, 32, 32], [8, 16, 16]),
        (&common::SMALL, [1, 6, 10], [8, 3, 5]),
        (
            &[
                "network.encoder=[4,6]",
                "network.decoder=[4]",
                "network.scale=3",
                "network.kernel=5",
            ],
            [2, 9, 6],
            [6, 3, 2],
        ),
        (
            &["network.encoder=[5]", "network.decoder=[]"],
            [1, 7, 5],
            [5, 7, 5],
        ),
    ];
    for (settings, input, code) in cases {
        let model = build(&recipe("conv-denoiser", settings, input)).unwrap();
        assert_eq!(model.code_shape(), code);
        let mut stream = Stream::new(1, Purpose::Init, 0, 0);
        let shape: Vec<usize> = [5].into_iter().chain(input).collect();
        let images = common::uniform(&mut stream, &shape, 0.0, 1.0, DType::F32);
        let together = model.reconstruct(&images).unwrap();
        assert_eq!(together.dims(), shape);
        assert!(
            common::values(&together)
                .iter()
                .all(|v| (0.0..=1.0).contains(v))
        );
        assert_eq!(model.encode(&images).unwrap().dims()[1..], code);
        // No sample knows of the others in its batch.
        for place in 0..5 {
            let one = images.narrow(0, place, 1).unwrap();
            let alone = common::values(&model.reconstruct(&one).unwrap());
            let among = common::values(&together.narrow(0, place, 1).unwrap());
            for (alone, among) in alone.iter().zip(&among) {
                assert!((alone - among).abs() < 1e-5, "{alone} and {among}");
            }
        }
    }
}

#[test]
fn an_outline_has_the_layers_of_the_network_without_its_weights() {
    for name in ["conv-denoiser", "dense-32", "vae", "conv-vae"] {
        let recipe = recipe(name, &[], [1, 28, 28]);
        let outline = Autoencoder::outline(&recipe.network, DType::F32).unwrap();
        assert_eq!(
            outline.summary(),
            build(&recipe).unwrap().summary(),
            "{name}"
        );
    }
    // More than a gigabyte of weights, if they were there.
    let wide = recipe("dense-32", &["network.encoder=[200000]"], [1, 28, 28]);
    let outline = Autoencoder::outline(&wide.network, DType::F32).unwrap();
    assert_eq!(
        outline.summary().parameters,
        2 * 784 * 200_000 + 200_000 + 784
    );
}

#[test]
fn a_network_that_no_memory_holds_is_refused_before_it_has_weights() {
    for (name, settings, input, named) in [
        // Each layer is small enough, but not all together.
        (
            "dense-32",
            vec!["network.encoder=[15000, 15000, 15000, 2]"],
            [1, 28, 28],
            "encoder.5 (dense 15000)",
        ),
        (
            "dense-32",
            vec!["network.encoder=[2]", "network.decoder=[15000, 20000]"],
            [1, 28, 28],
            "decoder.2 (dense 20000)",
        ),
        // Few weights, but a sample of 2^40 values behind the first layer.
        (
            "conv-denoiser",
            vec!["network.encoder=[1048576]", "network.decoder=[]"],
            [1, 1024, 1024],
            "encoder.0 (conv 3x3, 1048576)",
        ),
    ] {
        let error = build(&recipe(name, &settings, input)).unwrap_err();
        assert!(matches!(error, autoencode::Error::Layer { .. }), "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
    let layers = format!("network.encoder={:?}", [2; 257]);
    let error = Recipe::load("dense-32", &[layers]).unwrap_err().to_string();
    assert!(error.contains("at most 256 sizes"), "{error}");
}

#[test]
fn a_size_that_pooling_does_not_divide_is_refused_with_layer_and_reason() {
    for (input, layer) in [
        ([1, 27, 28], "encoder.2"),
        ([1, 28, 27], "encoder.2"),
        ([1, 30, 28], "encoder.5"),
    ] {
        let error = build(&recipe("conv-denoiser", &[], input)).unwrap_err();
        assert!(error.is_input());
        let message = error.to_string();
        assert!(message.contains(layer), "{message}");
        assert!(message.contains("divisible by 2"), "{message}");
    }
}

#[test]
fn samples_of_another_shape_are_refused_with_both_shapes() {
    let model = build(&recipe("conv-denoiser", &common::SMALL, [1, 28, 28])).unwrap();
    let images = Tensor::zeros((2, 1, 28, 32), DType::F32, &Device::Cpu).unwrap();
    let message = model.reconstruct(&images).unwrap_err().to_string();
    assert!(message.contains("[N, 1, 28, 28]"), "{message}");
    assert!(message.contains("[2, 1, 28, 32]"), "{message}");
}

#[test]
fn a_dense_decoder_mirrors_the_encoder_unless_it_is_stated() {
    let units = |settings: &[&str]| -> Vec<String> {
        let model = build(&recipe("dense-32", settings, [1, 28, 28])).unwrap();
        let rows = model.summary().layers;
        rows.into_iter()
            .filter(|row| row.layer.starts_with("dense"))
            .map(|row| format!("{} {}", row.name, row.layer))
            .collect()
    };
    assert_eq!(
        units(&["network.encoder=[128,64,32]"]),
        [
            "encoder.1 dense 128",
            "encoder.3 dense 64",
            "encoder.5 dense 32",
            "decoder.0 dense 64",
            "decoder.2 dense 128",
            "decoder.4 dense 784",
        ]
    );
    assert_eq!(
        units(&["network.encoder=[16]", "network.decoder=[20]"]),
        [
            "encoder.1 dense 16",
            "decoder.0 dense 20",
            "decoder.2 dense 784"
        ]
    );
    assert_eq!(
        units(&["network.encoder=[16,8]", "network.decoder=[]"]),
        [
            "encoder.1 dense 16",
            "encoder.3 dense 8",
            "decoder.0 dense 784"
        ]
    );
}

#[test]
fn the_dense_network_is_the_product_of_its_weights() {
    let recipe = recipe("dense-32", &["network.encoder=[3]"], [1, 2, 2]);
    let (model, parameters) = common::network(&recipe, DType::F64);
    randomise(&parameters, 3);
    let vars: BTreeMap<String, Vec<f64>> = parameters
        .vars()
        .into_iter()
        .map(|(name, var)| (name, common::values(&var)))
        .collect();
    let x = [0.25, 0.5, 0.75, 1.0];
    let layer = |x: &[f64], weight: &[f64], bias: &[f64]| -> Vec<f64> {
        bias.iter()
            .zip(weight.chunks(x.len()))
            .map(|(b, row)| b + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>())
            .collect()
    };
    let code: Vec<f64> = layer(&x, &vars["encoder.1.weight"], &vars["encoder.1.bias"])
        .into_iter()
        .map(|v| v.max(0.0))
        .collect();
    let logits = layer(&code, &vars["decoder.0.weight"], &vars["decoder.0.bias"]);
    let expected = logits.iter().map(|v| 1.0 / (1.0 + (-v).exp()));
    let input = Tensor::from_slice(&x, (1, 1, 2, 2), &Device::Cpu).unwrap();
    let output = common::values(&model.reconstruct(&input).unwrap());
    for (output, expected) in output.into_iter().zip(expected) {
        assert!((output - expected).abs() < 1e-12, "{output} {expected}");
    }
    let given = common::values(&model.logits(&input).unwrap());
    for (given, expected) in given.iter().zip(&logits) {
        assert!((given - expected).abs() < 1e-12, "{given} {expected}");
    }
}

/// The bits of every parameter by name.
fn drawn(name: &str, settings: &[&str], input: [usize; 3]) -> BTreeMap<String, Vec<u32>> {
    let (_, parameters) = common::network(&recipe(name, settings, input), DType::F32);
    parameters
        .vars()
        .into_iter()
        .map(|(name, var)| (name, common::bits(&var)))
        .collect()
}

#[test]
fn initial_weights_depend_on_seed_and_name_alone() {
    let small = drawn("conv-denoiser", &common::SMALL, [1, 28, 28]);
    assert_eq!(small, drawn("conv-denoiser", &common::SMALL, [1, 28, 28]));
    // The same layers in a network that goes on differently.
    let deeper = ["network.encoder=[4,8,6]", "network.decoder=[5,4]"];
    let deeper = drawn("conv-denoiser", &deeper, [1, 28, 28]);
    for name in ["encoder.0.weight", "encoder.3.weight"] {
        assert_eq!(small[name], deeper[name], "{name}");
    }
    // Asked for in the opposite order.
    let parameters = Parameters::drawn(1);
    let builder = parameters.builder(DType::F32, &Device::Cpu);
    for (name, shape) in [
        ("encoder.3.weight", [8, 4, 3, 3]),
        ("encoder.0.weight", [4, 1, 3, 3]),
    ] {
        let [outputs, inputs, ..] = shape;
        let bound = (6.0 / (9 * (inputs + outputs)) as f64).sqrt();
        let init = candle_nn::Init::Uniform {
            lo: -bound,
            up: bound,
        };
        let weight = builder.get_with_hints(&shape, name, init).unwrap();
        assert_eq!(common::bits(&weight), small[name], "{name}");
    }
}

#[test]
fn another_seed_or_another_layer_draws_other_weights() {
    let first = drawn("conv-denoiser", &[], [1, 28, 28]);
    let second = drawn("conv-denoiser", &["seed=2"], [1, 28, 28]);
    for (name, weights) in first.iter().filter(|(name, _)| name.ends_with("weight")) {
        let equal = weights
            .iter()
            .zip(&second[name])
            .filter(|(a, b)| a == b)
            .count();
        assert!(equal * 100 < weights.len(), "{name}: {equal} equal");
    }
    // Layers of equal shape.
    let dense = drawn("dense-32", &["network.encoder=[64,64,64]"], [1, 28, 28]);
    assert_ne!(dense["encoder.3.weight"], dense["encoder.5.weight"]);
    assert_ne!(dense["encoder.3.weight"], dense["decoder.0.weight"]);
}

#[test]
fn weights_start_glorot_uniform_with_zero_biases() {
    for (name, receptive, settings) in [
        ("conv-denoiser", 9, vec![]),
        ("dense-32", 1, vec!["network.encoder=[128,32]"]),
    ] {
        let (_, parameters) = common::network(&recipe(name, &settings, [1, 28, 28]), DType::F32);
        for (name, var) in parameters.vars() {
            let values = common::values(&var);
            if name.ends_with("bias") {
                assert!(values.iter().all(|&v| v == 0.0), "{name}");
                continue;
            }
            let fans = (var.dims()[0] + var.dims()[1]) * receptive;
            let bound = (6.0 / fans as f64).sqrt();
            let count = values.len() as f64;
            let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            assert!(
                largest <= bound * (1.0 + 1e-6),
                "{name}: {largest} > {bound}"
            );
            assert!(
                largest > bound * (1.0 - 20.0 / count),
                "{name}: {largest} falls short of {bound}"
            );
            // Variance of a uniform distribution: bound^2 / 3; of that, 4/5 squared a value.
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|v| v * v).sum::<f64>() / count;
            let expected = bound * bound / 3.0;
            assert!(
                mean.abs() < 5.0 * (expected / count).sqrt(),
                "{name}: mean {mean}"
            );
            assert!(
                (variance / expected - 1.0).abs() < 5.0 * (0.8 / count).sqrt(),
                "{name}: variance {variance}, expected {expected}"
            );
        }
    }
}

#[test]
fn fan_in_initialisation_bounds_weights_and_biases_as_pytorch_does() {
    let settings = ["network.init=fan-in", "network.encoder=[400]"];
    let (_, parameters) = common::network(&recipe("dense-32", &settings, [1, 28, 28]), DType::F32);
    for (name, var) in parameters.vars() {
        let fan_in = if name.starts_with("encoder") {
            784.
        } else {
            400.
        };
        let bound = 1.0 / f64::sqrt(fan_in);
        let values = common::values(&var);
        let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        assert!(largest <= bound * (1.0 + 1e-6), "{name}: {largest}");
        assert!(largest > 0.95 * bound, "{name}: {largest} of {bound}");
    }
}

#[test]
fn a_frozen_network_sees_updates_and_is_not_tracked() {
    let recipe = recipe("conv-denoiser", &common::SMALL, [1, 28, 28]);
    let (trained, parameters) = common::network(&recipe, DType::F32);
    let builder = parameters.frozen_builder(DType::F32, &Device::Cpu);
    let frozen = Autoencoder::new(&recipe.network, builder).unwrap();
    let images = common::sample().test.batch(&[0, 1], &Device::Cpu).unwrap();
    let outputs = |model: &Autoencoder| -> Vec<f32> {
        let outputs = model.reconstruct(&images).unwrap().flatten_all().unwrap();
        outputs.to_vec1().unwrap()
    };
    let apart = |a: &[f32], b: &[f32]| {
        let pairs = a.iter().zip(b);
        pairs.fold(0f32, |largest, (a, b)| largest.max((a - b).abs()))
    };
    let before = outputs(&frozen);
    assert!(apart(&before, &outputs(&trained)) < 1e-6);

    randomise(&parameters, 5);
    let after = outputs(&frozen);
    assert!(apart(&before, &after) > 0.01);
    assert!(apart(&after, &outputs(&trained)) < 1e-6);

    assert!(!frozen.reconstruct(&images).unwrap().track_op());
    assert!(trained.reconstruct(&images).unwrap().track_op());
}

/// Sets every parameter, biases too, to values of a size that keeps activations moderate.
fn randomise(parameters: &Parameters, seed: u64) {
    for (place, (_, var)) in (0..).zip(parameters.vars()) {
        let mut stream = Stream::new(seed, Purpose::Init, 0, place);
        let bound = match var.dims() {
            [_] => 0.3,
            [_, rest @ ..] => 1.5 / (rest.iter().product::<usize>() as f64).sqrt(),
            [] => 1.0,
        };
        let values = common::uniform(&mut stream, var.dims(), -bound, bound, var.dtype());
        var.set(&values).unwrap();
    }
}

/// Samples for a network that is not variational.
fn plain(input: Tensor, target: Tensor) -> Batch {
    Batch {
        input,
        target,
        latent_noise: None,
        kl_weight: 0.0,
    }
}

/// Random inputs and targets in [0,1], in f64.
fn batch(count: usize, input: [usize; 3]) -> Batch {
    let shape: Vec<usize> = [count].into_iter().chain(input).collect();
    let mut stream = Stream::new(11, Purpose::Corruption, 0, 0);
    let mut values = || common::uniform(&mut stream, &shape, 0.0, 1.0, DType::F64);
    plain(values(), values())
}

/// The mean loss computed from the definitions, from nothing but the network's layers.
fn mean_loss(model: &Autoencoder, objective: Objective, batch: &Batch) -> f64 {
    let encoded = model.encoder().run(&batch.input).unwrap();
    let Some(elbo) = objective.elbo else {
        let sum = distance(model, objective, &encoded, &batch.target);
        let penalty = objective.code_penalty.map_or(0.0, |penalty| {
            let of = |c: f64| penalty.l1 * c.abs() + penalty.l2 * c * c;
            common::values(&encoded).into_iter().map(of).sum()
        });
        let samples = batch.target.dim(0).unwrap() as f64;
        return sum / batch.target.elem_count() as f64 + penalty / samples;
    };
    let Code::Gaussian { latent } = model.code() else {
        panic!("an ELBO of a plain code")
    };
    let noise = common::values(batch.latent_noise.as_ref().unwrap());
    let mut codes = Vec::new();
    let mut kl = 0.0;
    for (encoded, noise) in common::values(&encoded)
        .chunks(2 * latent)
        .zip(noise.chunks(latent))
    {
        for ((mean, raw), noise) in encoded.iter().zip(&encoded[latent..]).zip(noise) {
            let log_variance = 8.0 * (raw / 8.0).tanh();
            codes.push(mean + noise * (log_variance / 2.0).exp());
            kl += 0.5 * (mean * mean + log_variance.exp() - log_variance - 1.0);
        }
    }
    let count = codes.len() / latent;
    let codes = Tensor::from_vec(codes, (count, latent), &Device::Cpu).unwrap();
    let distance = distance(model, objective, &codes, &batch.target);
    let likelihood = match objective.reconstruction {
        Reconstruction::Bce => distance,
        Reconstruction::Mae | Reconstruction::Custom(_) => panic!("a loss without a likelihood"),
        Reconstruction::Mse => {
            let normal = (elbo.sigma * (2.0 * std::f64::consts::PI).sqrt()).ln();
            distance / (2.0 * elbo.sigma * elbo.sigma) + normal * batch.target.elem_count() as f64
        }
    };
    (likelihood + batch.kl_weight * kl) / count as f64
}

fn distance(model: &Autoencoder, objective: Objective, codes: &Tensor, target: &Tensor) -> f64 {
    let target = common::values(target);
    match objective.reconstruction {
        Reconstruction::Bce => common::values(&model.decode_logits(codes).unwrap())
            .into_iter()
            .zip(&target)
            .map(|(logit, target)| {
                let p = 1.0 / (1.0 + (-logit).exp());
                -(target * p.ln() + (1.0 - target) * (1.0 - p).ln())
            })
            .sum(),
        Reconstruction::Mse => common::values(&model.decode(codes).unwrap())
            .into_iter()
            .zip(&target)
            .map(|(output, target)| (output - target).powi(2))
            .sum(),
        Reconstruction::Mae => common::values(&model.decode(codes).unwrap())
            .into_iter()
            .zip(&target)
            .map(|(output, target)| (output - target).abs())
            .sum(),
        Reconstruction::Custom(loss) => panic!("{loss:?}"),
    }
}

/// The derivative of the mean loss by every value of a variable, by central differences.
fn differences(var: &Var, loss: &dyn Fn() -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let values = common::values(var);
    let set = |values: &[f64]| {
        let tensor = Tensor::from_slice(values, var.dims(), &Device::Cpu).unwrap();
        var.set(&tensor).unwrap();
    };
    let derivatives = (0..values.len())
        .map(|place| {
            let at = |offset: f64| {
                let mut moved = values.clone();
                moved[place] += offset;
                set(&moved);
                loss()
            };
            (at(STEP) - at(-STEP)) / (2.0 * STEP)
        })
        .collect();
    set(&values);
    derivatives
}

fn gradient(gradients: &GradStore, name: &str, var: &Var) -> Vec<f64> {
    common::values(
        gradients
            .get(var)
            .unwrap_or_else(|| panic!("no gradient of {name}")),
    )
}

#[test]
fn gradients_agree_with_finite_differences_for_every_layer_and_objective() {
    let conv =
        |activation: &'static str| ["network.encoder=[3,4]", "network.decoder=[3]", activation];
    let bce = "objective.reconstruction=bce";
    let mse = "objective.reconstruction=mse";
    let mae = "objective.reconstruction=mae";
    let linear = "network.output_activation=linear";
    let cases: Vec<(&str, Vec<&str>, [usize; 3], usize)> = vec![
        ("dense-32", vec!["network.encoder=[4,3]", bce], [1, 2, 3], 4),
        ("dense-32", vec!["network.encoder=[4,3]", mse], [2, 2, 2], 3),
        (
            "dense-32",
            vec![
                "network.encoder=[3]",
                "network.activation=tanh",
                mse,
                linear,
            ],
            [1, 3, 2],
            1,
        ),
        (
            "dense-32",
            vec![
                "network.encoder=[3]",
                "network.activation=tanh",
                "objective.code_penalty.l1=0.2",
                "objective.code_penalty.l2=0.3",
                mae,
            ],
            [1, 2, 3],
            3,
        ),
        (
            "conv-denoiser",
            [&conv("network.activation=relu")[..], &[bce]].concat(),
            [2, 4, 6],
            3,
        ),
        (
            "conv-denoiser",
            [&conv("network.activation=leaky-relu")[..], &[mse]].concat(),
            [1, 4, 4],
            2,
        ),
        (
            "conv-denoiser",
            [&conv("network.activation=tanh")[..], &[mse, linear]].concat(),
            [3, 2, 4],
            2,
        ),
        (
            "conv-denoiser",
            [
                &conv("network.activation=sigmoid")[..],
                &["network.kernel=5", "network.scale=3", bce],
            ]
            .concat(),
            [1, 6, 3],
            2,
        ),
        (
            "vae",
            vec![
                "network.encoder=[5,4]",
                "network.latent=3",
                "network.activation=tanh",
                bce,
            ],
            [1, 2, 3],
            4,
        ),
        (
            "conv-vae",
            vec![
                "network.encoder=[3,4]",
                "network.latent=2",
                mse,
                linear,
                "objective.elbo.beta=2.5",
                "objective.elbo.sigma=0.4",
            ],
            [2, 4, 8],
            3,
        ),
    ];
    for (name, settings, input, count) in cases {
        let recipe = recipe(name, &settings, input);
        let (model, parameters) = common::network(&recipe, DType::F64);
        randomise(&parameters, 23);
        let mut batch = batch(count, input);
        if let Code::Gaussian { latent } = model.code() {
            let key = NoiseKey {
                seed: 3,
                purpose: Purpose::Latent,
                epoch: 1,
            };
            let indices: Vec<u32> = (0..).take(count).collect();
            let weight = recipe.objective.kl_weight(u64::MAX);
            batch = batch
                .with_latent_noise(&indices, latent, key, weight)
                .unwrap();
        }
        let mut engine = Autograd::new(model.clone(), recipe.objective);
        let (losses, gradients) = engine.gradients(&batch).unwrap();

        let loss = || mean_loss(&model, recipe.objective, &batch);
        assert!(
            (losses.mean() - loss()).abs() < 1e-12 * loss().abs().max(1.0),
            "{settings:?}: {} and {}",
            losses.mean(),
            loss()
        );
        let values = count * input.iter().product::<usize>();
        let expected = if recipe.objective.elbo.is_some() {
            count
        } else {
            values
        };
        assert_eq!(losses.count, expected);
        let mut largest = 0.0f64;
        for (name, var) in parameters.vars() {
            let found = gradient(&gradients, &name, &var);
            for (found, expected) in found.iter().zip(differences(&var, &loss)) {
                assert!(
                    (found - expected).abs() < 1e-8 * loss().abs().max(1.0),
                    "{settings:?}, {name}: {found} and {expected}"
                );
                largest = largest.max(expected.abs());
            }
        }
        assert!(largest > 1e-3, "gradients of {settings:?} say something");
    }
}

#[test]
fn gradients_of_a_batch_are_the_mean_of_its_parts_weighted_by_their_samples() {
    let penalised = Objective {
        code_penalty: Some(CodePenalty { l1: 0.3, l2: 0.2 }),
        ..Objective::of(Reconstruction::Mse)
    };
    for (name, objective) in [
        ("bce", Objective::of(Reconstruction::Bce)),
        ("mse", Objective::of(Reconstruction::Mse)),
        ("mae", Objective::of(Reconstruction::Mae)),
        ("mse and penalties", penalised),
    ] {
        let settings = [common::SMALL[0], common::SMALL[1]];
        let recipe = recipe("conv-denoiser", &settings, [2, 4, 4]);
        let (model, parameters) = common::network(&recipe, DType::F64);
        randomise(&parameters, 29);
        let whole = batch(7, [2, 4, 4]);
        let part = |start, count| {
            let of = |tensor: &Tensor| tensor.narrow(0, start, count).unwrap();
            plain(of(&whole.input), of(&whole.target))
        };
        let mut engine = Autograd::new(model, objective);
        let (losses, gradients) = engine.gradients(&whole).unwrap();
        let (first_losses, first) = engine.gradients(&part(0, 2)).unwrap();
        let (second_losses, second) = engine.gradients(&part(2, 5)).unwrap();

        let mut sum = first_losses;
        sum += second_losses;
        assert_eq!(sum.count, losses.count);
        let difference = sum.sum - losses.sum;
        assert!(difference.abs() < 1e-10, "{name}: {difference}");
        for (name, var) in parameters.vars() {
            let [whole, first, second] =
                [&gradients, &first, &second].map(|store| gradient(store, &name, &var));
            for ((whole, first), second) in whole.iter().zip(&first).zip(&second) {
                let weighted = (2.0 * first + 5.0 * second) / 7.0;
                assert!(
                    (whole - weighted).abs() < 1e-13,
                    "{name}: {whole} {weighted}"
                );
            }
        }
    }
}

#[test]
fn a_saturated_output_still_has_its_exact_loss_and_gradient() {
    // One pixel, one code unit: the logit is the decoder's bias when its weight is 0.
    let recipe = recipe("dense-32", &["network.encoder=[1]"], [1, 1, 1]);
    let (model, parameters) = common::network(&recipe, DType::F32);
    let vars: BTreeMap<String, Var> = parameters.vars().into_iter().collect();
    let set = |name: &str, value: f32| {
        let var = &vars[name];
        let value = Tensor::full(value, var.dims(), &Device::Cpu).unwrap();
        var.set(&value).unwrap();
    };
    set("decoder.0.weight", 0.0);
    for (logit, target, loss, slope) in [
        (200.0f32, 0.0f32, 200.0, 1.0),
        (-200.0, 1.0, 200.0, -1.0),
        (200.0, 1.0, 0.0, 0.0),
        (-200.0, 0.0, 0.0, 0.0),
        (90.0, 0.5, 45.0, 0.5),
    ] {
        set("decoder.0.bias", logit);
        let image = |value: f32| Tensor::full(value, (1, 1, 1, 1), &Device::Cpu).unwrap();
        let batch = plain(image(0.5), image(target));
        let mut engine = Autograd::new(model.clone(), recipe.objective);
        let (losses, gradients) = engine.gradients(&batch).unwrap();
        assert_eq!(losses.mean(), loss, "logit {logit}, target {target}");
        let bias = gradient(&gradients, "bias", &vars["decoder.0.bias"]);
        assert_eq!(bias, [slope], "logit {logit}, target {target}");
    }
}

#[test]
fn every_shipped_network_is_the_same_as_lists_of_layers() {
    for shipped in builtin() {
        let mut recipe = Recipe::load(shipped.name, &[]).unwrap();
        let input = match recipe.data.points {
            Some(points) => [1, 1, points.width()],
            None => [1, 28, 28],
        };
        recipe.network.resolve_input(input).unwrap();
        let network = |recipe: &Recipe| common::network(recipe, DType::F32);
        let (model, parameters) = network(&recipe);

        recipe.network = NetworkConfig::Layers(lists(&recipe.network).unwrap());
        let text = recipe.to_toml().unwrap();
        let again = Recipe::parse(&text, Path::new("lists"), &[]).unwrap();
        assert_eq!(again, recipe, "{text}");
        let (listed, same) = network(&again);
        assert_eq!(listed.summary(), model.summary());
        assert_eq!(listed.code(), model.code());
        for ((name, one), (other_name, other)) in parameters.vars().iter().zip(same.vars()) {
            assert_eq!(*name, other_name);
            assert_eq!(common::values(one), common::values(&other), "{name}");
        }
    }
}

#[test]
fn layers_are_read_as_they_are_written() {
    for text in [
        "dense 64",
        "dense 64, no bias",
        "conv 3x3, 32",
        "conv 7x7, 1, stride 2, no bias",
        "conv-transpose 2x2, 16",
        "conv-transpose 4x4, 16, no bias",
        "max-pool 2",
        "upsample 3",
        "flatten",
        "reshape [128, 7, 7]",
        "reshape [10]",
        "group-norm 8",
        "relu",
        "leaky-relu (slope 0.2)",
        "scaled sigmoid (a 3, b 0.1)",
        "scaled leaky-relu (slope 0.5) (a -2, b 1)",
    ] {
        let layer: LayerSpec = text.parse().unwrap();
        assert_eq!(layer.to_string(), text);
        let spaced = format!("  {}", text.replace(", ", " , "));
        assert_eq!(spaced.parse::<LayerSpec>().unwrap(), layer, "{spaced}");
    }
    for (text, named) in [
        (
            "cnv 3x3, 8",
            "unknown layer `cnv 3x3, 8`, expected one of: dense UNITS",
        ),
        ("conv", "a square kernel"),
        ("conv 3, 8", "a square kernel"),
        ("conv 3x5, 8", "a square kernel"),
        ("conv 33x33, 8", "31x31"),
        ("conv 3x3", "a number from 1"),
        ("conv 3x3, 0", "a number from 1"),
        ("conv 3x3, 8, stride 0", "stride from 1 to 64"),
        ("conv 4x4, 8, stride 2", "an odd kernel, or stride 4"),
        ("conv 3x3, 8, padding 1", "in place of `padding 1`"),
        ("dense 99999999999999999999", "a number from 1"),
        ("dense64", "unknown layer"),
        ("reshape [2, 2]", "channels, height and width"),
        ("reshape 3", "sizes from 1"),
        ("leaky-relu (slope)", "an activation written as"),
        ("relu 3", "an activation written as relu"),
        ("residual", "residual = ["),
    ] {
        let message = text.parse::<LayerSpec>().unwrap_err();
        assert!(message.contains(named), "{text}: {message}");
    }
}

#[test]
fn lists_that_do_not_fit_name_the_layer_and_the_reason() {
    let refused = |encoder: &str, decoder: &str, named: &str| {
        let text = format!("encoder = {encoder}\ndecoder = {decoder}");
        let mut config: LayersConfig = toml::from_str(&text).unwrap();
        config.input = Some([1, 8, 8]);
        let config = NetworkConfig::Layers(config);
        let message = Autoencoder::outline(&config, DType::F32).unwrap_err();
        assert!(message.to_string().contains(named), "{message}");
    };
    let image = "['dense 64', 'reshape [1, 8, 8]']";
    refused(
        "['flatten', 'dense 4', 'conv 3x3, 2']",
        image,
        "encoder.2 (conv 3x3, 2): expected samples of channels, height and width",
    );
    refused(
        "['conv 3x3, 4, stride 3']",
        image,
        "encoder.0 (conv 3x3, 4, stride 3): expected height and width divisible by the stride, 3",
    );
    refused(
        "['conv 3x3, 4', { residual = ['relu', 'conv 3x3, 5'] }]",
        image,
        "encoder.1 (residual): expected layers that end in the shape they begin with, [4, 8, 8], found [5, 8, 8]",
    );
    refused(
        "['conv 3x3, 4', { residual = ['relu', { residual = ['max-pool 3'] }] }]",
        image,
        "encoder.1.1.0 (max-pool 3): expected height and width divisible by 3",
    );
    refused("[{ residual = [] }]", image, "at least one layer");
    refused(
        "['conv 3x3, 6', 'group-norm 4']",
        image,
        "channels divisible by 4",
    );
    refused(
        "['flatten', 'dense 4']",
        "['dense 63']",
        "an output shaped like the input",
    );
    let deep = "{ residual = [".repeat(20) + "'relu'" + &"] }".repeat(20);
    refused(
        &format!("[{deep}, 'flatten', 'dense 4']"),
        image,
        "layers within each other",
    );
}

#[test]
fn a_normalised_group_has_mean_0_and_variance_1() {
    let text = "encoder = ['conv 3x3, 6', 'group-norm 3']\ndecoder = ['conv 3x3, 1']";
    let mut config: LayersConfig = toml::from_str(text).unwrap();
    config.input = Some([1, 4, 5]);
    let parameters = Parameters::drawn(1);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let model = Autoencoder::new(&NetworkConfig::Layers(config), vb).unwrap();
    let mut stream = Stream::new(1, Purpose::Init, 0, 0);
    let images = common::uniform(&mut stream, &[3, 1, 4, 5], 0.0, 1.0, DType::F32);
    let codes = common::values(&model.encode(&images).unwrap());
    for group in codes.chunks(2 * 4 * 5) {
        let mean = group.iter().sum::<f64>() / group.len() as f64;
        let variance = group.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / group.len() as f64;
        assert!(
            mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-2,
            "{mean}, {variance}"
        );
    }
    let names: Vec<String> = parameters
        .vars()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(names.contains(&"encoder.1.weight".to_string()), "{names:?}");
}
