//! Principal components against numpy's (`tests/data/pca_reference.json`, which
//! `scripts/reference_pca.py` writes), the nearest neighbours of codes, and both through the program.

use crate::common::{self, autoencode, repository, write_idx};
use autoencode::data::{Dataset, Images, Preparation};
use autoencode::engine::Inference;
use autoencode::evaluate::{
    Conditions, Labelled, Part, Pca, code_knn, codes, compression, knn_accuracy, knn_labels,
    pca_baseline, psnr_db, squared_error,
};
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::{Corruption, Noise, Objective, Reconstruction};
use candle_core::{DType, Device};
use predicates::prelude::*;
use predicates::str::contains;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Reference {
    small: Small,
    digits: Digits,
}

#[derive(Deserialize)]
struct Small {
    rows: Vec<f32>,
    mean: Vec<f64>,
    components: Vec<f64>,
    explained_variance: Vec<f64>,
    total_variance: f64,
    codes: Vec<f64>,
    reconstructions: Vec<f64>,
}

#[derive(Deserialize)]
struct Digits {
    explained_variance: Vec<f64>,
    total_variance: f64,
    first_codes: Vec<f64>,
    component_sums: Vec<f64>,
    squared_error: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../data/pca_reference.json")).unwrap()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs().max(1.0),
            "value {place}: {found} and {expected}"
        );
    }
}

fn flat(pca: &Pca) -> Vec<f64> {
    pca.components().flatten().copied().collect()
}

/// The values of the first images, as the networks see them.
fn values(images: &Images, count: usize) -> Vec<f32> {
    let pixels = images.pixels().iter().take(count * images.image_len());
    pixels.map(|&byte| f32::from(byte) / 255.0).collect()
}

#[test]
fn principal_components_are_numpys() {
    let Small {
        rows,
        mean,
        components,
        explained_variance,
        total_variance,
        codes,
        reconstructions,
    } = reference().small;
    let pca = Pca::fit(&rows, 6, 3).unwrap();
    assert_close(pca.mean(), &mean, 1e-11);
    assert_close(&flat(&pca), &components, 1e-10);
    assert_close(pca.explained_variance(), &explained_variance, 1e-11);
    assert_close(&[pca.total_variance()], &[total_variance], 1e-11);
    assert_close(&pca.project_rows(&rows).unwrap(), &codes, 1e-10);
    let found = pca.reconstruct_rows(&codes).unwrap();
    assert_close(&found, &reconstructions, 1e-10);
    // One row by itself.
    assert_close(&pca.project(&rows[6..12]).unwrap(), &codes[3..6], 1e-10);
    let found = pca.reconstruct(&codes[3..6]).unwrap();
    assert_close(&found, &reconstructions[6..12], 1e-10);
}

#[test]
fn principal_components_of_digits_are_numpys() {
    let expected = reference().digits;
    let digits = values(&common::sample().test, 500);
    let pca = Pca::fit(&digits, 784, 12).unwrap();
    assert_close(pca.explained_variance(), &expected.explained_variance, 1e-9);
    assert_close(&[pca.total_variance()], &[expected.total_variance], 1e-9);
    let sums: Vec<f64> = pca
        .components()
        .map(|component| component.iter().sum())
        .collect();
    assert_close(&sums, &expected.component_sums, 1e-7);
    let codes = pca.project_rows(&digits).unwrap();
    assert_close(&codes[..4 * 12], &expected.first_codes, 1e-7);
    let error: f64 = pca
        .reconstruct_rows(&codes)
        .unwrap()
        .iter()
        .zip(&digits)
        .map(|(found, &value)| (found - f64::from(value)).powi(2))
        .sum();
    assert_close(&[error], &[expected.squared_error], 1e-9);
}

