//! Mixtures of Gaussians: against numpy's (`tests/data/mixture_reference.json`, which
//! `scripts/reference_mixture.py` writes), on data that is hard to fit, and in a checkpoint.

use crate::common;
use std::path::Path;

use autoencode::checkpoint::Checkpoint;
use autoencode::codes::Mixture;
use autoencode::random::{Purpose, Stream};
use autoencode::{Error, Result};
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    weights: Vec<f32>,
    means: Vec<f32>,
    factors: Vec<f32>,
    places: Vec<f32>,
    log_density: Vec<f64>,
    codes: Vec<f32>,
    best: Best,
}

/// The mixture with the highest likelihood for the codes.
#[derive(Deserialize)]
struct Best {
    weights: Vec<f64>,
    means: Vec<f64>,
    covariances: Vec<f64>,
    log_density: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../data/mixture_reference.json")).unwrap()
}

fn tensor(values: &[f32], shape: &[usize]) -> Tensor {
    Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
}

/// A checkpoint with the reference's mixture.
fn checkpoint() -> Checkpoint {
    let recipe = common::recipe("dense-32", &["network.encoder=[2]"], [1, 28, 28]);
    let mut checkpoint = common::checkpoint(recipe);
    let reference = reference();
    for (name, values, shape) in [
        ("weights", &reference.weights, &[3][..]),
        ("means", &reference.means, &[3, 2]),
        ("factors", &reference.factors, &[3, 2, 2]),
    ] {
        let tensor = tensor(values, shape);
        checkpoint.sampling.insert(name.to_string(), tensor);
    }
    checkpoint
}

fn of(checkpoint: &Checkpoint) -> Result<Option<Mixture>> {
    Mixture::of(checkpoint, 2, Path::new("file.safetensors"))
}

fn known() -> Mixture {
    of(&checkpoint()).unwrap().unwrap()
}

fn fit(codes: &[f32], dim: usize, components: usize) -> Mixture {
    Mixture::fit(codes, dim, components, 1, &mut |_, _| true).unwrap()
}

/// `factor factor^T`, row-major.
fn covariance(factor: &[f64], dim: usize) -> Vec<f64> {
    let row = |i: usize| &factor[i * dim..(i + 1) * dim];
    let product = |i: usize, j: usize| row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
    (0..dim * dim)
        .map(|at| product(at / dim, at % dim))
        .collect()
}

fn normal(count: usize, seed: u64) -> Vec<f32> {
    let mut values = vec![0f32; count];
    Stream::new(seed, Purpose::Picture, 0, 0).fill_normal(&mut values);
    values
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs().max(1.0),
            "{found} and {expected}"
        );
    }
}

#[test]
fn the_log_density_is_numpys() {
    let reference = reference();
    let found = known().log_density(&reference.places).unwrap();
    assert_close(&found, &reference.log_density, 1e-10);
}

#[test]
fn a_fit_finds_the_mixture_with_the_highest_likelihood() {
    let Reference { codes, best, .. } = reference();
    let mixture = fit(&codes, 2, 3);
    assert_eq!((mixture.components(), mixture.dim()), (3, 2));
    let density = mixture.log_density(&codes).unwrap();
    let mean = density.iter().sum::<f64>() / density.len() as f64;
    assert!(
        mean < best.log_density + 1e-6 && mean > best.log_density - 1e-3,
        "{mean} and {}",
        best.log_density
    );
    for (number, expected) in best.means.chunks(2).enumerate() {
        let away = |mean: &[f64]| (mean[0] - expected[0]).hypot(mean[1] - expected[1]);
        let nearest = (mixture.means().enumerate())
            .min_by(|a, b| away(a.1).total_cmp(&away(b.1)))
            .unwrap();
        assert_close(nearest.1, expected, 0.01);
        let weight = mixture.weights()[nearest.0];
        assert_close(&[weight], &[best.weights[number]], 0.002);
        let factor = mixture.factors().nth(nearest.0).unwrap();
        let expected = &best.covariances[4 * number..4 * number + 4];
        assert_close(&covariance(factor, 2), expected, 0.02);
    }
}

#[test]
fn more_of_the_same_codes_do_not_change_which_are_drawn() {
    let mixture = known();
    let draw = |seed, first, count| {
        let codes = mixture.sample(seed, first, count, &Device::Cpu).unwrap();
        assert_eq!(codes.dims(), [count, 2]);
        common::bits(&codes)
    };
    let many = draw(4, 0, 300);
    assert_eq!(draw(4, 0, 3), many[..6]);
    assert_eq!(draw(4, 299, 1), many[598..]);
    assert_ne!(draw(5, 0, 3), many[..6]);
}

