//! Patches of pictures of several sizes: what is drawn, and what is refused.

use std::fs;
use std::path::Path;

use autoencode::data::{Batch, Dataset, Images, Keys, PatchDraw, Preparation, Source, load_with};
use autoencode::file::Publish;
use autoencode::picture::{Picture, write_png};
use autoencode::recipe::{Corruption, DataConfig, Noise, Recipe};
use candle_core::Device;
use tempfile::TempDir;

use crate::common;

/// A picture whose values tell their places: rows and columns of 8 pixels.
fn checks(height: usize, width: usize, seed: usize) -> Picture {
    let value = |i: usize| ((i / width / 8 + i % width / 8 + seed) % 5) as f32 / 4.0;
    Picture::new(1, height, width, (0..height * width).map(value).collect()).unwrap()
}

fn folder(sizes: &[(usize, usize)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (number, &(height, width)) in sizes.iter().enumerate() {
        let path = folder.path().join(format!("{number}.png"));
        write_png(path, &checks(height, width, number), Publish::forced(false)).unwrap();
    }
    folder
}

fn config() -> DataConfig {
    DataConfig {
        patch: Some(16),
        ..DataConfig::default()
    }
}

fn load(folder: &Path) -> autoencode::Result<Dataset> {
    load_with(&Source::Path(folder.to_path_buf()), &config(), true)
}

#[test]
fn pictures_keep_their_sizes_and_epochs_have_new_patches() {
    let folder = folder(&[(16, 16), (40, 24), (17, 90), (33, 33), (64, 48), (20, 20)]);
    let data = load(folder.path()).unwrap();
    assert_eq!(data.train.shape(), (1, 16, 16));
    let sizes: Vec<_> = [&data.train, &data.validation, &data.test]
        .iter()
        .flat_map(|part| part.sizes())
        .collect();
    assert_eq!(sizes.len(), 6);
    assert!(sizes.contains(&(17, 90)) && sizes.contains(&(40, 24)));

    let preparation = Preparation {
        patch_draw: Some(PatchDraw {
            per_picture: 3,
            turned: true,
        }),
        ..Preparation::default()
    };
    let count = preparation.samples(data.train.len());
    assert_eq!(count, 3 * data.train.len());
    let indices: Vec<u32> = (0..count as u32).collect();
    let batch = |epoch| {
        let keys = Keys::training(&preparation, 7, epoch);
        let batch = Batch::prepare(&data.train, &indices, &preparation, keys, &Device::Cpu);
        common::bits(&batch.unwrap().input)
    };
    assert_eq!(batch(1), batch(1));
    assert_ne!(batch(1), batch(2));
    let keys = Keys::training(&preparation, 7, 1);
    let beyond = [count as u32];
    assert!(Batch::prepare(&data.train, &beyond, &preparation, keys, &Device::Cpu).is_err());
}

#[test]
fn every_patch_is_a_part_of_its_picture() {
    let (height, width, side) = (19, 23, 16);
    let bytes: Vec<u8> = (0..height * width).map(|i| (i * 37 % 251) as u8).collect();
    let images = Images::in_patches(1, side, vec![(height, width, bytes.clone())]).unwrap();
    let preparation = Preparation {
        patch_draw: Some(PatchDraw {
            per_picture: 40,
            turned: false,
        }),
        ..Preparation::default()
    };
    let indices: Vec<u32> = (0..40).collect();
    let keys = Keys::training(&preparation, 1, 1);
    let batch = Batch::prepare(&images, &indices, &preparation, keys, &Device::Cpu).unwrap();
    let values = common::values(&batch.input);
    let part = |top: usize, left: usize| {
        let place = move |i: usize| (top + i / side) * width + left + i % side;
        (0..side * side)
            .map(place)
            .map(|at| f64::from(f32::from(bytes[at]) / 255.0))
    };
    let mut met = std::collections::BTreeSet::new();
    for patch in values.chunks(side * side) {
        let places =
            (0..=height - side).flat_map(|top| (0..=width - side).map(move |left| (top, left)));
        let found: Vec<_> = places
            .filter(|&(top, left)| part(top, left).eq(patch.iter().copied()))
            .collect();
        assert_eq!(found.len(), 1);
        met.extend(found);
    }
    assert!(met.len() > 15, "{met:?}");
}

#[test]
fn pictures_smaller_than_a_patch_are_named_and_counted() {
    let folder = folder(&[(32, 32), (15, 40), (40, 8), (32, 32)]);
    let message = load(folder.path()).unwrap_err().to_string();
    common::contains(
        &message,
        &[
            "1.png: expected at least 16 x 16 pixels",
            "40 x 15",
            "1 more",
        ],
    );
}

#[test]
fn a_run_on_patches_has_the_same_bits_with_any_number_of_threads_and_resumed() {
    let folder = folder(&[(40, 24), (17, 90), (33, 33), (64, 48), (20, 20), (30, 30)]);
    let recipe = common::recipe(
        "photo-denoiser",
        &[
            "network.widths=[8,8]",
            "data.patch=16",
            "data.patches=3",
            "training.epochs=3",
            "training.batch_size=4",
            "schedule={kind='constant'}",
        ],
        [1, 16, 16],
    );
    let weights = |threads: usize, pause: bool| {
        let run = TempDir::new().unwrap();
        let arguments = [
            "train",
            "recipe.toml",
            "--data",
            folder.path().to_str().unwrap(),
            "-o",
            "run",
            "--quiet",
            "--threads",
            &threads.to_string(),
        ]
        .map(str::to_string);
        fs::write(run.path().join("recipe.toml"), recipe.to_toml().unwrap()).unwrap();
        let mut first = arguments.to_vec();
        if pause {
            first.extend(["--epochs", "1"].map(str::to_string));
        }
        let command = |arguments: &[String]| {
            common::autoencode()
                .current_dir(run.path())
                .args(arguments)
                .assert()
                .success();
        };
        command(&first);
        if pause {
            command(&["train", "--resume", "run", "--epochs", "3", "--quiet"].map(str::to_string));
        }
        fs::read(run.path().join("run/best.safetensors")).unwrap()
    };
    let one = weights(1, false);
    assert!(one == weights(2, false));
    assert!(one == weights(2, true));
}

#[test]
fn noise_that_is_not_clipped_leaves_0_to_1() {
    let mut values = vec![0.0f32; 1000];
    let noise = Noise {
        clip: false,
        ..Noise::of(25.0 / 255.0)
    };
    let preparation = Preparation {
        corruption: Corruption::Gaussian(noise),
        ..Preparation::default()
    };
    let key = Keys::training(&preparation, 1, 1).corruption;
    Corruption::Gaussian(noise).apply(key, 0, &mut values);
    let below = values.iter().filter(|v| **v < 0.0).count();
    assert!((400..600).contains(&below), "{below}");
    let deviation = (values.iter().map(|v| v * v).sum::<f32>() / 1000.0).sqrt();
    assert!((deviation * 255.0 - 25.0).abs() < 2.0, "{deviation}");

    let read = |corruption: &str| {
        let text = format!("corruption = {corruption}");
        Recipe::load("photo-denoiser", &[text.replace(" = ", "=")])
    };
    let recipe = read("{kind='gaussian',factor='25/255'}").unwrap();
    assert_eq!(
        recipe.corruption.noise().unwrap().factor.bounds(),
        [25.0 / 255.0; 2]
    );
    assert!(recipe.corruption.to_string().contains("25/255"));
    let range = read("{kind='gaussian',factor=[0,'55/255'],clip=false}").unwrap();
    assert_eq!(
        range.corruption.noise().unwrap().factor.bounds(),
        [0.0, 55.0 / 255.0]
    );
    for (wrong, part) in [
        ("{kind='masking',factor=0.5,clip=false}", "corruption.clip"),
        ("{kind='gaussian',factor='25/0'}", "25/255"),
        ("{kind='gaussian',factor='much'}", "25/255"),
    ] {
        let message = read(wrong).unwrap_err().to_string();
        common::contains(&message, &[part]);
    }
}
