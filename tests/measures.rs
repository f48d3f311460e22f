//! Measures of codes: principal components (`tests/data/pca_reference.json`, which
//! `scripts/reference_pca.py` writes).

mod common;

use autoencode::data::Images;
use autoencode::evaluate::Pca;
use autoencode::random::{Purpose, Stream};
use serde::Deserialize;

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
    serde_json::from_str(include_str!("data/pca_reference.json")).unwrap()
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
    // Rows of 1,568 values: two digits side by side.
    let digits = values(&common::sample().test, 1000);
    let pca = Pca::fit(&digits, 1568, 20).unwrap();
    let (mean, count) = (pca.mean(), digits.len() / 1568);
    for (component, &variance) in pca.components().zip(pca.explained_variance()) {
        // The covariance times the component, row by row.
        let mut image = vec![0.0; 1568];
        for row in digits.chunks(1568) {
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
    let all = Pca::fit(&digits, 1568, 500).unwrap();
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
