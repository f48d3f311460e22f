//! Image distances against scikit-image and numpy (`tests/data/quality_reference.json`, which
//! `scripts/reference_quality.py` writes), and the figures of a network on a set of images.

use crate::common;
use autoencode::data::{Images, Preparation};
use autoencode::engine::Inference;
use autoencode::evaluate::{
    Conditions, Part, Quality, absolute_error, bce_per_pixel, evaluate, psnr_db, squared_error,
    ssim,
};
use autoencode::random::Purpose;
use autoencode::recipe::{Corruption, Noise, Objective, Reconstruction};
use candle_core::{DType, Device};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    shape: (usize, usize, usize),
    output: Vec<u8>,
    target: Vec<u8>,
    squared_error: f64,
    psnr_db: f64,
    bce: f64,
    ssim: f64,
}

fn reference() -> Vec<Pair> {
    let text = include_str!("../data/quality_reference.json");
    let reference: Reference = serde_json::from_str(text).unwrap();
    assert_eq!(reference.pairs.len(), 10);
    reference.pairs
}

fn unit(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect()
}

fn close(found: f64, expected: f64, relative: f64) -> bool {
    (found - expected).abs() <= relative * expected.abs().max(1e-3)
}

#[test]
fn ssim_is_scikit_images() {
    for pair in reference() {
        let found = ssim(pair.shape, &unit(&pair.output), &unit(&pair.target));
        assert!(
            (found - pair.ssim).abs() < 1e-6,
            "{}: {found} and {}",
            pair.name,
            pair.ssim
        );
    }
}

#[test]
fn ssim_is_symmetric_and_1_for_equal_images() {
    for pair in reference() {
        let (output, target) = (unit(&pair.output), unit(&pair.target));
        assert!((ssim(pair.shape, &target, &target) - 1.0).abs() < 1e-12);
        let difference = ssim(pair.shape, &output, &target) - ssim(pair.shape, &target, &output);
        assert!(difference.abs() < 1e-12, "{}", pair.name);
    }
}

#[test]
fn psnr_squared_error_and_cross_entropy_are_numpys() {
    for pair in reference() {
        let (output, target) = (unit(&pair.output), unit(&pair.target));
        for (what, found, expected) in [
            (
                "squared error",
                squared_error(&output, &target),
                pair.squared_error,
            ),
            ("PSNR", psnr_db(&output, &target), pair.psnr_db),
            ("BCE", bce_per_pixel(&output, &target), pair.bce),
        ] {
            // Bytes over 255 are rounded to f32 before they are compared.
            assert!(
                close(found, expected, 1e-6),
                "{what} of {}: {found} and {expected}",
                pair.name
            );
        }
    }
}

/// A small network and more digits than go through it at once.
fn network_and_digits() -> (Inference, Images) {
    let recipe = common::recipe("conv-denoiser", &common::SMALL, [1, 28, 28]);
    let (model, _) = common::network(&recipe, DType::F32);
    let indices: Vec<u32> = (0..270).collect();
    let images = common::sample().test.subset(&indices).unwrap();
    (Inference::new(model), images)
}

fn gaussian(factor: f64) -> Corruption {
    Corruption::Gaussian(Noise::of(factor))
}

fn assert_quality(found: &Quality, expected: &Quality) {
    for (what, found, expected) in [
        (
            "BCE",
            found.bce_per_pixel.unwrap(),
            expected.bce_per_pixel.unwrap(),
        ),
        ("MSE", found.mse_per_pixel, expected.mse_per_pixel),
        ("MAE", found.mae_per_pixel, expected.mae_per_pixel),
        ("PSNR", found.psnr_db.unwrap(), expected.psnr_db.unwrap()),
        ("SSIM", found.ssim.unwrap(), expected.ssim.unwrap()),
    ] {
        assert!(close(found, expected, 1e-5), "{what}: {found}, {expected}");
    }
}