#[test]
fn components_have_the_same_bits_for_any_number_of_threads() {
    let digits = values(&common::sample().test, 700);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let fit = || Pca::fit(&digits, 784, 5).unwrap();
        pool.build().unwrap().install(fit)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn components_of_long_rows_are_those_of_the_whole_covariance() {
    // Rows of 5,000 values that lie in the space of six directions, plus a seventh without variance.
    let small = reference().small;
    let dim = 5000;
    let mut stream = Stream::new(3, Purpose::Picture, 0, 0);
    let mut basis = vec![0f32; 6 * dim];
    stream.fill_normal(&mut basis);
    let basis: Vec<f64> = orthonormal(&basis, dim);
    let rows: Vec<f32> = small
        .rows
        .chunks(6)
        .flat_map(|row| {
            (0..dim).map(|place| {
                let terms = row.iter().enumerate();
                let sum: f64 = terms
                    .map(|(i, &v)| f64::from(v) * basis[i * dim + place])
                    .sum();
                sum as f32
            })
        })
        .collect();
    let pca = Pca::fit(&rows, dim, 7).unwrap();
    assert_close(
        &pca.explained_variance()[..3],
        &small.explained_variance,
        1e-5,
    );
    assert_close(&[pca.total_variance()], &[small.total_variance], 1e-5);
    assert!(pca.explained_variance()[6] < 1e-9);
    for (component, expected) in pca.components().zip(small.components.chunks(6)) {
        let dot: f64 = (0..6)
            .map(|i| {
                let axis = &basis[i * dim..][..dim];
                expected[i] * axis.iter().zip(component).map(|(a, b)| a * b).sum::<f64>()
            })
            .sum();
        assert!((dot.abs() - 1.0).abs() < 1e-6, "{dot}");
    }
}

#[test]
fn components_from_a_part_of_the_eigenvectors_leave_no_residual() {
    // Rows of 1,176 values: a digit and a half.
    let digits = values(&common::sample().test, 999);
    let pca = Pca::fit(&digits, 1176, 20).unwrap();
    let (mean, count) = (pca.mean(), digits.len() / 1176);
    for (component, &variance) in pca.components().zip(pca.explained_variance()) {
        // The covariance times the component, row by row.
        let mut image = vec![0.0; 1176];
        for row in digits.chunks(1176) {
            let centred: Vec<f64> = row
                .iter()
                .zip(mean)
                .map(|(&v, m)| f64::from(v) - m)
                .collect();
            let along: f64 = centred.iter().zip(component).map(|(a, b)| a * b).sum();
            for (sum, value) in image.iter_mut().zip(centred) {
                *sum += along * value / (count - 1) as f64;
            }
        }
        let expected: Vec<f64> = component.iter().map(|value| variance * value).collect();
        assert_close(&image, &expected, 1e-8);
    }
    // None is missed: the decomposition of the whole finds the same variances.
    let all = Pca::fit(&digits, 1176, 300).unwrap();
    assert_close(
        pca.explained_variance(),
        &all.explained_variance()[..20],
        1e-9,
    );
}

/// Gram and Schmidt.
fn orthonormal(rows: &[f32], dim: usize) -> Vec<f64> {
    let mut done: Vec<f64> = Vec::new();
    for row in rows.chunks(dim) {
        let mut row: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
        for other in done.chunks(dim) {
            let dot: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(other).for_each(|(v, o)| *v -= dot * o);
        }
        let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        done.extend(row.iter().map(|v| v / norm));
    }
    done
}

#[test]
fn all_components_together_lose_nothing() {
    let rows = reference().small.rows;
    let pca = Pca::fit(&rows, 6, 6).unwrap();
    let codes = pca.project_rows(&rows).unwrap();
    let rows: Vec<f64> = rows.into_iter().map(f64::from).collect();
    assert_close(&pca.reconstruct_rows(&codes).unwrap(), &rows, 1e-12);
}

#[test]
fn components_that_cannot_be_fitted_are_refused() {
    for (rows, dim, components, named) in [
        (vec![1.0, 2.0], 2, 1, "2 or more"),
        (vec![1.0; 7], 2, 1, "whole rows"),
        (vec![1.0; 8], 0, 1, "whole rows"),
        (vec![1.0; 8], 2, 0, "1 to 2"),
        (vec![1.0; 8], 2, 3, "1 to 2"),
        (vec![1.0, 2.0, f32::NAN, 1.0], 2, 1, "finite"),
    ] {
        let error = Pca::fit(&rows, dim, components).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    let pca = Pca::fit(&[0.0, 1.0, 2.0, 5.0], 2, 1).unwrap();
    assert!(pca.project(&[1.0]).is_err());
    assert!(pca.project(&[1.0; 4]).is_err());
    assert!(pca.project_rows(&[1.0; 3]).is_err());
    assert!(pca.reconstruct(&[1.0, 2.0]).is_err());
}

/// The label by sorting all rows.
fn by_sorting(references: Labelled, query: &[f32], dim: usize, k: usize) -> u32 {
    let mut rows: Vec<(f64, u32)> = references
        .rows
        .chunks(dim)
        .zip(references.labels)
        .map(|(row, &label)| (squared_error(row, query), label))
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let nearest = &rows[..k];
    let votes = |label: u32| nearest.iter().filter(|row| row.1 == label).count();
    let most = nearest.iter().map(|row| votes(row.1)).max().unwrap();
    nearest.iter().find(|row| votes(row.1) == most).unwrap().1
}

#[test]
fn the_nearest_neighbours_of_digits_are_those_that_sorting_finds() {
    let data = common::sample();
    // More rows than are compared at once, on both sides.
    let (train, test) = (values(&data.train, 2500), values(&data.test, 150));
    let references = Labelled {
        rows: &train,
        labels: &data.train.labels()[..2500],
    };
    for k in [1, 4, 5, 30] {
        let found = knn_labels(references, &test, 784, k).unwrap();
        let expected: Vec<u32> = test
            .chunks(784)
            .map(|query| by_sorting(references, query, 784, k))
            .collect();
        assert_eq!(found, expected, "k = {k}");
        let queries = Labelled {
            rows: &test,
            labels: &data.test.labels()[..150],
        };
        let right = expected.iter().zip(queries.labels).filter(|(a, b)| a == b);
        let accuracy = knn_accuracy(references, queries, 784, k).unwrap();
        assert_eq!(accuracy, right.count() as f64 / 150.0);
        assert!(accuracy > 0.8, "{accuracy}");
    }
}

#[test]
fn of_labels_with_equally_many_neighbours_the_nearer_wins() {
    let references = Labelled {
        rows: &[0.0, 1.0, -2.0, 3.0, 10.0],
        labels: &[3, 7, 7, 3, 70_000],
    };
    let label = |query: f32, k: usize| knn_labels(references, &[query], 1, k).unwrap()[0];
    assert_eq!(label(0.4, 1), 3);
    assert_eq!(label(0.4, 2), 3);
    assert_eq!(label(0.6, 2), 7);
    assert_eq!(label(0.4, 3), 7);
    assert_eq!(label(0.4, 4), 3);
    assert_eq!(label(9.0, 1), 70_000);
    // At equal distances the first row counts as nearer.
    assert_eq!(label(0.5, 1), 3);
}

#[test]
fn neighbours_that_cannot_be_told_are_refused() {
    let references = Labelled {
        rows: &[0.0, 1.0, 2.0, 3.0],
        labels: &[0, 1],
    };
    for (queries, dim, k, named) in [
        (vec![0.0, 1.0], 2, 0, "1 to 2"),
        (vec![0.0, 1.0], 2, 3, "1 to 2"),
        (vec![0.0; 3], 2, 1, "whole rows"),
        (vec![0.0; 3], 3, 1, "references"),
        (vec![], 0, 1, "references"),
        (vec![0.0, f32::INFINITY], 2, 1, "finite"),
    ] {
        let error = knn_labels(references, &queries, dim, k).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}

/// Some of the sample, small enough for a test.
fn some_digits(train: u32, test: u32) -> Dataset {
    let mut data = common::sample();
    let first = |images: &Images, count: u32| {
        let indices: Vec<u32> = (0..count).collect();
        images.subset(&indices).unwrap()
    };
    (data.train, data.test) = (first(&data.train, train), first(&data.test, test));
    data
}

fn under(corruption: Corruption) -> Conditions {
    Conditions {
        preparation: Preparation {
            corruption,
            ..Preparation::default()
        },
        objective: Objective::of(Reconstruction::Bce),
        part: Part::Test,
        seed: 0,
    }
}

#[test]
fn the_codes_of_a_set_are_those_of_its_images_in_order() {
    let data = some_digits(10, 260);
    let recipe = common::recipe("dense-32", &["network.encoder=[6]"], [1, 28, 28]);
    let (model, _) = common::network(&recipe, DType::F32);
    let network = Inference::new(model.clone());
    assert!((compression(&model) - 784.0 / 6.0).abs() < 1e-12);
    let mut seen = 0;
    let found = codes(&network, &data.test, &Device::Cpu, &mut |count| {
        seen += count
    })
    .unwrap();
    assert_eq!((found.len(), seen), (260 * 6, 260));
    let last = data.test.batch(&[259], &Device::Cpu).unwrap();
    let last = common::values(&model.encode(&last).unwrap());
    let found: Vec<f64> = found[259 * 6..].iter().map(|&v| f64::from(v)).collect();
    assert_close(&found, &last, 1e-5);
}

#[test]
fn codes_are_not_compared_without_labels_or_when_they_are_long() {
    let mut data = some_digits(20, 10);
    let unmeasured = |data: &Dataset, name: &str, settings: &[&str]| {
        let recipe = common::recipe(name, settings, [1, 28, 28]);
        let (model, _) = common::network(&recipe, DType::F32);
        let report = code_knn(&Inference::new(model), data, 5, &Device::Cpu, &mut |_| {}).unwrap();
        assert_eq!(report.accuracy, None);
        report.reason.unwrap()
    };
    let reason = unmeasured(&data, "conv-denoiser", &[]);
    assert!(reason.contains("1,024 values"), "{reason}");
    let unlabelled = |images: &Images| {
        let pixels = images.pixels().to_vec();
        Images::new(images.shape(), pixels, vec![0; images.len()]).unwrap()
    };
    (data.train, data.test) = (unlabelled(&data.train), unlabelled(&data.test));
    let reason = unmeasured(&data, "dense-32", &[]);
    assert!(reason.contains("labels"), "{reason}");
}

#[test]
fn the_baseline_projects_what_the_network_sees_and_compares_with_the_clean_images() {
    let data = some_digits(800, 300);
    let pca = Pca::fit(&values(&data.train, 800), 784, 12).unwrap();
    let clean = values(&data.test, 300);
    for corruption in [Corruption::None, Corruption::Gaussian(Noise::of(0.5))] {
        let report = pca_baseline(12, &data, &under(corruption)).unwrap();
        assert_eq!((report.components, report.fitted), (12, 800));
        let key = Part::Test.noise_key(Purpose::Evaluation, 0);
        let (mut mse, mut psnr) = (0.0, 0.0);
        for (index, clean) in (0u64..).zip(clean.chunks(784)) {
            let mut seen = clean.to_vec();
            corruption.apply(key, index, &mut seen);
            let output = pca.reconstruct(&pca.project(&seen).unwrap()).unwrap();
            let output: Vec<f32> = output.into_iter().map(|v| v as f32).collect();
            mse += squared_error(&output, clean) / (300.0 * 784.0);
            psnr += psnr_db(&output, clean) / 300.0;
        }
        let quality = report.quality.unwrap();
        assert_close(&[quality.mse_per_pixel], &[mse], 1e-9);
        assert_close(&[quality.psnr_db.unwrap()], &[psnr], 1e-9);
        assert_eq!(quality.bce_per_pixel, None);
        let part: f64 = pca.explained_variance().iter().sum::<f64>() / pca.total_variance();
        assert_close(&[report.explained_variance.unwrap()], &[part], 1e-12);
        assert!((0.5..0.7).contains(&part), "{part}");
    }
}

#[test]
fn as_many_components_as_values_are_not_measured() {
    let data = some_digits(20, 10);
    let report = pca_baseline(784, &data, &under(Corruption::None)).unwrap();
    assert_eq!(report.quality, None);
    assert!(report.reason.unwrap().contains("784"));
}

/// What `evaluate` prints.
fn evaluated(arguments: &[&str]) -> String {
    let output = autoencode()
        .arg("evaluate")
        .args(arguments)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn evaluate_measures_a_trained_network_beside_principal_components() {
    let folder = tempfile::tempdir().unwrap();
    write_idx(folder.path(), 1500, 200);
    let run = folder.path().join("run");
    let (data, run) = (folder.path().to_str().unwrap(), run.to_str().unwrap());
    autoencode()
        .args(["train", "dense-32", "--epochs", "6", "--batch-size", "32"])
        .args([
            "--set",
            "network.encoder=[16]",
            "--data",
            data,
            "--output",
            run,
        ])
        .assert()
        .success();
    let network = ["--checkpoint", run, "--data", data];
    let all = |more: &[&str]| evaluated(&[&network, more].concat());

    let json: Value = serde_json::from_str(&all(&["--pca", "--knn", "--json"])).unwrap();
    assert_eq!(json["compression_factor"], 49.0);
    assert_eq!(json["pca"]["components"], 16);
    assert_eq!(json["pca"]["fitted"], 1350);
    assert_eq!(json["knn"]["k"], 5);
    assert_eq!(json["knn"]["references"], 1350);
    assert_eq!(json["knn"]["queries"], 200);
    let accuracy = json["knn"]["accuracy"].as_f64().unwrap();
    // By chance it would be a tenth.
    assert!((0.5..1.0).contains(&accuracy), "{accuracy}");
    // So few epochs do not bring the network below the best linear code.
    let mse = |json: &Value| json["mse_per_pixel"].as_f64().unwrap();
    let pca = mse(&json["pca"]["quality"]);
    assert!((0.02..0.04).contains(&pca), "{pca}");
    assert!(pca < mse(&json["test"]["output"]), "{json}");
    for threads in ["1", "3"] {
        let again = all(&["--pca", "--knn", "--json", "--threads", threads]);
        assert_eq!(json, serde_json::from_str::<Value>(&again).unwrap());
    }

    let text = all(&["--pca", "--knn", "1"]);
    for part in [
        "PCA, 16 components",
        &format!("{pca:.5}"),
        "compression factor 49: 784 values in an image, 16 in its code",
        "of the variance of the 1,350 training images",
        "(k = 1, the codes of 1,350 training images)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = all(&[]);
    assert!(text.contains("compression factor 49"), "{text}");
    assert!(!text.contains("PCA") && !text.contains("kNN"), "{text}");

    let refused = |more: &[&str], parts: [&str; 2]| {
        autoencode()
            .arg("evaluate")
            .args(network)
            .args(more)
            .assert()
            .code(2)
            .stderr(contains(parts[0]).and(contains(parts[1])));
    };
    let text = all(&["--knn", "2000"]);
    assert!(
        text.contains("2000 neighbours need as many training images"),
        "{text}"
    );
    refused(&["--knn", "0"], ["--knn", "0"]);
    refused(&["--iwae", "3"], ["variational", "--iwae"]);
    refused(&["--iwae", "0"], ["--iwae", "from 1 to 100000"]);
}

#[test]
fn evaluate_says_why_a_wide_code_is_not_measured() {
    let folder = tempfile::tempdir().unwrap();
    write_idx(folder.path(), 20, 5);
    let text = evaluated(&["--pca", "--knn", "--data", folder.path().to_str().unwrap()]);
    for part in [
        "compression factor 0.125: 784 values in an image, 6,272 in its code",
        "PCA: - (as many components as an image has values, 784, would lose nothing)",
        "kNN accuracy of the codes: - (codes of more than 1,024 values are not compared)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn evaluate_measures_a_variational_autoencoder_in_every_way() {
    let folder = tempfile::tempdir().unwrap();
    write_idx(folder.path(), 400, 60);
    let checkpoint = repository("models/conv-vae.safetensors");
    let network = [
        "--checkpoint",
        checkpoint.to_str().unwrap(),
        "--data",
        folder.path().to_str().unwrap(),
        "--pca",
        "--knn",
        "3",
        "--iwae",
        "4",
    ];
    let text = evaluated(&network);
    for part in [
        "PCA, 16 components",
        "(k = 3, the codes of 360 training images)",
        "4 codes each",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = |threads: &str| -> Value {
        let arguments = [&network[..], &["--json", "--threads", threads]].concat();
        serde_json::from_str(&evaluated(&arguments)).unwrap()
    };
    let (one, three) = (json("1"), json("3"));
    assert_eq!(one, three);
    let figure = |key: &str| one["iwae"][key].as_f64().unwrap();
    let neg_elbo = one["test"]["elbo"]["neg_elbo"].as_f64().unwrap();
    assert!(figure("neg_bound") < figure("neg_elbo") - 0.5, "{one}");
    assert!((figure("neg_elbo") - neg_elbo).abs() < 2.0, "{one}");
    assert!(one["knn"]["accuracy"].as_f64().unwrap() > 0.7, "{one}");
}
