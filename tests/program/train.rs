//! Training with the real binary: what it leaves, that it repeats to the bit, stops and goes on.

use crate::common::digits;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use autoencode::checkpoint::Checkpoint;

/// `autoencode train` on that data into that folder.
fn command(data: &Path, run: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autoencode"));
    command.arg("train").args(arguments).arg("--data").arg(data);
    if !arguments.contains(&"--resume") {
        command.arg("--output").arg(run);
    }
    command
}

fn train(data: &Path, run: &Path, arguments: &[&str]) -> Output {
    command(data, run, arguments).output().unwrap()
}

fn train_well(data: &Path, run: &Path, arguments: &[&str]) -> String {
    let output = train(data, run, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A network small enough for many epochs a second.
const SMALL: [&str; 7] = [
    "conv-denoiser",
    "--set",
    "network.encoder=[4,8]",
    "--set",
    "network.decoder=[8]",
    "--batch-size",
    "50",
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SMALL.iter().copied().chain(more.iter().copied()).collect()
}

#[test]
fn a_run_leaves_everything_it_names_and_its_figures_agree() {
    let (data, out) = (digits(600, 100), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let printed = train_well(data.path(), &run, &with(&["--epochs", "3"]));
    let first = printed.lines().next().unwrap();
    assert!(first.contains("3 epochs of 540 images"), "{first}");
    assert!(
        first.contains("about") && first.contains("--epochs 1"),
        "{first}"
    );
    assert!(
        printed.contains("next: autoencode infer --checkpoint"),
        "{printed}"
    );

    for name in [
        "recipe.toml",
        "metrics.jsonl",
        "metrics.csv",
        "last.safetensors",
        "best.safetensors",
        "curves.svg",
        "curves.png",
        "environment.json",
        "report.json",
        "samples/epoch-001.png",
        "samples/epoch-003.png",
    ] {
        assert!(run.join(name).metadata().unwrap().len() > 0, "{name}");
    }
    let jsonl = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = jsonl
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 3);
    let losses: Vec<f64> = rows
        .iter()
        .map(|row| row["val_bce_per_pixel"].as_f64().unwrap())
        .collect();
    assert!(losses[2] < losses[0], "{losses:?}");
    let csv = fs::read_to_string(run.join("metrics.csv")).unwrap();
    assert!(csv.starts_with("epoch,step,learning_rate,train_bce_per_pixel,val_bce_per_pixel"));
    assert_eq!(csv.lines().count(), 4);

    // 540 samples in batches of 50: the partial one counts as a step.
    assert_eq!(rows[0]["step"], 11);
    let best = Checkpoint::read(&run.join("best.safetensors")).unwrap();
    let (epoch, lowest) = (1..)
        .zip(&losses)
        .min_by(|a, b| a.1.total_cmp(b.1))
        .unwrap();
    assert_eq!(best.progress.best.unwrap().epoch, epoch);
    assert_eq!(best.progress.best.unwrap().loss, *lowest);
    assert!(best.optimizer.is_empty());
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["best_epoch"], epoch);

    // `evaluate` finds the figures that training reported.
    let output = Command::new(env!("CARGO_BIN_EXE_autoencode"))
        .args(["evaluate", "--json", "--checkpoint"])
        .arg(&run)
        .arg("--data")
        .arg(data.path())
        .output()
        .unwrap();
    let evaluated: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(evaluated["test"], report["test"]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_any_number_of_threads() {
    let (data, out) = (digits(300, 50), tempfile::tempdir().unwrap());
    let files = |name: &str, arguments: &[&str]| -> [Vec<u8>; 2] {
        let run = out.path().join(name);
        train_well(data.path(), &run, arguments);
        ["last.safetensors", "best.safetensors"].map(|file| fs::read(run.join(file)).unwrap())
    };
    for recipe in ["conv-denoiser", "dense-32", "vae"] {
        let run = |name: &str, threads: &str, seed: &str| {
            files(
                &format!("{recipe}-{name}"),
                &[
                    recipe,
                    "--epochs",
                    "1",
                    "--threads",
                    threads,
                    "--seed",
                    seed,
                ],
            )
        };
        let one = run("one", "1", "3");
        assert!(
            one == run("two", "2", "3"),
            "{recipe}: threads change the result"
        );
        assert!(
            one == run("again", "2", "3"),
            "{recipe}: a run does not repeat"
        );
        assert!(
            one != run("other", "2", "4"),
            "{recipe}: the seed changes nothing"
        );
    }
}

#[test]
fn training_from_the_kept_recipe_repeats_the_run() {
    let (data, out) = (digits(200, 50), tempfile::tempdir().unwrap());
    let (first, second) = (out.path().join("first"), out.path().join("second"));
    train_well(
        data.path(),
        &first,
        &with(&["--epochs", "2", "--seed", "9"]),
    );
    let recipe = first.join("recipe.toml");
    train_well(data.path(), &second, &[recipe.to_str().unwrap()]);
    let last = |run: &Path| fs::read(run.join("last.safetensors")).unwrap();
    assert!(last(&first) == last(&second));
}

/// Sends the signal once the run has written its first epoch, and waits for the end.
#[cfg(unix)]
fn stop_after_an_epoch(data: &Path, run: &Path, arguments: &[&str], signal: &str) -> Output {
    let mut child = command(data, run, arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !run.join("samples/epoch-001.png").exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "no epoch was finished"
        );
        assert!(child.try_wait().unwrap().is_none(), "ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    child.wait_with_output().unwrap()
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_is_saved_and_goes_on_to_the_same_bytes() {
    let (data, out) = (digits(1500, 50), tempfile::tempdir().unwrap());
    let (whole, stopped) = (out.path().join("whole"), out.path().join("stopped"));
    let arguments = with(&["--epochs", "6"]);
    train_well(data.path(), &whole, &arguments);

    let output = stop_after_an_epoch(data.path(), &stopped, &arguments, "INT");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--resume"), "{said}");
    let at = Checkpoint::read(&stopped.join("last.safetensors"))
        .unwrap()
        .progress;
    assert!(at.epoch < 6, "stopped too late to test anything: {at:?}");

    train_well(
        data.path(),
        &stopped,
        &["--resume", stopped.to_str().unwrap()],
    );
    for file in ["last.safetensors", "best.safetensors"] {
        let bytes = |run: &PathBuf| fs::read(run.join(file)).unwrap();
        assert!(
            bytes(&whole) == bytes(&stopped),
            "{file} differs after resuming"
        );
    }
    // The same rows but for the times.
    let rows = |run: &Path| -> Vec<String> {
        let text = fs::read_to_string(run.join("metrics.csv")).unwrap();
        let without_times = |line: &str| line.rsplitn(3, ',').last().unwrap().to_string();
        text.lines().map(without_times).collect()
    };
    assert_eq!(rows(&whole), rows(&stopped));
}

#[cfg(unix)]
#[test]
fn sigterm_saves_and_exits_with_143() {
    let (data, out) = (digits(600, 50), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let output = stop_after_an_epoch(data.path(), &run, &with(&["--epochs", "500"]), "TERM");
    assert_eq!(output.status.code(), Some(143), "{output:?}");
    Checkpoint::read(&run.join("last.safetensors")).unwrap();
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint() {
    let (data, out) = (digits(200, 50), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    train_well(data.path(), &run, &with(&["--epochs", "1"]));
    // One weight beyond all numbers, in a run that has epochs left.
    let last = run.join("last.safetensors");
    let mut checkpoint = Checkpoint::read(&last).unwrap();
    checkpoint.recipe.training.epochs = 3;
    let weight = checkpoint.weights.get_mut("encoder.0.bias").unwrap();
    *weight = weight.affine(0.0, f64::INFINITY).unwrap();
    checkpoint.write(&last).unwrap();
    fs::remove_file(run.join("recipe.toml")).unwrap();
    let before = fs::read(&last).unwrap();

    let output = train(data.path(), &run, &["--resume", run.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let said = said.lines().last().unwrap();
    for part in ["training loss is", "step 5 of epoch 2", "learning rate"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(fs::read(&last).unwrap() == before);
}

#[test]
fn nothing_of_an_earlier_run_is_overwritten() {
    let (data, out) = (digits(100, 50), tempfile::tempdir().unwrap());
    let train_here = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_autoencode"))
            .current_dir(out.path())
            .arg("train")
            .args(with(&["--epochs", "1"]))
            .args(arguments)
            .arg("--data")
            .arg(data.path())
            .output()
            .unwrap();
        output.status.code()
    };
    assert_eq!(train_here(&[]), Some(0));
    assert_eq!(train_here(&[]), Some(0));
    assert!(
        out.path()
            .join("runs/conv-denoiser/last.safetensors")
            .exists()
    );
    assert!(
        out.path()
            .join("runs/conv-denoiser-2/last.safetensors")
            .exists()
    );
    assert_eq!(train_here(&["--output", "runs/conv-denoiser"]), Some(2));
    // A run that cannot begin leaves no folder behind.
    assert_eq!(train_here(&["--set", "network.input=[1,30,30]"]), Some(2));
    assert!(!out.path().join("runs/conv-denoiser-3").exists());
}

#[test]
fn resuming_on_other_data_is_refused() {
    let (data, other) = (digits(100, 50), digits(120, 50));
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    train_well(data.path(), &run, &with(&["--epochs", "1"]));
    let output = train(other.path(), &run, &["--resume", run.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("90 + 10 + 50 images"), "{said}");
}

#[test]
fn the_program_says_why_it_stopped_early() {
    let (data, out) = (digits(60, 20), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let arguments = [
        "dense-32",
        "--epochs",
        "30",
        "--set",
        "optimizer.lr=1e-30",
        "--set",
        "training.patience=2",
    ];
    let why = "stopped early after epoch 3 of 30: no lower validation loss since epoch 1 \
               (training.patience = 2)";
    let output = train(data.path(), &run, &arguments);
    let last = fs::read(run.join("last.safetensors")).unwrap();
    // A run that has ended goes on to the same end.
    let again = train(data.path(), &run, &["--resume", run.to_str().unwrap()]);
    for output in [output, again] {
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.lines().any(|line| line == why), "{said}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains("best epoch: 1 of 3"), "{printed}");
    }
    assert!(fs::read(run.join("last.safetensors")).unwrap() == last);
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(run.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["stopped_early"], true);
    assert_eq!(report["epochs"], 3);
}
