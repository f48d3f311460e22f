//! Values of flags.

use tempfile::TempDir;

use super::Place;
use crate::common::{contains, repository, usage_error};

/// The command line's own check: exit code 2, the flag by name, and how to get help below.
#[test]
fn values_of_flags_are_refused_by_the_flags_name() {
    let place = Place::new();
    for (command, flag) in [
        ("train --device tpu", "--device"),
        ("train --device cuda:-1", "--device"),
        ("train --device cuda:99999999999999999999", "--device"),
        ("train --epochs -1", "--epochs"),
        ("train --epochs x", "--epochs"),
        ("train --epochs 99999999999", "--epochs"),
        ("train --batch-size -1", "--batch-size"),
        ("train --seed -1", "--seed"),
        ("train --seed x", "--seed <N>: expected a whole number"),
        (
            "train --checkpoint-every 0",
            "a whole number from 1, found `0`",
        ),
        (
            "bench --steps 0",
            "a whole number from 1 to 100000, found `0`",
        ),
        ("infer a.png --noise -1", "--noise"),
        ("infer a.png --noise nan", "--noise"),
        ("evaluate --noise inf", "--noise"),
        ("evaluate --noise -0.5", "--noise"),
        ("sample --count 0 --grid g.png", "--count"),
        ("sample --count -1 --grid g.png", "--count"),
        ("filters --channel -1 -o f.png", "--channel"),
        ("filters --scale 0 -o f.png", "--scale"),
        ("interpolate a.png a.png --steps 1 -o i.png", "--steps"),
        ("encode a.png -o codes.txt", "--output"),
        ("plot curves run -o curves.gif", "--output"),
    ] {
        let message = place.fails(&command.split(' ').collect::<Vec<_>>(), 2);
        let first = message.lines().next().unwrap_or_default();
        assert!(first.contains(flag), "{command}: {message}");
    }
    // Not through `run`, which sets the flag itself.
    for threads in ["0", "-1", "99999"] {
        let message = crate::common::usage_error(place.path(), &["summary", "--threads", threads]);
        assert!(message.contains("--threads"), "{message}");
    }
}

#[test]
fn values_that_only_the_work_can_judge_are_refused_in_one_line() {
    let place = Place::new();
    for (command, named) in [
        ("train --offline --epochs 0", "training.epochs"),
        ("train --offline --batch-size 0", "training.batch_size"),
        (
            "train --offline --seed 18446744073709551615",
            "at most 9223372036854775807",
        ),
        ("filters --channel 999999999999 -o f.png", "channel"),
        ("filters --layer nope -o f.png", "nope"),
        (
            "interpolate codes.csv:7 a.png --checkpoint vae.safetensors -o i.png",
            "codes.csv",
        ),
        (
            "interpolate a.png a.png --path spherical -o i.png",
            "--path",
        ),
        ("reproduce nope --offline", "nope"),
    ] {
        place.refuses(command, &[named]);
    }
}

#[cfg(not(any(feature = "cuda", feature = "metal")))]
#[test]
fn a_device_that_the_build_lacks_is_named() {
    let place = Place::new();
    for device in ["cuda", "cuda:99", "metal"] {
        let command = format!("train --offline --device {device}");
        place.refuses(&command, &[&format!("--device {device}:"), "--features"]);
    }
    assert!(!place.path().join("runs").exists());
}

#[test]
fn a_picture_is_not_written_under_the_name_of_another_format() {
    let folder = TempDir::new().unwrap();
    let digit = repository("assets/digits/9-plain.png");
    for arguments in [
        "infer DIGIT --sheet sheet.jpg",
        "interpolate DIGIT DIGIT --output way.txt",
        "filters --output filters.svg",
        "sample --sheet -",
        "decode --manifold plane",
    ] {
        let words = arguments.split(' ').map(|word| match word {
            "DIGIT" => digit.to_str().unwrap(),
            other => other,
        });
        let words: Vec<&str> = words.collect();
        contains(
            &usage_error(folder.path(), &words),
            &["ends in .png", words[words.len() - 1]],
        );
    }
    assert!(folder.path().read_dir().unwrap().next().is_none());
}
