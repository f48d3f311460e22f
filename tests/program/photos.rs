//! Photographs in their own size: trained on in patches, restored whole, measured.

use std::fs;
use std::path::Path;

use image::{DynamicImage, ImageBuffer, Luma, Rgb};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{self, autoencode, contains, refusal};

/// A smooth picture with an edge.
fn photo(height: u32, width: u32, seed: u32) -> ImageBuffer<Luma<u16>, Vec<u16>> {
    ImageBuffer::from_fn(width, height, |x, y| {
        let wave = ((x + seed * 5) as f32 / 9.0).sin() + (y as f32 / 7.0).cos();
        let edge = if x > width / 2 { 0.2 } else { 0.0 };
        Luma([((0.35 + 0.15 * wave + edge) * 65_535.0) as u16])
    })
}

/// Photographs in `photos` and a network that was trained on them in `run`.
fn place() -> TempDir {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("photos")).unwrap();
    for number in 0..8 {
        let picture = DynamicImage::from(photo(40 + number, 50 + 3 * number, number)).into_luma8();
        picture
            .save(here.join(format!("photos/{number}.png")))
            .unwrap();
    }
    let settings = [
        "network.widths=[8,8]",
        "data.patch=32",
        "data.patches=24",
        "corruption.factor=25/255",
        "training.epochs=6",
        "training.batch_size=8",
    ];
    let mut command = autoencode();
    command
        .current_dir(here)
        .args(["train", "photo-denoiser", "--data", "photos"]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    let assert = command.args(["-o", "run"]).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    contains(
        &said,
        &[
            "pictures in patches of 32x32",
            "patches",
            "25/255",
            "not clipped",
        ],
    );
    folder
}

fn report(folder: &Path, command: &str) -> Value {
    let assert = autoencode()
        .current_dir(folder)
        .args(command.split(' '))
        .arg("--json")
        .assert()
        .success();
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

#[test]
fn photographs_come_back_as_they_were_and_cleaner() {
    let folder = place();
    let here = folder.path();
    let measured = report(
        here,
        "evaluate -c run --data photos --part all --noise 25/255",
    );
    let db = |part: &str| measured["all"][part]["psnr_db"].as_f64().unwrap();
    assert_eq!(measured["all"]["images"], 8);
    assert!(db("output") > db("input") + 3.0, "{measured}");

    // 16 bits and odd sizes stay; parts change only what rounding changes.
    photo(61, 83, 3).save(here.join("deep.tif")).unwrap();
    for (folder, more) in [("whole", ""), ("parts", " --tile 16")] {
        let command = format!("infer -c run deep.tif -o {folder}{more}");
        let files = report(here, &command);
        assert_eq!(files["files"][0]["output"], format!("{folder}/deep.tif"));
    }
    let read = |name: &str| image::open(here.join(name)).unwrap();
    let (whole, parts) = (read("whole/deep.tif"), read("parts/deep.tif"));
    let (whole, parts) = (whole.as_luma16().unwrap(), parts.as_luma16().unwrap());
    assert_eq!(whole.dimensions(), (83, 61));
    let apart = whole.iter().zip(parts.iter()).map(|(a, b)| a.abs_diff(*b));
    assert!(apart.max().unwrap() <= 1);

    // Colour through a grey network, in another format, beside a clean picture.
    let colour = ImageBuffer::from_fn(45, 37, |x, y| Rgb([(x * 5) as u8, (y * 6) as u8, 90]));
    fs::create_dir(here.join("clean")).unwrap();
    colour.save(here.join("clean/c.png")).unwrap();
    colour.save(here.join("c.bmp")).unwrap();
    let files = report(
        here,
        "infer -c run c.bmp --format png --target clean -o colour",
    );
    assert_eq!(files["files"][0]["output"], "colour/c.png");
    assert_eq!(files["files"][0]["noisy_psnr_db"], 100.0);
    assert!(read("colour/c.png").as_rgb8().is_some());

    let files = report(
        here,
        "infer -c run photos --noise 25/255 -o noisy --sheet sheet.png",
    );
    let mean = |name: &str| files[name].as_f64().unwrap();
    assert!(
        mean("mean_psnr_db") > mean("mean_noisy_psnr_db") + 3.0,
        "{files}"
    );
    assert!(read("sheet.png").width() > 100);
}

#[test]
fn what_cannot_be_done_is_said_in_a_line() {
    let folder = place();
    let here = folder.path();
    let of_another_size = DynamicImage::from(photo(30, 30, 1)).into_luma8();
    fs::create_dir(here.join("clean")).unwrap();
    of_another_size.save(here.join("clean/0.png")).unwrap();
    of_another_size.save(here.join("other.png")).unwrap();
    for (command, parts) in [
        (
            "encode -c run photos/0.png -o codes.csv",
            &["a network with a code"][..],
        ),
        ("decode -c run codes.csv", &["a network with a code"]),
        (
            "plot codes -c run --data photos",
            &["a network with a code"],
        ),
        (
            "infer -c run photos/0.png --target clean",
            &["clean/0.png", "50 x 40", "30 x 30"],
        ),
        (
            "infer -c run photos --target clean",
            &["clean", "none for", "1.png"],
        ),
        (
            "infer -c run photos --target other.png",
            &["other.png", "a folder"],
        ),
        ("infer -c run photos --npy all.npy", &["--npy"]),
        ("infer other.png --tile 32", &["--tile", "--fit whole"]),
        ("infer -c run photos/0.png --noise 25/0", &["25/255"]),
        (
            "train photo-denoiser --data photos",
            &["at least 64 x 64", "more pictures are too small"],
        ),
        (
            "train photo-denoiser --data photos --set data.size=64",
            &["data.size"],
        ),
        (
            "train --data photos --set data.augment=false",
            &["data.augment", "data.patch"],
        ),
    ] {
        let message = refusal(here, &command.split(' ').collect::<Vec<_>>());
        common::contains(&message, parts);
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    }
}