#[test]
fn drawn_codes_have_the_moments_of_the_mixture() {
    let mixture = known();
    let count = 40_000;
    let codes = mixture.sample(1, 0, count, &Device::Cpu).unwrap();
    let codes = common::values(&codes);
    let mean_of =
        |value: &dyn Fn(&[f64]) -> f64| codes.chunks(2).map(value).sum::<f64>() / count as f64;
    let each = || {
        mixture
            .weights()
            .iter()
            .zip(mixture.means().zip(mixture.factors()))
    };
    for i in 0..2 {
        let expected: f64 = each().map(|(weight, (mean, _))| weight * mean[i]).sum();
        assert_close(&[mean_of(&|code| code[i])], &[expected], 0.05);
        for j in 0..2 {
            let second =
                |mean: &[f64], factor: &[f64]| mean[i] * mean[j] + covariance(factor, 2)[2 * i + j];
            let expected: f64 = each()
                .map(|(w, (mean, factor))| w * second(mean, factor))
                .sum();
            assert_close(&[mean_of(&|code| code[i] * code[j])], &[expected], 0.03);
        }
    }
    // The second component is alone in its quarter.
    let share = mean_of(&|code| f64::from(u8::from(code[0] > 0.0 && code[1] > 0.0)));
    assert!((share - 0.3125).abs() < 0.01, "{share}");
}

#[test]
fn the_likelihood_never_falls_even_where_covariances_reach_their_floor() {
    // On a plane in five dimensions, in three heaps with far outliers: no covariance has full rank.
    let plane = normal(3000, 2);
    let codes: Vec<f32> = (plane.chunks(2).enumerate())
        .flat_map(|(number, at)| {
            let (heap, far) = (
                (number % 3) as f32 * 4.0,
                if number % 50 == 0 { 20.0 } else { 1.0 },
            );
            let (x, y) = (at[0] * far + heap, at[1] * far);
            [x, y, x + y, x - 2.0 * y, 3.0]
        })
        .collect();
    let mut path = Vec::new();
    let mixture = Mixture::fit(&codes, 5, 12, 3, &mut |round, density| {
        path.push(density);
        assert_eq!(round, path.len());
        true
    })
    .unwrap();
    assert!(path.len() > 5, "{path:?}");
    for pair in path.windows(2) {
        assert!(pair[1] >= pair[0] - 1e-9, "{path:?}");
    }
    assert!(path[path.len() - 1] > path[0] + 0.01, "{path:?}");
    // What was told is the density of the codes as they were given; the last round comes on top.
    let density = mixture.log_density(&codes).unwrap();
    let mean = density.iter().sum::<f64>() / density.len() as f64;
    let told = path[path.len() - 1];
    assert!(
        mean > told - 1e-4 && mean < told + 2e-3,
        "{mean} and {told}"
    );
}

#[test]
fn a_fit_ends_where_it_is_told_to() {
    let codes = normal(2000, 1);
    let mut rounds = 0;
    Mixture::fit(&codes, 2, 8, 1, &mut |_, _| {
        rounds += 1;
        rounds < 2
    })
    .unwrap();
    assert_eq!(rounds, 2);
}

#[test]
fn equal_codes_are_one_narrow_gaussian() {
    let code = [1.5f32, -2.0, 0.0];
    let mixture = fit(&code.repeat(200), 3, 5);
    assert_eq!(mixture.components(), 1);
    assert_eq!(mixture.means().next().unwrap(), code.map(f64::from));
    let drawn = common::values(&mixture.sample(1, 0, 50, &Device::Cpu).unwrap());
    for (place, value) in drawn.iter().enumerate() {
        assert!((value - f64::from(code[place % 3])).abs() < 1e-3, "{value}");
    }
    assert!(mixture.log_density(&code).unwrap()[0].is_finite());
}

#[test]
fn no_more_components_are_fitted_than_there_are_codes_for() {
    assert_eq!(Mixture::most_components(3, 2), 1);
    assert_eq!(Mixture::most_components(99, 2), 9);
    assert_eq!(Mixture::most_components(990, 33), 30);
    let codes = normal(6, 1);
    assert_eq!(fit(&codes, 2, 50).components(), 1);
    assert_eq!(fit(&codes[..2], 2, 50).components(), 1);
    // A hundred codes, but only two different ones.
    let codes = [[0f32, 1.0], [0.0, 1.0], [0.0, 1.0], [5.0, 2.0]]
        .concat()
        .repeat(25);
    let mixture = fit(&codes, 2, 8);
    let mut weights = mixture.weights().to_vec();
    weights.sort_by(f64::total_cmp);
    assert_eq!(weights, [0.25, 0.75]);
}