/// The test part with its usual draw, of a network trained for the cross-entropy.
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
fn the_figures_of_a_set_are_means_over_all_of_its_images() {
    let (network, images) = network_and_digits();
    let key = Part::Test.noise_key(Purpose::Evaluation, 0);
    let corruption = gaussian(0.5);
    let report = evaluate(&network, &images, &under(corruption), &Device::Cpu).unwrap();
    assert_eq!(report.images, 270);

    // One image after the other, each with the noise of its own place in the set.
    let mut output = Quality::default();
    let mut input = Quality::default();
    let add = |sum: &mut Quality, bce: f64, values: &[f32], clean: &[f32]| {
        sum.bce_per_pixel = Some(sum.bce_per_pixel.unwrap_or(0.0) + bce / 270.0);
        sum.mse_per_pixel += squared_error(values, clean) / (270.0 * 784.0);
        sum.mae_per_pixel += absolute_error(values, clean) / (270.0 * 784.0);
        sum.psnr_db = Some(sum.psnr_db.unwrap_or(0.0) + psnr_db(values, clean) / 270.0);
        let ssim = ssim((1, 28, 28), values, clean);
        sum.ssim = Some(sum.ssim.unwrap_or(0.0) + ssim / 270.0);
    };
    for index in 0..270 {
        let clean = unit(images.image(index).unwrap());
        let mut noisy = clean.clone();
        corruption.apply(key, index as u64, &mut noisy);
        let batch = candle_core::Tensor::from_slice(&noisy, (1, 1, 28, 28), &Device::Cpu).unwrap();
        let logits = common::values(&network.logits(&batch).unwrap());
        let bce: f64 = logits
            .iter()
            .zip(&clean)
            .map(|(&logit, &t)| {
                logit.max(0.0) - logit * f64::from(t) + (-logit.abs()).exp().ln_1p()
            })
            .sum();
        let reconstruction: Vec<f32> = logits
            .iter()
            .map(|logit| (1.0 / (1.0 + (-logit).exp())) as f32)
            .collect();
        add(&mut output, bce / 784.0, &reconstruction, &clean);
        add(&mut input, bce_per_pixel(&noisy, &clean), &noisy, &clean);
    }
    assert_quality(&report.output, &output);
    assert_quality(&report.input.unwrap(), &input);
}

#[test]
fn the_same_noise_is_drawn_every_time_and_other_noise_for_another_part_or_seed() {
    let (network, images) = network_and_digits();
    let figures = |part: Part, seed: u64| {
        let conditions = Conditions {
            part,
            seed,
            ..under(gaussian(0.5))
        };
        let report = evaluate(&network, &images, &conditions, &Device::Cpu).unwrap();
        report.input.unwrap().mse_per_pixel
    };
    let test = figures(Part::Test, 0);
    assert_eq!(test, figures(Part::Test, 0));
    assert_ne!(test, figures(Part::Validation, 0));
    assert_ne!(test, figures(Part::Test, 1));
}

#[test]
fn without_noise_there_are_no_figures_of_the_input() {
    let (network, images) = network_and_digits();
    let report = evaluate(&network, &images, &under(Corruption::None), &Device::Cpu).unwrap();
    assert!(report.input.is_none());
    assert!(report.output.psnr_db.unwrap() > 0.0);
}

#[test]
fn a_network_without_a_final_sigmoid_has_no_cross_entropy() {
    let settings = [
        "network.encoder=[4]",
        "network.output_activation=linear",
        "objective.reconstruction=mse",
    ];
    let recipe = common::recipe("dense-32", &settings, [1, 28, 28]);
    let (model, _) = common::network(&recipe, DType::F32);
    let images = common::sample().test.subset(&[0, 1, 2]).unwrap();
    let network = Inference::new(model);
    let report = evaluate(&network, &images, &under(gaussian(0.1)), &Device::Cpu).unwrap();
    assert_eq!(report.output.bce_per_pixel, None);
    assert!(report.output.mse_per_pixel.is_finite());
}

#[test]
fn images_of_another_size_are_refused_with_both_shapes() {
    let (network, _) = network_and_digits();
    let images = Images::new((1, 28, 24), vec![0; 28 * 24], vec![0]).unwrap();
    let error = evaluate(&network, &images, &under(Corruption::None), &Device::Cpu).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("[N, 1, 28, 28]"), "{message}");
    assert!(message.contains("28, 24]"), "{message}");
}
