//! What is done to samples before a network sees them, and the synthetic sets.

use crate::common;
use autoencode::data::{Batch, Images, Keys, Preparation, Source, load_with};
use autoencode::evaluate::Part;
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::{
    Binarization, Corruption, DataConfig, Draw, Noise, Points, Precision, Strength, Target,
};
use candle_core::{DType, Device};

fn prepare(images: &Images, indices: &[u32], preparation: &Preparation, epoch: u64) -> Batch {
    let keys = Keys::training(preparation, 7, epoch);
    Batch::prepare(images, indices, preparation, keys, &Device::Cpu).unwrap()
}

fn with(corruption: Corruption) -> Preparation {
    Preparation {
        corruption,
        ..Preparation::default()
    }
}

/// Inputs and targets of the first 40 digits.
fn pairs(corruption: Corruption, epoch: u64) -> (Vec<f64>, Vec<f64>) {
    let digits = common::sample().train.clone();
    let indices: Vec<u32> = (0..40).collect();
    let batch = prepare(&digits, &indices, &with(corruption), epoch);
    (common::values(&batch.input), common::values(&batch.target))
}

fn share(values: impl Iterator<Item = bool>) -> f64 {
    let values: Vec<bool> = values.collect();
    values.iter().filter(|&&holds| holds).count() as f64 / values.len() as f64
}

#[test]
fn salt_and_pepper_sets_its_share_to_black_and_white() {
    let (input, target) = pairs(Corruption::SaltAndPepper(Noise::of(0.4)), 1);
    let pairs = || input.iter().zip(&target);
    assert!(input.iter().all(|v| (0.0..=1.0).contains(v)));
    // Of the black pixels half of the share turn white, and the other way round; 31,360 pixels.
    let black = pairs().filter(|(_, t)| **t == 0.0).map(|(i, _)| *i == 1.0);
    assert!((share(black) - 0.2).abs() < 0.01);
    let grey = pairs().filter(|(_, t)| (0.1..0.9).contains(*t));
    let kept = share(grey.map(|(i, t)| i == t));
    assert!((kept - 0.6).abs() < 0.03, "{kept}");
}

#[test]
fn masking_sets_its_share_to_zero_and_leaves_the_rest() {
    let (input, target) = pairs(Corruption::Masking(Noise::of(0.25)), 1);
    let ink = || input.iter().zip(&target).filter(|(_, t)| **t > 0.0);
    let masked = share(ink().map(|(i, _)| *i == 0.0));
    assert!((masked - 0.25).abs() < 0.02, "{masked}");
    assert!(ink().all(|(i, t)| *i == 0.0 || i == t));
}

#[test]
fn a_range_gives_every_sample_a_strength_of_its_own() {
    let noise = Noise {
        factor: Strength::Range([0.1, 0.9]),
        ..Noise::of(0.0)
    };
    let (input, target) = pairs(Corruption::Masking(noise), 1);
    let shares: Vec<f64> = input
        .chunks(784)
        .zip(target.chunks(784))
        .map(|(input, target)| {
            let ink = input.iter().zip(target).filter(|(_, t)| **t > 0.0);
            share(ink.map(|(i, _)| *i == 0.0))
        })
        .collect();
    let lowest = shares.iter().copied().fold(1.0, f64::min);
    let highest = shares.iter().copied().fold(0.0, f64::max);
    assert!(lowest < 0.25 && lowest > 0.0, "{lowest}");
    assert!(highest > 0.75 && highest < 1.0, "{highest}");
}

#[test]
fn noise_is_fresh_every_epoch_or_drawn_once() {
    for (draw, same) in [(Draw::EveryEpoch, false), (Draw::Once, true)] {
        for kind in [
            Corruption::Gaussian,
            Corruption::SaltAndPepper,
            Corruption::Masking,
        ] {
            let corruption = kind(Noise {
                draw,
                ..Noise::of(0.3)
            });
            let ((first, target), (second, _)) = (pairs(corruption, 1), pairs(corruption, 2));
            assert_ne!(first, target);
            assert_eq!(first == second, same, "{corruption:?}");
        }
    }
}

