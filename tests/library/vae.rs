//! Variational autoencoders: their distributions, their bound, and what is drawn from them.

use crate::common::{self, autoencode, repository, write_idx};
use std::fs;
use std::path::Path;

use autoencode::data::{Images, Preparation};
use autoencode::engine::Inference;
use autoencode::evaluate::{Conditions, Part, evaluate};
use autoencode::network::{Autoencoder, Code, Posterior};
use autoencode::recipe::{Elbo, Objective, Recipe, Reconstruction};
use candle_core::{DType, Device, Tensor};
use predicates::prelude::*;
use predicates::str::contains;

fn posterior(mean: &[f32], log_variance: &[f32]) -> Posterior {
    let row = |values: &[f32]| Tensor::from_slice(values, (1, values.len()), &Device::Cpu).unwrap();
    Posterior {
        mean: row(mean),
        log_variance: row(log_variance),
    }
}

/// The divergence as an integral of `q ln(q / p)`, without the closed form.
fn divergence(mean: f64, deviation: f64) -> f64 {
    let log_density = |x: f64, mean: f64, deviation: f64| {
        let z = (x - mean) / deviation;
        -0.5 * z * z - (deviation * (2.0 * std::f64::consts::PI).sqrt()).ln()
    };
    let step = deviation / 1000.0;
    (-10_000..=10_000)
        .map(|place| {
            let x = mean + f64::from(place) * step;
            let q = log_density(x, mean, deviation);
            q.exp() * (q - log_density(x, 0.0, 1.0)) * step
        })
        .sum()
}

#[test]
fn the_divergence_is_the_integral_that_it_stands_for() {
    let cases = [
        (0.0f32, 0.0f32),
        (1.5, 0.0),
        (0.0, -3.0),
        (-2.0, 1.0),
        (0.3, 4.0),
    ];
    for (mean, log_variance) in cases {
        let kl = posterior(&[mean], &[log_variance]).kl().unwrap();
        let found = common::values(&kl)[0];
        let expected = divergence(f64::from(mean), (f64::from(log_variance) / 2.0).exp());
        assert!(
            (found - expected).abs() < 1e-4 * expected.abs().max(1.0),
            "mean {mean}, log-variance {log_variance}: {found} and {expected}"
        );
    }
}

#[test]
fn a_sample_is_the_mean_moved_by_noise_times_the_standard_deviation() {
    let noise = Tensor::new(&[[2.0f32, -1.0, 0.0]], &Device::Cpu).unwrap();
    let sample = posterior(&[1.0, 2.0, 3.0], &[0.0, 2.0 * 3f32.ln(), 1.0])
        .sample(&noise)
        .unwrap();
    for (found, expected) in common::values(&sample).iter().zip([3.0, -1.0, 3.0]) {
        assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
    }
}

#[test]
fn log_variances_stay_in_range_whatever_the_encoder_says() {
    let recipe = common::recipe(
        "vae",
        &["network.encoder=[4]", "network.latent=2"],
        [1, 2, 2],
    );
    let (model, parameters) = common::network(&recipe, DType::F32);
    for (name, var) in parameters.vars() {
        if name == "encoder.3.bias" {
            let far = Tensor::new(&[0f32, 0.0, 1e6, -1e6], &Device::Cpu).unwrap();
            var.set(&far).unwrap();
        }
    }
    let image = Tensor::zeros((1, 1, 2, 2), DType::F32, &Device::Cpu).unwrap();
    let posterior = model.posterior(&image).unwrap();
    assert_eq!(common::values(&posterior.log_variance), [8.0, -8.0]);
    assert!(
        common::values(&posterior.kl().unwrap())
            .iter()
            .all(|kl| kl.is_finite())
    );
}

#[test]
fn the_weight_of_the_divergence_rises_to_beta() {
    let objective = Objective {
        elbo: Some(Elbo {
            beta: 4.0,
            warmup_steps: 100,
            sigma: 1.0,
        }),
        ..Objective::of(Reconstruction::Bce)
    };
    let weights = [0, 25, 100, 1_000_000].map(|step| objective.kl_weight(step));
    assert_eq!(weights, [0.0, 1.0, 4.0, 4.0]);
}

fn measured(model: &Autoencoder, images: &Images, objective: Objective) -> [f64; 4] {
    let conditions = Conditions {
        preparation: Preparation::default(),
        objective,
        part: Part::Test,
        seed: 0,
    };
    let network = Inference::new(model.clone());
    let report = evaluate(&network, images, &conditions, &Device::Cpu).unwrap();
    let elbo = report.elbo.clone().unwrap();
    assert_eq!(report.loss(objective), elbo.loss);
    let by_dimension: f64 = elbo.kl_by_dimension.iter().sum();
    assert!((by_dimension - elbo.kl).abs() < 1e-4 * elbo.kl.max(1.0));
    [elbo.loss, elbo.neg_elbo, elbo.reconstruction, elbo.kl]
}

#[test]
fn the_bound_is_the_sum_of_its_parts_in_nats_an_image() {
    let settings = [
        "network.encoder=[16]",
        "network.latent=4",
        "objective.elbo.beta=3",
    ];
    let recipe = common::recipe("vae", &settings, [1, 28, 28]);
    let (model, _) = common::network(&recipe, DType::F32);
    let images = common::sample().test;
    let [loss, neg_elbo, reconstruction, kl] = measured(&model, &images, recipe.objective);
    assert!((neg_elbo - reconstruction - kl).abs() < 1e-9);
    assert!((loss - reconstruction - 3.0 * kl).abs() < 1e-9);
    // Untrained, every pixel costs about ln 2.
    let coin = 784.0 * std::f64::consts::LN_2;
    assert!(
        (reconstruction / coin - 1.0).abs() < 0.1,
        "{reconstruction} and {coin}"
    );

    // Parts of the set, each measured by itself, add up to the whole.
    let half = |range: std::ops::Range<u32>| images.subset(&range.collect::<Vec<_>>()).unwrap();
    let first = measured(&model, &half(0..500), recipe.objective);
    let whole = measured(&model, &half(0..1000), recipe.objective);
    let again = measured(&model, &half(0..500), recipe.objective);
    assert_eq!(first, again);
    assert_ne!(first, whole);
}

