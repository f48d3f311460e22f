//! A run finds the data that it was trained on, keeps its recipe, and takes no run for data.

use crate::common::{autoencode, contains, digits, refusal, run_files, sample, write_idx};
use std::fs;
use std::path::Path;

use autoencode::file::Publish;
use autoencode::picture::{Picture, write_png};
use serde_json::Value;
use tempfile::TempDir;

/// Runs the program in a folder; returns what it prints on standard output and on standard error.
fn run(here: &Path, arguments: &[&str]) -> [String; 2] {
    let output = autoencode()
        .current_dir(here)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap())
}

fn json(here: &Path, arguments: &[&str]) -> Value {
    let [printed, _] = run(here, &[arguments, &["--json"]].concat());
    serde_json::from_str(&printed).unwrap()
}

/// A short training of a small network.
const TRAIN: [&str; 6] = [
    "train",
    "dense-32",
    "--set=network.encoder=[2]",
    "--epochs=1",
    "--batch-size=50",
    "--quiet",
];

/// The commands that measure, encode and draw the test images of a checkpoint.
fn uses(checkpoint: &str) -> [Vec<&str>; 3] {
    [
        vec!["evaluate", "-c", checkpoint],
        vec!["encode", "-c", checkpoint, "-o", "codes.csv", "--force"],
        vec![
            "plot",
            "codes",
            "-c",
            checkpoint,
            "-o",
            "codes.svg",
            "--force",
        ],
    ]
}