#[test]
fn a_value_that_is_always_the_same_stays_so() {
    let codes: Vec<f32> = normal(1000, 1)
        .into_iter()
        .flat_map(|value| [100.0 * value, 7.0])
        .collect();
    let mixture = fit(&codes, 2, 4);
    let drawn = common::values(&mixture.sample(1, 0, 2000, &Device::Cpu).unwrap());
    assert!(drawn.chunks(2).all(|code| (code[1] - 7.0).abs() < 0.1));
    let square = drawn.chunks(2).map(|code| code[0] * code[0]).sum::<f64>() / 2000.0;
    assert!((square.sqrt() - 100.0).abs() < 5.0, "{square}");
}

#[test]
fn the_fit_is_the_same_for_any_number_of_threads_and_follows_the_seed() {
    // More rows than are added at once.
    let codes = normal(6 * 5000, 9);
    let with = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| Mixture::fit(&codes, 6, 20, seed, &mut |round, _| round < 8).unwrap())
    };
    assert_eq!(with(1, 1), with(2, 1));
    assert_ne!(with(1, 1), with(1, 2));
}

#[test]
fn codes_that_cannot_be_fitted_are_refused() {
    let refused = |codes: &[f32], dim, components| -> Error {
        Mixture::fit(codes, dim, components, 1, &mut |_, _| true).unwrap_err()
    };
    for (error, named) in [
        (refused(&[], 2, 3), "one or more"),
        (refused(&[1.0; 5], 2, 3), "5 values"),
        (refused(&[1.0; 4], 0, 3), "1 or more"),
        (refused(&[1.0; 4], 2, 0), "components"),
        (refused(&[1.0, f32::NAN], 2, 1), "NaN"),
        (known().log_density(&[1.0; 3]).unwrap_err(), "3 values"),
    ] {
        assert!(error.to_string().contains(named), "{error}");
        assert!(error.is_input());
    }
}

#[test]
fn a_checkpoint_keeps_a_mixture_to_the_bit_beside_its_weights() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("network.safetensors");
    let mut written = checkpoint();
    written.sampling = fit(&reference().codes, 2, 3).to_tensors().unwrap();
    written.write(&path).unwrap();
    let read = Checkpoint::read(&path).unwrap();
    assert_eq!(of(&read).unwrap().unwrap(), fit(&reference().codes, 2, 3));
    assert_eq!(read.weights.len(), written.weights.len());
    assert_eq!(read.optimizer.len(), written.optimizer.len());
    read.model(&path, &Device::Cpu).unwrap();
    assert!(read.to_bytes().unwrap() == written.to_bytes().unwrap());

    written.sampling.clear();
    written.write(&path).unwrap();
    assert_eq!(of(&Checkpoint::read(&path).unwrap()).unwrap(), None);
}

#[test]
fn every_tensor_that_does_not_fit_is_named() {
    let mut broken = checkpoint();
    broken.sampling.remove("means");
    let factors = tensor(&[1.0; 12], &[3, 4]);
    broken.sampling.insert("factors".to_string(), factors);
    let extra = tensor(&[1.0], &[1]);
    broken.sampling.insert("colours".to_string(), extra);
    let weights = broken.sampling["weights"].to_dtype(DType::F64).unwrap();
    broken.sampling.insert("weights".to_string(), weights);
    let error = of(&broken).unwrap_err().to_string();
    for part in [
        "file.safetensors",
        "`sampling.weights` is [3] F64, expected [3] F32",
        "`sampling.means` [3, 2] is missing",
        "`sampling.factors` is [3, 4] F32, expected [3, 2, 2] F32",
        "`sampling.colours` belongs to no mixture",
    ] {
        assert!(error.contains(part), "{error}");
    }
    // Of a network with another code.
    let error = Mixture::of(&checkpoint(), 5, Path::new("x")).unwrap_err();
    assert!(error.to_string().contains("expected [3, 5] F32"), "{error}");
}

#[test]
fn values_that_are_no_density_are_refused() {
    for (name, place, value, named) in [
        ("means", 4, f32::NAN, "NaN in `sampling.means`"),
        ("factors", 0, f32::INFINITY, "inf in `sampling.factors`"),
        ("weights", 1, -0.25, "positive values in `sampling.weights`"),
        ("weights", 1, 0.5, "a sum of 1"),
        ("factors", 3, 0.0, "on the diagonals"),
        ("factors", 1, 0.5, "above the diagonals"),
    ] {
        let mut broken = checkpoint();
        let whole = &broken.sampling[name];
        let mut values: Vec<f32> = whole.flatten_all().unwrap().to_vec1().unwrap();
        values[place] = value;
        let changed = tensor(&values, whole.dims());
        broken.sampling.insert(name.to_string(), changed);
        let error = of(&broken).unwrap_err();
        assert!(error.to_string().contains(named), "{name}: {error}");
        assert!(error.is_input());
    }
}
