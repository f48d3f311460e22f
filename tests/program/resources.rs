//! What the system does not give: memory, threads, room for what is printed. One line says so, and nothing is lost.
#![cfg(target_os = "linux")]

use crate::common::{autoencode_command, contains, digits, repository, run_files};
use std::path::Path;
use std::process::{Command, Output};

use autoencode::checkpoint::Checkpoint;

/// Runs the program from a shell that first does what `limit` says; words of `command` are the arguments.
fn limited(folder: &Path, limit: &str, command: &str) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limit}\nexec \"$0\" \"$@\"")]);
    shell.arg(autoencode_command().get_program());
    shell.args(command.split(' ')).current_dir(folder);
    shell
        .env("HF_HUB_OFFLINE", "1")
        .env_remove("RUST_BACKTRACE");
    shell.output().unwrap()
}

/// What the program said when it ended with exit code 1 and one line.
fn failure(output: &Output, about: &str) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{about}: {said}");
    let line = said.lines().last().unwrap_or_default();
    assert!(line.starts_with("error: "), "{about}: {said}");
    assert_eq!(said.matches("error: ").count(), 1, "{about}: {said}");
    assert!(!said.contains("panicked"), "{about}: {said}");
    line.to_string()
}

fn succeeds(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn a_full_standard_output_is_told_by_every_command_and_a_run_is_kept() {
    let data = digits(60, 20);
    let folder = data.path();
    let picture = std::fs::read_dir(repository("assets/digits")).unwrap();
    let picture = picture.flatten().next().unwrap().path();
    std::fs::copy(picture, folder.join("a.png")).unwrap();
    for command in [
        "--help",
        "--version",
        "train --help",
        "train dense-32 --data . --epochs 1 --output run",
        "train dense-32 --data . --epochs 1 --output run-json --json",
        "infer a.png --output denoised",
        "encode a.png a.png --output codes.npy",
        "decode codes.npy --output decoded",
        "interpolate a.png a.png --output between.png",
        "filters --output filters.png",
        "evaluate --checkpoint run --data .",
        "sample --sheet sample.png",
        "summary dense-32",
        "plot curves run --output curves.png",
        "plot codes --checkpoint run --data . --output codes.png",
        "recipes",
        "recipes dense-32",
        "activations --output activations.png",
        "reproduce --list",
        "bench dense-32 --data . --steps 1",
    ] {
        let line = failure(&limited(folder, "exec >/dev/full", command), command);
        contains(&line, &["standard output", "No space left"]);
    }
    Checkpoint::read(&folder.join("run/best.safetensors")).unwrap();
    assert!(run_files(&folder.join("run")) == run_files(&folder.join("run-json")));
}

#[test]
fn memory_that_is_not_there_ends_a_run_in_one_line_and_its_checkpoint_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let train = "train conv-denoiser --data sample --epochs 1 --threads 2 --set network.encoder=[4,8] \
                 --set network.decoder=[4] --batch-size 9000 --output";
    let little = "ulimit -v 200000";
    let line = failure(
        &limited(folder.path(), little, &format!("{train} none")),
        "new",
    );
    contains(&line, &["no memory", "--threads", "training.batch_size"]);
    succeeds(&limited(folder.path(), "", &format!("{train} run")));
    let before = run_files(&folder.path().join("run"));
    let resume = "train --resume run --data sample --epochs 2 --threads 2";
    failure(&limited(folder.path(), little, resume), "resumed");
    assert!(run_files(&folder.path().join("run")) == before);
    succeeds(&limited(folder.path(), "", resume));
    let last = folder.path().join("run/last.safetensors");
    assert_eq!(Checkpoint::read(&last).unwrap().progress.epoch, 2);
}

#[test]
fn fewer_threads_work_where_not_all_can_start() {
    let data = digits(60, 20);
    let command = "train dense-32 --data . --epochs 1 --threads";
    let many = format!("{command} 1000 --output many");
    let said = succeeds(&limited(data.path(), "ulimit -v 1000000", &many));
    contains(&said, &["note: ", "of 1000 threads", "can start, and some"]);
    succeeds(&limited(
        data.path(),
        "",
        &format!("{command} 2 --output two"),
    ));
    let of = |run| run_files(&data.path().join(run));
    assert!(of("many") == of("two"));
}

#[test]
fn no_thread_at_all_is_told_in_one_line() {
    // The limit on processes does not hold for root.
    let as_nobody = ["--reuid=54321", "--clear-groups", "prlimit", "--nproc=1"];
    let mut command = Command::new("setpriv");
    command
        .args(as_nobody)
        .arg(autoencode_command().get_program());
    let output = command.args(["evaluate", "--data", "sample"]).output();
    match output {
        Ok(output) if output.status.code() == Some(1) && !output.stderr.starts_with(b"setpriv") => {
            contains(
                &failure(&output, "evaluate"),
                &["no thread can start", "ulimit -u"],
            );
        }
        other => eprintln!("SKIPPED: no process of another user without threads: {other:?}"),
    }
}