#[test]
fn a_run_on_data_of_ones_own_finds_it_from_anywhere_and_takes_no_other() {
    let (folder, elsewhere) = (digits(200, 40), TempDir::new().unwrap());
    let (here, away) = (folder.path(), elsewhere.path());
    run(here, &[&TRAIN[..], &["--data", ".", "-o", "run"]].concat());
    let kept = here.join("run");
    let name = kept.to_str().unwrap();
    let trained: Value =
        serde_json::from_slice(&fs::read(kept.join("report.json")).unwrap()).unwrap();
    let found_by_all = || {
        let [evaluated, encoded, drawn] = uses(name).map(|command| json(away, &command));
        assert_eq!(evaluated["test"]["images"], 40);
        for report in [&evaluated, &encoded, &drawn] {
            assert_eq!(report["same_data"], true, "{report}");
        }
        assert_eq!(
            (&encoded["count"], &drawn["images"]),
            (&40.into(), &40.into())
        );
        evaluated
    };
    assert_eq!(found_by_all()["test"], trained["test"]);
    // By its last checkpoint it goes on, from elsewhere and with nothing else said.
    let last = kept.join("last.safetensors");
    run(
        away,
        &[
            "train",
            "--epochs=2",
            "--quiet",
            "--resume",
            last.to_str().unwrap(),
        ],
    );
    found_by_all();
    let message = refusal(
        away,
        &[
            "train",
            "--resume",
            kept.join("best.safetensors").to_str().unwrap(),
        ],
    );
    contains(&message, &["best.safetensors", "last.safetensors"]);

    // Other data is used when it is asked for, and the result says so.
    let other = digits(60, 20);
    let given = other.path().to_str().unwrap();
    for (command, place) in uses(name).into_iter().zip(["stdout", "of", "codes.svg"]) {
        let command = [&command[..], &["--data", given]].concat();
        let report = json(away, &command);
        assert_eq!(report["same_data"], false, "{report}");
        contains(
            report["trained_on"].as_str().unwrap(),
            &["180 + 20 + 40 images"],
        );
        let [printed, _] = run(away, &[&command[..], &["--quiet"]].concat());
        let said = match place {
            "stdout" => printed,
            "of" => report["of"].to_string(),
            file => fs::read_to_string(away.join(file)).unwrap(),
        };
        contains(&said, &["other data"]);
        let [printed, _] = run(away, &command);
        contains(&printed, &["other data than"]);
    }

    // Data that has gone, or has changed, is missed by name.
    let moved = away.join("moved");
    fs::create_dir(&moved).unwrap();
    let move_to = |from: &Path, to: &Path| {
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::rename(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    };
    let data = here.to_str().unwrap();
    move_to(here, &moved);
    write_idx(here, 100, 40);
    let resume = vec!["train", "--epochs=3", "--resume", name];
    for command in uses(name).into_iter().chain([resume.clone()]) {
        let message = refusal(away, &command);
        contains(&message, &[data, "180 + 20 + 40", "90 + 10 + 40", "--data"]);
    }
    move_to(here, other.path());
    fs::rename(&kept, away.join("run")).unwrap();
    fs::remove_dir(here).unwrap();
    for command in uses("run")
        .into_iter()
        .chain([vec!["train", "--epochs=3", "--resume", "run"]])
    {
        let message = refusal(away, &command);
        contains(&message, &[data, "found nothing", "--data"]);
    }
    // A run that goes on with it keeps the new place.
    run(
        away,
        &[
            "train",
            "--epochs=3",
            "--quiet",
            "--resume=run",
            "--data=moved",
        ],
    );
    assert_eq!(json(away, &["evaluate", "-c", "run"])["same_data"], true);

    // A checkpoint on its own has no place to look.
    fs::copy(
        away.join("run/best.safetensors"),
        away.join("alone.safetensors"),
    )
    .unwrap();
    for command in uses("alone.safetensors") {
        let message = refusal(away, &[&command[..], &["--offline"]].concat());
        contains(&message, &["alone.safetensors", "--data", "180 + 20 + 40"]);
    }
    // Nor has its file: equal data gives equal bytes wherever it lies.
    run(
        away,
        &[&TRAIN[..], &["--data=moved", "-o", "again"]].concat(),
    );
    for longer in ["--epochs=2", "--epochs=3"] {
        run(away, &["train", longer, "--quiet", "--resume=again"]);
    }
    let [again, first] = ["again", "run"].map(|run| run_files(&away.join(run)));
    let differing = first
        .iter()
        .filter(|(name, bytes)| again.get(*name) != Some(*bytes));
    let differing: Vec<_> = differing.map(|(name, _)| name).collect();
    assert!(
        differing.is_empty() && again.len() == first.len(),
        "{differing:?}"
    );
}

#[test]
fn an_edited_recipe_is_neither_ignored_nor_overwritten() {
    let folder = digits(60, 20);
    let here = folder.path();
    run(here, &[&TRAIN[..], &["--data", ".", "-o", "run"]].concat());
    let file = here.join("run/recipe.toml");
    let written = fs::read_to_string(&file).unwrap();
    let resume = ["train", "--resume", "run"];
    for (from, to, parts) in [
        (
            "batch_size = 50",
            "batch_size = 20",
            ["training.batch_size = 20", "50"],
        ),
        ("epochs = 1", "epochs = one", ["line", "recipe.toml"]),
        ("epochs = 1", "epochs = 0", ["training.epochs", "0"]),
    ] {
        let edited = written.replace(from, to);
        assert_ne!(edited, written);
        fs::write(&file, &edited).unwrap();
        let message = refusal(here, &resume);
        contains(&message, &["run/recipe.toml", "new run"]);
        contains(&message, &parts);
        assert_eq!(fs::read_to_string(&file).unwrap(), edited);
    }
    // The length of a run may change, here as by a flag; a comment stays.
    let longer = written.replace("epochs = 1", "epochs = 2 # longer");
    fs::write(&file, &longer).unwrap();
    let [_, said] = run(here, &resume);
    contains(&said, &["note: ", "edited run/recipe.toml"]);
    let report = fs::read_to_string(here.join("run/report.json")).unwrap();
    contains(&report, &["\"epochs\": 2"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), longer);
}

#[test]
fn a_run_in_a_folder_of_pictures_is_no_picture() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let images = sample().train;
    let draw = |path: &Path, index: usize| {
        let values = images.pixels()[index * 784..][..784].iter();
        let values = values.map(|value| f32::from(*value) / 255.0).collect();
        let picture = Picture::new(1, 28, 28, values).unwrap();
        write_png(path, &picture, Publish::New).unwrap();
    };
    let train = |folder: &Path, output: &[&str]| {
        run(folder, &[&TRAIN[..], &["--data", "."], output].concat());
    };
    // Pictures alone, and classes, of which one has the name of the folder of runs.
    let [pictures, classes] = ["pictures", "classes"].map(|name| here.join(name));
    for name in ["runs", "walks"] {
        fs::create_dir_all(classes.join(name)).unwrap();
    }
    fs::create_dir(&pictures).unwrap();
    for index in 0..40 {
        draw(&pictures.join(format!("{index}.png")), index);
        let class = ["runs", "walks"][index % 2];
        draw(&classes.join(class).join(format!("{index}.png")), index);
    }
    train(&classes.join("walks"), &[]);
    for (folder, second) in [(&pictures, "runs/dense-32"), (&classes, "second")] {
        train(folder, &["-o", "first"]);
        // This run has another one beside it, and is itself inside the data.
        train(folder, &["-o", second]);
        assert!(run_files(&folder.join("first")) == run_files(&folder.join(second)));
        let report = json(folder, &["evaluate", "-c", second]);
        assert_eq!(
            (&report["same_data"], &report["test"]["images"]),
            (&true.into(), &4.into())
        );
    }
}