#[test]
fn corrupted_copies_stand_behind_the_clean_samples_as_their_own_targets() {
    let digits = common::sample().train.subset(&[0, 1, 2]).unwrap();
    let noise = Noise {
        target: Target::Corrupted,
        added: true,
        clip: true,
        ..Noise::of(0.1)
    };
    let preparation = with(Corruption::Gaussian(noise));
    assert_eq!(preparation.samples(3), 6);
    let batch = prepare(&digits, &[1, 4], &preparation, 1);
    let (input, target) = (common::values(&batch.input), common::values(&batch.target));
    assert_eq!(input, target, "each is its own target");
    let (clean, copy) = input.split_at(784);
    let original = common::values(&digits.batch(&[1], &Device::Cpu).unwrap());
    assert_eq!(clean, original);
    let distance = (clean
        .iter()
        .zip(copy)
        .map(|(a, b)| (a - b).powi(2))
        .sum::<f64>()
        / 784.0)
        .sqrt();
    // Clipping takes half of the noise on black pixels away.
    assert!((0.05..0.1).contains(&distance), "{distance}");
    // A network that is not to denoise is measured on clean samples.
    assert_eq!(preparation.corruption.evaluated(), Corruption::None);

    let denoising = Noise {
        added: true,
        clip: true,
        ..Noise::of(0.1)
    };
    let batch = prepare(&digits, &[1, 4], &with(Corruption::Gaussian(denoising)), 1);
    let target = common::values(&batch.target);
    assert_eq!(target, [original.clone(), original].concat());
    let error = Batch::prepare(
        &digits,
        &[6],
        &preparation,
        Keys::training(&preparation, 7, 1),
        &Device::Cpu,
    );
    assert!(error.is_err(), "there are six samples");
}

#[test]
fn binarised_images_hold_zeros_and_ones_as_often_as_their_values_say() {
    let digits = common::sample().train.clone();
    let indices: Vec<u32> = (0..200).collect();
    let grey = common::values(&digits.batch(&indices, &Device::Cpu).unwrap());
    let draw = |binarization, epoch| {
        let preparation = Preparation {
            binarization,
            ..Preparation::default()
        };
        let batch = prepare(&digits, &indices, &preparation, epoch);
        let (input, target) = (common::values(&batch.input), common::values(&batch.target));
        assert_eq!(input, target);
        assert!(input.iter().all(|&v| v == 0.0 || v == 1.0));
        input
    };
    let thresholded = draw(Binarization::Threshold, 1);
    assert!(
        thresholded
            .iter()
            .zip(&grey)
            .all(|(b, g)| (*b == 1.0) == (*g >= 0.5))
    );

    let first = draw(Binarization::EveryEpoch, 1);
    let middle = grey
        .iter()
        .zip(&first)
        .filter(|(g, _)| (0.4..0.6).contains(*g));
    let ones = share(middle.map(|(_, b)| *b == 1.0));
    assert!((ones - 0.5).abs() < 0.05, "{ones}");
    assert_ne!(first, draw(Binarization::EveryEpoch, 2));
    assert_eq!(draw(Binarization::Once, 1), draw(Binarization::Once, 2));

    // Validation and test have draws of their own, which stay.
    let preparation = Preparation {
        binarization: Binarization::EveryEpoch,
        ..Preparation::default()
    };
    let of = |part: Part| {
        let batch = Batch::prepare(&digits, &indices, &preparation, part.keys(0), &Device::Cpu);
        common::values(&batch.unwrap().input)
    };
    assert_ne!(of(Part::Test), of(Part::Validation));
    assert_ne!(of(Part::Test), first);
}

fn points(points: Points) -> autoencode::data::Dataset {
    load_with(&Source::Points(points), &DataConfig::default(), true).unwrap()
}