#[test]
fn a_recipe_is_variational_in_network_and_objective_or_in_neither() {
    let load = |name: &str, settings: &[&str]| {
        let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
        Recipe::load(name, &settings).map_err(|error| error.to_string())
    };
    let error = load("conv-denoiser", &["objective.elbo={}"]).unwrap_err();
    assert!(error.contains("objective.elbo"), "{error}");
    for (setting, named) in [
        ("network.latent=0", "network.latent"),
        ("network.body=round", "network"),
        ("network.decoder=[8]", "network.decoder"),
        ("objective.elbo.beta=-1", "objective.elbo.beta"),
        ("objective.elbo.sigma=0", "objective.elbo.sigma"),
        ("objective.elbo.gamma=1", "objective.elbo"),
    ] {
        let error = load("conv-vae", &[setting]).unwrap_err();
        assert!(error.contains(named), "{setting}: {error}");
    }
    let mut recipe = load("conv-vae", &[]).unwrap();
    recipe.objective.elbo = None;
    assert!(
        recipe
            .validate()
            .unwrap_err()
            .to_string()
            .contains("objective.elbo")
    );
}

#[test]
fn conv_vae_has_its_layers_and_a_code_of_its_size() {
    let recipe = common::recipe("conv-vae", &["network.latent=5"], [3, 16, 8]);
    let (model, _) = common::network(&recipe, DType::F32);
    assert_eq!(model.code(), Code::Gaussian { latent: 5 });
    assert_eq!(model.code_shape(), [5]);
    let images = Tensor::zeros((3, 3, 16, 8), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(model.encode(&images).unwrap().dims(), [3, 5]);
    assert_eq!(model.reconstruct(&images).unwrap().dims(), [3, 3, 16, 8]);
    let small = common::recipe("conv-vae", &[], [1, 28, 28]);
    let layers: Vec<String> = common::network(&small, DType::F32)
        .0
        .summary()
        .layers
        .into_iter()
        .map(|row| row.layer)
        .collect();
    assert_eq!(
        layers[7], "dense 32",
        "mean and log-variance of 16 dimensions: {layers:?}"
    );
}

/// Trains a small network through the program.
fn train(data: &Path, run: &Path, arguments: &[&str]) {
    autoencode()
        .args([
            "train",
            "vae",
            "--set",
            "network.encoder=[64]",
            "--set",
            "network.latent=8",
        ])
        .args(["--set", "objective.elbo.warmup_steps=20"])
        .args(arguments)
        .arg("--data")
        .arg(data)
        .arg("--output")
        .arg(run)
        .assert()
        .success();
}

#[test]
fn training_lowers_the_bound_and_reports_its_parts() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_idx(data.path(), 1000, 100);
    let run = out.path().join("run");
    train(data.path(), &run, &["--epochs", "8", "--batch-size", "32"]);
    let rows: Vec<serde_json::Value> = fs::read_to_string(run.join("metrics.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |row: usize, name: &str| rows[row][name].as_f64().unwrap();
    let bound = "val_neg_elbo_nats_per_image";
    assert!(
        of(7, bound) < 0.7 * of(0, bound),
        "{} {}",
        of(0, bound),
        of(7, bound)
    );
    assert!(of(7, "val_kl_nats_per_image") > 0.5);
    assert!(of(7, "train_kl_nats_per_image") > 0.5);

    // A new digit is the same digit for the same key, however many are drawn.
    let sample = |name: &str, arguments: &[&str]| {
        let folder = out.path().join(name);
        autoencode()
            .args(["sample", "--checkpoint"])
            .arg(&run)
            .args(arguments)
            .arg("--output")
            .arg(&folder)
            .assert()
            .success();
        fs::read(folder.join("sample-0002.png")).unwrap()
    };
    let first = sample("first", &["--count", "3"]);
    assert!(first == sample("more", &["--count", "300"]));
    assert!(first != sample("other", &["--count", "3", "--seed", "2"]));
    assert_eq!(fs::read_dir(out.path().join("more")).unwrap().count(), 300);

    let grid = out.path().join("new/grid.png");
    let draw = || {
        let mut command = autoencode();
        command
            .args(["sample", "--count", "10", "--checkpoint"])
            .arg(&run);
        command.arg("--sheet").arg(&grid);
        command
    };
    draw().assert().success();
    draw().assert().code(2).stderr(contains("--force"));
    let evaluated = autoencode()
        .args(["evaluate", "--checkpoint"])
        .arg(&run)
        .arg("--data")
        .arg(data.path())
        .output()
        .unwrap();
    let text = String::from_utf8(evaluated.stdout).unwrap();
    assert!(
        text.contains("negative ELBO") && text.contains("of 8 latent dimensions"),
        "{text}"
    );
}

#[test]
fn a_network_without_a_prior_has_no_samples() {
    autoencode()
        .args(["sample", "--sheet", "grid.png", "--checkpoint"])
        .arg(repository("models/conv-denoiser.safetensors"))
        .assert()
        .code(2)
        .stderr(contains("variational").and(contains("conv-denoiser")));
}