/// Every command that takes data takes its parts, and the figures of all are those of the parts together.
#[test]
fn parts_of_the_data_are_measured_encoded_and_drawn() {
    let folder = digits(200, 40);
    let here = folder.path();
    run(here, &[&TRAIN[..], &["--data", ".", "-o", "run"]].concat());
    let mut sum = 0.0;
    for (part, count) in [
        ("train", 180),
        ("validation", 20),
        ("test", 40),
        ("all", 240),
    ] {
        for command in uses("run") {
            let report = json(here, &[&command[..], &["--part", part]].concat());
            let found = match command[0] {
                "evaluate" => &report[part]["images"],
                "encode" => &report["count"],
                _ => &report["images"],
            };
            assert_eq!(*found, count, "{command:?} {part}");
        }
        let clean = ["evaluate", "-c", "run", "--noise=0", "--part", part];
        let error = json(here, &clean)[part]["output"]["mse_per_pixel"]
            .as_f64()
            .unwrap();
        match part {
            "all" => assert!((sum / (240.0 * error) - 1.0).abs() < 1e-6, "{sum} {error}"),
            _ => sum += error * f64::from(count),
        }
    }
    let [printed, _] = run(
        here,
        &["evaluate", "-c", "run", "--part=validation", "--knn"],
    );
    contains(
        &printed,
        &["on the 20 validation images of", "180 training images"],
    );
    for part in ["train", "all"] {
        let message = refusal(here, &["evaluate", "-c", "run", "--knn", "--part", part]);
        contains(&message, &["--part", "test or validation"]);
    }
    let images = sample().test;
    let values = images
        .image(0)
        .unwrap()
        .iter()
        .map(|value| f32::from(*value) / 255.0);
    let picture = Picture::new(1, 28, 28, values.collect()).unwrap();
    write_png(here.join("one.png"), &picture, Publish::New).unwrap();
    for command in uses("run") {
        let message = refusal(
            here,
            &[&command[..], &["--data=one.png", "--part=train"]].concat(),
        );
        contains(&message, &["--part", "a part with images", "one.png"]);
    }
}

#[cfg(unix)]
#[test]
fn data_at_a_path_that_is_not_utf_8_is_found_again() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let data = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&data).unwrap();
    write_idx(&data, 60, 20);
    let kept = folder.path().join("run");
    let done = autoencode()
        .args(TRAIN)
        .arg("--data")
        .arg(&data)
        .arg("-o")
        .arg(&kept)
        .output();
    assert!(done.unwrap().status.success());
    let (away, kept) = (elsewhere.path(), kept.to_str().unwrap());
    let report = json(away, &["evaluate", "-c", kept]);
    assert_eq!(report["same_data"], true, "{report}");
    run(away, &["train", "--epochs=2", "--quiet", "--resume", kept]);
}

#[test]
fn counts_of_one_are_singular() {
    let folder = digits(60, 20);
    let here = folder.path();
    run(here, &[&TRAIN[..], &["--data", ".", "-o", "run"]].concat());
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (12, 4, 4), }";
    let mut array = b"\x93NUMPY\x01\x00".to_vec();
    array.extend((header.len() as u16).to_le_bytes());
    array.extend(header.bytes().chain((0..192).map(|value| value as u8)));
    fs::write(here.join("few.npy"), array).unwrap();
    let vae = ["sample", "--count=1", "--sheet=one.png"];
    for (command, said) in [
        (&["plot", "curves", "run"][..], "over 1 epoch ->"),
        (&vae, "1 sample from"),
        (
            &["bench", "dense-32", "--steps=2", "--threads=1"],
            "(1 thread)",
        ),
        (
            &[
                "train",
                "dense-32",
                "--data=.",
                "--epochs=1",
                "--threads=1",
                "-o",
                "again",
            ],
            "1 thread;",
        ),
        (
            &[
                "train",
                "dense-32",
                "--data=few.npy",
                "--epochs=1",
                "-o",
                "few",
            ],
            "on the 1 test image:",
        ),
        (
            &["evaluate", "-c", "few", "--part=all"],
            "on all 12 images of",
        ),
    ] {
        let [printed, _] = run(here, command);
        contains(&printed, &[said]);
    }
}

#[test]
fn what_cannot_be_drawn_or_learned_from_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::create_dir_all(here.join("mixed/fours/old")).unwrap();
    let four = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/digits/4-noisy.png");
    for name in [
        "one.png",
        "mixed/stray.png",
        "mixed/fours/a.png",
        "mixed/fours/old/b.png",
    ] {
        fs::copy(&four, here.join(name)).unwrap();
    }
    let message = refusal(here, &["plot", "codes", "--data", "one.png"]);
    contains(
        &message,
        &["one.png", "2 or more", "--part all", "encode", "found 1"],
    );
    let train = ["train", "dense-32", "--data", "mixed"];
    let message = refusal(here, &train);
    contains(&message, &["mixed: ", "fours beside stray.png", "move"]);
    fs::remove_file(here.join("mixed/stray.png")).unwrap();
    let message = refusal(here, &train);
    contains(&message, &["mixed/fours: ", "a folder old", "move"]);
}