#[test]
fn the_synthetic_sets_are_what_their_formulas_say() {
    let data = points(Points::LinearDependent { count: 1000 });
    assert_eq!((data.train.len(), data.test.len()), (900, 100));
    let rows = data.train.coordinates();
    assert!(
        rows.chunks(2)
            .all(|row| row[1] == 100.0 * row[0] && (0.0..1.0).contains(&row[0]))
    );

    let data = points(Points::LinearIndependent { count: 20_000 });
    let rows = data.train.coordinates();
    let mean = |column: usize| {
        let values = rows.chunks(2).map(|row| row[column]);
        values.sum::<f64>() / data.train.len() as f64
    };
    assert!((mean(0) - 50.0).abs() < 1.0 && (mean(1) - 50.0).abs() < 1.0);
    let covariance: f64 = rows
        .chunks(2)
        .map(|row| (row[0] - 50.0) * (row[1] - 50.0))
        .sum();
    assert!(
        (covariance / data.train.len() as f64).abs() < 30.0,
        "of 833 for equal columns"
    );

    let leading = Some(1.0);
    let data = points(Points::OneHot { size: 3, leading });
    let rows = [
        [1.0, 1.0, 0.0, 0.0],
        [1.0, 0.0, 1.0, 0.0],
        [1.0, 0.0, 0.0, 1.0],
    ];
    assert_eq!(data.train.coordinates(), rows.concat());
    assert_eq!(data.test, data.train);

    let data = points(Points::Ellipse {
        count: 3000,
        radius: 3.0,
        shift: 5.0,
    });
    let rows = data.train.coordinates();
    assert_eq!((rows[0], rows[1]), (8.0, 5.0));
    for row in rows.chunks(2) {
        assert!(((row[0] - 5.0).hypot(row[1] - 5.0) - 3.0).abs() < 1e-12);
    }
    assert!(
        (rows[0] - rows[5998]).abs() + (rows[1] - rows[5999]).abs() < 1e-12,
        "both ends"
    );

    let data = points(Points::Sphere {
        count: 4000,
        radius: 2.0,
        shift: 0.0,
    });
    let mut middle = [0.0; 3];
    for row in data.train.coordinates().chunks(3) {
        let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((length - 2.0).abs() < 1e-9);
        for (sum, x) in middle.iter_mut().zip(row) {
            *sum += x / 4000.0;
        }
    }
    assert!(middle.iter().all(|x| x.abs() < 0.1), "{middle:?}");
}

#[test]
fn points_keep_all_their_digits_and_are_not_clipped() {
    let data = points(Points::Ellipse {
        count: 100,
        radius: 3.0,
        shift: -10.0,
    });
    let preparation = Preparation {
        corruption: Corruption::Gaussian(Noise::of(0.1)),
        precision: Precision::F64,
        ..Preparation::default()
    };
    let indices: Vec<u32> = (0..100).collect();
    let batch = prepare(&data.train, &indices, &preparation, 1);
    assert_eq!(
        (batch.input.dtype(), batch.input.dims()),
        (DType::F64, &[100, 1, 1, 2][..])
    );
    assert_eq!(common::values(&batch.target), data.train.coordinates());
    let noise: f64 = common::values(&(batch.input - batch.target).unwrap())
        .iter()
        .map(|v| v * v)
        .sum();
    assert!(((noise / 200.0).sqrt() - 0.1).abs() < 0.02);
}

