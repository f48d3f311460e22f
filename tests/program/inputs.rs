//! Where pictures come from: files, folders with folders inside, standard input; and what is none of them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::{self, autoencode, contains, refusal, repository};

/// A small network in `net.safetensors`.
fn place() -> TempDir {
    let folder = TempDir::new().unwrap();
    let recipe = common::recipe("conv-denoiser", &common::SMALL, [1, 28, 28]);
    let checkpoint = common::checkpoint(recipe).to_bytes().unwrap();
    fs::write(folder.path().join("net.safetensors"), checkpoint).unwrap();
    folder
}

fn digit(number: usize) -> Vec<u8> {
    let names = ["9-plain.png", "4-noisy.png", "7-small.png"];
    fs::read(repository("assets/digits").join(names[number])).unwrap()
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Standard output and standard error of a command that succeeds.
fn run(folder: &Path, command: &str, stdin: &[u8]) -> (Vec<u8>, String) {
    let assert = autoencode()
        .current_dir(folder)
        .args(command.split(' '))
        .write_stdin(stdin)
        .assert()
        .success();
    let output = assert.get_output();
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    (output.stdout.clone(), message)
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

/// The pairs of input and output that `infer --json` reports.
fn pairs(report: &Value) -> Vec<(&str, &str)> {
    let files = report["files"].as_array().unwrap().iter();
    files
        .map(|file| {
            let [input, output] = ["input", "output"].map(|key| file[key].as_str().unwrap());
            (input, output)
        })
        .collect()
}

#[test]
fn folders_are_read_alike_by_every_command_and_results_keep_their_folders() {
    let folder = place();
    let here = folder.path();
    for (number, name) in ["a/1.png", "b/1.PNG", "b/2.png"].into_iter().enumerate() {
        put(here, &format!("pics/{name}"), &digit(number));
    }
    // Neither hidden files nor what a run wrote are pictures.
    for name in [
        "a/._1.png",
        ".hidden/2.png",
        "a/photo.gif",
        "b/notes.txt",
        "run/curves.png",
    ] {
        put(here, &format!("pics/{name}"), b"no picture");
    }
    put(here, "pics/run/recipe.toml", b"");

    let infer = "infer pics -c net.safetensors --fit resize --json -o pics/out";
    let expected = [
        ("pics/a/1.png", "pics/out/a/1.png"),
        ("pics/b/1.PNG", "pics/out/b/1.png"),
        ("pics/b/2.png", "pics/out/b/2.png"),
    ];
    // The results in the folder are not read the second time.
    for command in [infer.to_string(), format!("{infer} --force")] {
        let (report, notes) = run(here, &command, b"");
        let report = json(&report);
        assert_eq!(pairs(&report), expected);
        assert_eq!(report["left_out"], 2);
        contains(&notes, &["pics: 2 files of other types left out"]);
    }
    assert_eq!(fs::read_dir(here.join("pics/out")).unwrap().count(), 2);
    fs::remove_dir_all(here.join("pics/out")).unwrap();

    let (report, notes) = run(
        here,
        "encode pics -c net.safetensors --json -o codes.csv",
        b"",
    );
    assert_eq!(json(&report)["left_out"], 2);
    contains(&notes, &["2 files of other types left out"]);
    let codes = fs::read_to_string(here.join("codes.csv")).unwrap();
    let files: Vec<&str> = codes
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(files, expected.map(|(input, _)| input));

    let data = "evaluate -c net.safetensors --data pics --json";
    put(here, "pics/b/2.png", &digit(0));
    put(here, "pics/b/1.PNG", &digit(1));
    let (report, _) = run(here, data, b"");
    let data = json(&report)["data"].as_str().unwrap().to_string();
    contains(
        &data,
        &["2 + 1 images of 28x28", "(2 files of other types left out)"],
    );

    // A result cannot lie in another one.
    put(here, "x/a.png", &digit(0));
    put(here, "y/a.png/b.png", &digit(0));
    contains(
        &refusal(here, &["infer", "x", "y", "-o", "new"]),
        &["new/a.png/b.png"],
    );
    assert!(!here.join("new").exists());
}

#[test]
fn a_run_or_checkpoint_among_pictures_is_refused_with_the_flag_that_takes_it() {
    let folder = place();
    let here = folder.path();
    put(here, "one.png", &digit(0));
    for name in ["curves.png", "samples/epoch-001.png"] {
        put(here, &format!("runs/r/{name}"), &digit(0));
    }
    put(here, "runs/r/recipe.toml", b"");
    fs::copy(
        here.join("net.safetensors"),
        here.join("runs/r/best.safetensors"),
    )
    .unwrap();
    put(here, "bare/best.safetensors", b"");
    for run in [
        "runs/r",
        "runs",
        "bare",
        "runs/r/samples",
        "runs/r/curves.png",
        "runs/r/samples/epoch-001.png",
        "runs/r/best.safetensors",
    ] {
        contains(
            &refusal(here, &["infer", run, "one.png"]),
            &[run, "-c takes"],
        );
        contains(
            &refusal(here, &["encode", "one.png", run, "-o", "c.csv"]),
            &[run, "-c takes"],
        );
    }
    for run in ["runs/r", "runs/r/curves.png", "runs/r/best.safetensors"] {
        let message = refusal(here, &["interpolate", run, "one.png", "-o", "way.png"]);
        contains(&message, &[run, "-c takes"]);
    }
    contains(
        &refusal(&here.join("runs/r/samples"), &["infer", "."]),
        &["-c takes"],
    );
    for data in ["runs/r", "runs/r/samples"] {
        let message = refusal(here, &["train", "--data", data, "--output", "new"]);
        contains(&message, &[data, "what a run wrote"]);
    }
    // A recipe of one's own beside pictures makes no run.
    put(here, "mine/recipe.toml", b"");
    put(here, "mine/samples/one.png", &digit(0));
    put(here, "mine/one.png", &digit(0));
    run(
        here,
        "infer mine mine/samples -c net.safetensors -q -o out",
        b"",
    );
    assert!(here.join("out/samples/one.png").is_file() && here.join("out/one-2.png").is_file());
}

#[test]
fn a_picture_comes_from_standard_input_and_results_go_to_standard_output() {
    let folder = place();
    let here = folder.path();
    put(here, "stdin.png", &digit(1));
    run(here, "infer stdin.png -c net.safetensors -o file", b"");
    let expected = fs::read(here.join("file/stdin.png")).unwrap();

    let (report, _) = run(here, "infer - -c net.safetensors --json", &digit(1));
    assert_eq!(pairs(&json(&report)), [("-", "denoised/stdin.png")]);
    assert_eq!(fs::read(here.join("denoised/stdin.png")).unwrap(), expected);
    let (picture, report) = run(here, "infer - -c net.safetensors -o -", &digit(1));
    assert_eq!(picture, expected);
    contains(&report, &["standard input -> standard output"]);
    let (picture, report) = run(here, "infer stdin.png -c net.safetensors -o - --json", b"");
    assert_eq!(picture, expected);
    assert_eq!(pairs(&json(report.as_bytes())), [("stdin.png", "-")]);

    run(
        here,
        "encode stdin.png -c net.safetensors -o codes.csv",
        b"",
    );
    let expected = fs::read_to_string(here.join("codes.csv")).unwrap();
    let (codes, report) = run(here, "encode - -c net.safetensors -o -", &digit(1));
    assert_eq!(
        String::from_utf8(codes).unwrap(),
        expected.replace("\nstdin.png,", "\n-,")
    );
    contains(&report, &["1 picture", "-> standard output"]);
    run(
        here,
        "interpolate - stdin.png -c net.safetensors -o way.png",
        &digit(0),
    );
    let names = fs::read_dir(here)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name == "-").count(), 0);

    for (input, found) in [
        (&b"\xff\xd8\xff\xe0"[..], "JPEG"),
        (b"", "an empty file"),
        (&digit(1)[..200], "ends early"),
    ] {
        let assert = autoencode()
            .current_dir(here)
            .args(["infer", "-", "-o", "new"])
            .write_stdin(input)
            .assert()
            .code(2);
        let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        contains(&message, &["error: standard input: ", found]);
    }
    let message = refusal(here, &["infer", "stdin.png", "way.png", "-o", "-"]);
    contains(&message, &["one picture", "found 2"]);
}

