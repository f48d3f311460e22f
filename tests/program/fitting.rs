//! A picture that a command is given is fitted as the pictures were that the network learned from.

use crate::common::{autoencode, contains, refusal, write_idx};
use std::fs;
use std::path::Path;

use autoencode::checkpoint::Checkpoint;
use autoencode::file::Publish;
use autoencode::picture::{Picture, write_png};
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::ImageKind;
use candle_core::Tensor;
use tempfile::TempDir;

fn run(here: &Path, arguments: &[&str]) {
    let output = autoencode().current_dir(here).args(arguments).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// Trains a small network on the data, with settings.
fn train(here: &Path, data: &str, to: &str, settings: &[&str]) {
    let small = ["--set=network.encoder=[4]", "--epochs=1", "--quiet"];
    let arguments = ["train", "dense-32", "--data", data, "-o", to];
    run(here, &[&arguments[..], &small, settings].concat());
}

/// The codes of a file, as bits, in an order of their own.
fn codes(path: &Path) -> Vec<Vec<u32>> {
    let codes: Vec<Vec<f32>> = Tensor::read_npy(path).unwrap().to_vec2().unwrap();
    let bits = |code: Vec<f32>| code.into_iter().map(f32::to_bits).collect();
    let mut codes: Vec<Vec<u32>> = codes.into_iter().map(bits).collect();
    codes.sort_unstable();
    codes
}

/// Writes pictures of random pixels around a brightness.
fn write_pictures(folder: &Path, channels: usize, side: usize, brightness: f64) {
    fs::create_dir(folder).unwrap();
    for index in 0..20 {
        let mut stream = Stream::new(1, Purpose::Picture, 0, index);
        let (height, width) = (side, side + side / 2 * (index % 2) as usize);
        let count = channels * height * width;
        let values = (0..count).map(|_| (brightness + 0.2 * stream.uniform()) as f32);
        let picture = Picture::new(channels, height, width, values.collect()).unwrap();
        let path = folder.join(format!("{index:02}.png"));
        write_png(path, &picture, Publish::New).unwrap();
    }
}

#[test]
fn a_network_gets_pictures_as_it_got_them_in_training() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    // Light pages in the size of MNIST, whose values would be inverted; and colour that becomes grey, cropped.
    let cases = [
        ("light", 1, 0.8, vec!["--set=data.size=28"]),
        (
            "colour",
            3,
            0.1,
            vec![
                "--set=data.size=[28,28]",
                "--set=data.resize=crop",
                "--set=data.channels=1",
            ],
        ),
    ];
    for (name, channels, brightness, settings) in cases {
        write_pictures(&here.join(name), channels, 28 * channels, brightness);
        let network = format!("{name}-run");
        train(here, name, &network, &settings);
        let used = ["-c", &network, "-o"];
        let encode = |arguments: &[&str], to: &str| {
            run(here, &[&["encode"], arguments, &used[..], &[to]].concat());
            codes(&here.join(to))
        };
        let all = format!("{name}-all.npy");
        let as_trained = encode(&["--data", name, "--part", "all"], &all);
        assert_eq!(as_trained.len(), 20);
        let given = encode(&[name], &format!("{name}-given.npy"));
        assert_eq!(as_trained, given, "{name}");

        // The other commands fit pictures in the same way.
        let [from, to] = ["00.png", "01.png"].map(|file| format!("{name}/{file}"));
        let [inferred, frames] = ["inferred", "frames"].map(|end| format!("{name}-{end}"));
        run(
            here,
            &["infer", &from, &to, "-c", &network, "-o", &inferred],
        );
        let sheet = format!("{name}-steps.png");
        let interpolate = [
            "interpolate",
            &from,
            &to,
            "--steps",
            "2",
            "--frames",
            &frames,
        ];
        run(here, &[&interpolate[..], &used, &[&sheet]].concat());
        for (frame, file) in [("frame-0001.png", "00.png"), ("frame-0002.png", "01.png")] {
            let read = |folder: &str, file| fs::read(here.join(folder).join(file)).unwrap();
            assert_eq!(read(&frames, frame), read(&inferred, file), "{name}");
        }
    }
    let inverted = [
        "infer",
        "light/00.png",
        "-c",
        "light-run",
        "--fit",
        "mnist",
        "-o",
        "inverted",
    ];
    run(here, &inverted);
    let read = |folder: &str| fs::read(here.join(folder).join("00.png")).unwrap();
    assert_ne!(read("inverted"), read("light-inferred"));
    let recipe = fs::read_to_string(here.join("light-run/recipe.toml")).unwrap();
    contains(&recipe, &["kind = \"pictures\""]);
}

#[test]
fn only_sets_like_mnist_are_taken_for_digits() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("dark")).unwrap();
    write_idx(&here.join("dark"), 60, 20);
    // The same files with every pixel inverted.
    fs::create_dir(here.join("light")).unwrap();
    for entry in fs::read_dir(here.join("dark")).unwrap() {
        let name = entry.unwrap().file_name();
        let mut bytes = fs::read(here.join("dark").join(&name)).unwrap();
        if name.to_string_lossy().contains("images") {
            bytes
                .iter_mut()
                .skip(16)
                .for_each(|byte| *byte = 255 - *byte);
        }
        fs::write(here.join("light").join(&name), bytes).unwrap();
    }
    let pixels = Tensor::zeros(
        (40, 28, 28),
        candle_core::DType::U8,
        &candle_core::Device::Cpu,
    );
    pixels.unwrap().write_npy(here.join("array.npy")).unwrap();
    let pictures = Some(ImageKind::Pictures);
    let digits = Some(ImageKind::Digits);
    for (data, settings, kind) in [
        ("dark", &[][..], None),
        ("light", &[], pictures),
        ("array.npy", &[], pictures),
        ("array.npy", &["--set=data.kind=digits"], digits),
    ] {
        let to = format!("{data}-{}", settings.len());
        train(here, data, &to, settings);
        let checkpoint = Checkpoint::read(&here.join(&to).join("last.safetensors")).unwrap();
        assert_eq!(checkpoint.recipe.data.kind, kind, "{data} {settings:?}");
    }
}

/// A photograph of 48 megapixels is refused for its damage alone.
#[test]
fn the_size_of_a_picture_is_limited_by_memory_only() {
    let folder = TempDir::new().unwrap();
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, body) in [
        (
            b"IHDR",
            [
                &8000u32.to_be_bytes()[..],
                &6000u32.to_be_bytes(),
                &[8, 2, 0, 0, 0],
            ]
            .concat(),
        ),
        (b"IDAT", b"\x78\x9c".to_vec()),
        (b"IEND", Vec::new()),
    ] {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(&body);
        bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(name);
        bytes.extend(&body);
        bytes.extend(crc.sum().to_be_bytes());
    }
    fs::write(folder.path().join("photo.png"), bytes).unwrap();
    let message = refusal(folder.path(), &["infer", "photo.png"]);
    contains(&message, &["photo.png", "a whole PNG"]);
    let message = refusal(
        folder.path(),
        &["infer", "photo.png", "--picture-memory", "600"],
    );
    contains(
        &message,
        &["photo.png", "8000 x 6000", "600 MiB", "--picture-memory"],
    );
}