/// Trains a recipe with the program, and returns its metrics rows.
fn train(folder: &std::path::Path, arguments: &[&str]) -> Vec<serde_json::Value> {
    common::autoencode()
        .current_dir(folder)
        .arg("train")
        .args(arguments)
        .assert()
        .success();
    let text = std::fs::read_to_string(folder.join("run/metrics.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn thousands_of_short_epochs_are_reported_as_often_as_the_recipe_says() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        "ellipse-shifted",
        "--output=run",
        "--epochs=250",
        "--set=training.report_every=100",
        "--set=data.points.count=50",
        "--set=training.batch_size=50",
    ];
    let rows = train(folder.path(), &settings);
    let epochs: Vec<u64> = rows
        .iter()
        .map(|row| row["epoch"].as_u64().unwrap())
        .collect();
    assert_eq!(epochs, [100, 200, 250]);
    assert!(rows[0]["val_mse_per_pixel"].as_f64() > rows[2]["val_mse_per_pixel"].as_f64());
    assert!(rows[0]["val_psnr_db"].is_null(), "points have no peak");
    // Weights are kept in the type that they were trained in, and measured by the other commands.
    let best =
        autoencode::checkpoint::Checkpoint::read(&folder.path().join("run/best.safetensors"));
    assert!(
        best.unwrap()
            .weights
            .values()
            .all(|weight| weight.dtype() == DType::F64)
    );
    common::autoencode()
        .current_dir(&folder)
        .args(["evaluate", "--checkpoint", "run"])
        .assert()
        .success()
        .stdout(predicates::str::contains("MAE a value"));
    common::autoencode()
        .current_dir(&folder)
        .args(["evaluate", "--checkpoint", "run", "--data", "."])
        .assert()
        .code(2)
        .stderr(predicates::str::contains("data.points"));
}

#[test]
fn added_copies_and_another_validation_set_make_an_epoch_longer() {
    let folder = tempfile::tempdir().unwrap();
    let rows = train(
        folder.path(),
        &["deep-denoise", "--offline", "--output=run", "--epochs=1"],
    );
    // 2,000 zeros and ones, none held out, with as many copies, in batches of 256.
    assert_eq!(rows[0]["step"], 16);
}

#[test]
fn a_network_in_64_bits_is_used_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        "dense-32",
        "--offline",
        "--output=run",
        "--epochs=1",
        "--set=training.precision=f64",
        "--set=network.encoder=[8]",
    ];
    train(folder.path(), &settings);
    let [nine, three] =
        ["9-plain", "3-alpha"].map(|name| common::repository(&format!("assets/digits/{name}.png")));
    let run = |arguments: &[&std::ffi::OsStr]| {
        let command = arguments.join(std::ffi::OsStr::new(" "));
        let mut program = common::autoencode();
        let output = program
            .current_dir(&folder)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    };
    let (nine, three) = (nine.as_os_str(), three.as_os_str());
    let text = |text: &'static str| std::ffi::OsStr::new(text);
    let used = ["-c", "run", "-o"].map(text);
    run(&[&[text("infer"), nine], &used[..], &[text("out")]].concat());
    run(&[&[text("encode"), nine], &used[..], &[text("codes.csv")]].concat());
    run(&[
        &[text("decode"), text("codes.csv")],
        &used[..],
        &[text("again")],
    ]
    .concat());
    run(&[
        &[text("interpolate"), nine, three],
        &used[..],
        &[text("way.png")],
    ]
    .concat());
    run(&[&[text("filters")], &used[..], &[text("filters.png")]].concat());
    let read = |path: &str| std::fs::read(folder.path().join(path)).unwrap();
    assert_eq!(read("out/9-plain.png"), read("again/9-plain.png"));
}

#[test]
fn a_recipe_of_points_is_shown_for_its_points() {
    let folder = tempfile::tempdir().unwrap();
    for (recipe, input) in [
        ("ellipse-leaky", "1x1x2"),
        ("one-hot", "1x1x8"),
        ("sphere", "1x1x3"),
    ] {
        common::autoencode()
            .current_dir(&folder)
            .args(["summary", recipe])
            .assert()
            .success()
            .stdout(predicates::str::contains(input));
    }
}

#[test]
fn a_network_of_points_makes_no_pictures() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &["one-hot", "--output=run", "--epochs=2"]);
    for command in [
        &["infer", "x.png"][..],
        &["interpolate", "x.png", "y.png", "-o", "z.png"],
        &["filters", "-o", "z.png"],
        &["decode", "codes.csv"],
    ] {
        common::autoencode()
            .current_dir(&folder)
            .args(command)
            .args(["--checkpoint", "run"])
            .assert()
            .code(2)
            .stderr(predicates::str::contains("one-hot rows"));
    }
    common::autoencode()
        .current_dir(&folder)
        .args(["encode", "--checkpoint", "run", "-o", "codes.csv"])
        .assert()
        .success();
    common::autoencode()
        .current_dir(&folder)
        .args([
            "encode",
            "--checkpoint",
            "run",
            "--noise",
            "0.1",
            "-o",
            "noisy.csv",
        ])
        .assert()
        .success();
    let noisy = std::fs::read_to_string(folder.path().join("noisy.csv")).unwrap();
    assert_eq!(noisy.lines().count(), 9);
    let codes = std::fs::read_to_string(folder.path().join("codes.csv")).unwrap();
    assert_eq!(
        codes.lines().count(),
        9,
        "a heading and eight rows: {codes}"
    );
}

