//! What can be done after a run: another one in its folder, and the commands that it names.
#![cfg(unix)]

use crate::common::{autoencode_command, digits, run_files};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use autoencode::train::RunFolder;

/// Trains a small network for two epochs, with more arguments; `limit` stands before it in a shell.
fn train(data: &Path, limit: &str, more: &[&str]) -> Output {
    let mut command = Command::new("sh");
    let program = autoencode_command();
    command.args(["-c", &format!("{limit} exec \"$0\" \"$@\"")]);
    command
        .arg(program.get_program())
        .args(["train", "dense-32"]);
    command.arg("--data").arg(data).args(["--epochs", "2"]);
    command.args(more).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_run_that_ended_before_its_first_save_does_not_block_its_folder() {
    let (data, out) = (digits(60, 20), tempfile::tempdir().unwrap());
    let run = out.path().join("new/run");
    let output = ["-o", run.to_str().unwrap()];
    // No file of more than 50 KB: the first checkpoint has 600.
    let refused = train(data.path(), "trap '' XFSZ; ulimit -f 100;", &output);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(
        said(&refused).contains("run/last.safetensors"),
        "{refused:?}"
    );
    assert!(!out.path().join("new").exists());
    let killed = train(data.path(), "ulimit -f 100;", &output);
    assert!(killed.status.signal().is_some(), "{killed:?}");
    assert!(
        names(&run).iter().any(|name| name.ends_with(".part")),
        "{:?}",
        names(&run)
    );
    assert!(run.join("recipe.toml").exists());
    assert!(train(data.path(), "", &output).status.success());
    assert!(!names(&run).iter().any(|name| name.ends_with(".part")));
    // A folder with a recipe alone is not one that a run left.
    let own = out.path().join("own");
    fs::create_dir(&own).unwrap();
    fs::copy(run.join("recipe.toml"), own.join("recipe.toml")).unwrap();
    let refused = train(data.path(), "", &["-o", own.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert_eq!(names(&own), ["recipe.toml"]);
}

#[test]
fn force_replaces_a_run_and_nothing_else() {
    let (data, out) = (digits(60, 20), tempfile::tempdir().unwrap());
    let path = |name: &str| out.path().join(name);
    let (run, fresh) = (path("run"), path("fresh"));
    let force = |more: &[&str]| {
        let run = run.to_str().unwrap();
        train(data.path(), "", &[&["--force", "-o", run], more].concat())
    };
    assert!(force(&["--set", "training.epochs=3"]).status.success());
    fs::copy(
        run.join("last.safetensors"),
        run.join("damaged.safetensors"),
    )
    .unwrap();
    for own in ["notes.txt", "samples/epoch-me.png"] {
        fs::write(run.join(own), "mine").unwrap();
    }
    let before = run_files(&run);
    // What cannot start replaces nothing.
    assert_eq!(
        force(&["--set", "network.input=[1,30,30]"]).status.code(),
        Some(2)
    );
    let held = RunFolder::open(&run).unwrap();
    let refused = force(&[]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(said(&refused).contains("is training in"), "{refused:?}");
    drop(held);
    assert!(run_files(&run) == before);

    assert!(force(&["--seed", "5"]).status.success());
    let output = ["-o", fresh.to_str().unwrap(), "--seed", "5"];
    assert!(train(data.path(), "", &output).status.success());
    let mut expected = run_files(&fresh);
    for own in ["notes.txt", "samples/epoch-me.png"] {
        expected.insert(own.to_string(), b"mine".to_vec());
    }
    let files = run_files(&run);
    assert!(files.keys().eq(expected.keys()), "{:?}", files.keys());
    assert!(files == expected);

    let photos = path("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("curves.png"), "mine").unwrap();
    let output = ["--force", "-o", photos.to_str().unwrap()];
    assert_eq!(train(data.path(), "", &output).status.code(), Some(2));
    assert_eq!(fs::read(photos.join("curves.png")).unwrap(), b"mine");
}

/// Runs a line in a folder, as someone who pastes it into bash.
fn paste(folder: &Path, line: &str) -> Output {
    assert!(!line.contains(char::is_control), "{line:?}");
    let program = autoencode_command();
    let bin = Path::new(program.get_program()).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command
        .current_dir(folder)
        .env("PATH", path)
        .env("HF_HUB_OFFLINE", "1");
    command.args(["-c", line]).output().unwrap()
}

#[test]
fn the_commands_that_a_run_names_can_be_pasted() {
    let (data, out) = (digits(200, 50), tempfile::tempdir().unwrap());
    let here = out.path();
    let run = "-it's a \"run\" of $HOME\u{1b}[31m,\nor \\two";
    let child = autoencode_command()
        .current_dir(here)
        .args([
            "train",
            "dense-32",
            "--epochs=200",
            "--offline",
            "--device=cpu",
            "--threads=1",
        ])
        .args([
            "--set=training.report_every=10",
            "--checkpoint-every=3",
            "--data",
        ])
        .arg(data.path())
        .arg(format!("--output={run}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !here.join(run).join("last.safetensors").exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing was saved"
        );
        sleep(Duration::from_millis(2));
    }
    let sent = Command::new("kill")
        .args(["-s", "INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let stopped = child.wait_with_output().unwrap();
    assert_eq!(stopped.status.code(), Some(130), "{stopped:?}");
    let stopped = said(&stopped);
    let (_, line) = stopped.trim_end().split_once("To go on: ").unwrap();
    for flag in [
        "--offline",
        "--device cpu",
        "--threads 1",
        "--checkpoint-every 3",
    ] {
        assert!(line.contains(flag), "{line}");
    }
    // The results of an earlier command are in no one's way.
    fs::write(here.join("filters.png"), "mine").unwrap();
    let resumed = paste(here, line);
    assert!(resumed.status.success(), "{resumed:?}");
    let printed = String::from_utf8(resumed.stdout).unwrap();
    let line = printed.lines().find_map(|line| line.strip_prefix("next: "));
    let next = paste(here, line.unwrap());
    assert!(next.status.success(), "{next:?}");
    assert!(here.join("filters-2.png").exists(), "{next:?}");
}