#[test]
fn one_image_is_measured_as_far_as_it_can_be() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    put(here, "one/digit.png", &digit(0));
    let vae = repository("models/conv-vae.safetensors");
    for data in ["one", "one/digit.png"] {
        let command = format!("evaluate --data {data} --pca --knn --iwae 2 -c");
        let (text, _) = run(here, &format!("{command} {}", vae.display()), b"");
        let text = String::from_utf8(text).unwrap();
        let parts = [
            "the 1 test image of",
            "active latent dimensions need two",
            "PCA: - (",
            "bound ",
        ];
        contains(&text, &parts);
        let message = refusal(
            here,
            &["train", "dense-32", "--data", data, "--output", "run"],
        );
        contains(&message, &[data, "3 or more images, found 1"]);
        contains(
            &refusal(
                here,
                &["encode", "--data", data, "--part", "train", "-o", "c.csv"],
            ),
            &["--part", "found none"],
        );
    }
    run(here, "encode --data one/digit.png -o c.csv", b"");
    // Few images, and fewer than neighbours.
    for number in 0..4 {
        let class = number % 2;
        put(here, &format!("few/{class}/{number}.png"), &digit(class));
    }
    let command = format!("evaluate --data few --pca --knn -c {}", vae.display());
    let (text, _) = run(here, &command, b"");
    contains(
        &String::from_utf8(text).unwrap(),
        &["5 neighbours need as many training images"],
    );
}