/// Inputs of a few digits of a preparation, from numbers that are drawn one by one.
fn inputs_drawn_singly(
    purpose: Purpose,
    mut of: impl FnMut(&mut Stream, f32) -> f32,
) -> (Images, Vec<u32>, Vec<f64>) {
    let digits = common::sample().train;
    let indices = vec![599, 3, 77];
    let mut inputs = Vec::new();
    for &index in &indices {
        let mut stream = Stream::new(7, purpose, 1, u64::from(index));
        let image = digits.image(index as usize).unwrap();
        inputs.extend(
            image
                .iter()
                .map(|&byte| f64::from(of(&mut stream, f32::from(byte) / 255.0))),
        );
    }
    (digits, indices, inputs)
}

#[test]
fn pixels_are_replaced_by_their_own_draws() {
    let pepper = |stream: &mut Stream, value: f32| match stream.uniform() {
        draw if draw < 0.15 => 0.0,
        draw if draw < 0.3 => 1.0,
        _ => value,
    };
    let masking = |stream: &mut Stream, value: f32| {
        let kept = stream.uniform() >= 0.3;
        if kept { value } else { 0.0 }
    };
    let binary = |stream: &mut Stream, value: f32| {
        let one = stream.uniform() < f64::from(value);
        if one { 1.0 } else { 0.0 }
    };
    let noise = Noise::of(0.3);
    for (preparation, (digits, indices, expected)) in [
        (
            with(Corruption::SaltAndPepper(noise)),
            inputs_drawn_singly(Purpose::Corruption, pepper),
        ),
        (
            with(Corruption::Masking(noise)),
            inputs_drawn_singly(Purpose::Corruption, masking),
        ),
        (
            Preparation {
                binarization: Binarization::EveryEpoch,
                ..Preparation::default()
            },
            inputs_drawn_singly(Purpose::Binarization, binary),
        ),
    ] {
        let batch = prepare(&digits, &indices, &preparation, 1);
        assert_eq!(common::values(&batch.input), expected, "{preparation:?}");
    }
}

#[test]
fn gaussian_noise_is_that_of_the_samples_stream_behind_its_strength() {
    let digits = common::sample().train;
    for factor in [Strength::Fixed(0.4), Strength::Range([0.2, 0.6])] {
        let noise = Noise {
            factor,
            ..Noise::of(0.4)
        };
        let batch = prepare(&digits, &[41], &with(Corruption::Gaussian(noise)), 1);
        let mut stream = Stream::new(7, Purpose::Corruption, 1, 41);
        let factor = match factor {
            Strength::Fixed(factor) => factor,
            Strength::Range([low, high]) => low + (high - low) * stream.uniform(),
        };
        let mut noise = vec![0f32; 784];
        stream.fill_normal(&mut noise);
        let expected: Vec<f64> = (digits.image(41).unwrap().iter().zip(noise))
            .map(|(&byte, noise)| f32::from(byte) / 255.0 + factor as f32 * noise)
            .map(|value| f64::from(value.clamp(0.0, 1.0)))
            .collect();
        assert_eq!(common::values(&batch.input), expected);
    }
}

#[test]
fn a_batch_has_the_same_bits_for_any_number_of_threads() {
    let digits = common::sample().train;
    let indices: Vec<u32> = (0..300).rev().collect();
    let preparation = Preparation {
        binarization: Binarization::EveryEpoch,
        ..with(Corruption::Gaussian(Noise::of(0.4)))
    };
    let bits = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let prepare = || prepare(&digits, &indices, &preparation, 1);
        let batch = pool.build().unwrap().install(prepare);
        (common::bits(&batch.input), common::bits(&batch.target))
    };
    assert_eq!(bits(1), bits(3));
}
