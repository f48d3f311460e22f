//! Files that are in the way of results: without `--force` they stay, however late they appear.
#![cfg(unix)]

use crate::common::{self, autoencode_command, refusal, repository};
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A folder with a small variational network, two codes of it, a digit and metrics.
fn place() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let recipe = common::recipe("vae-2d", &["network.encoder=[4]"], [1, 28, 28]);
    common::checkpoint(recipe)
        .write(&at("vae.safetensors"))
        .unwrap();
    fs::write(at("codes.csv"), "code_0,code_1\n0,0\n1,1\n").unwrap();
    fs::write(
        at("metrics.jsonl"),
        "{\"epoch\":1,\"train_mse\":1,\"val_mse\":2}\n",
    )
    .unwrap();
    let digit = repository("assets/digits/4-noisy.png");
    fs::copy(digit, at("a.png")).unwrap();
    folder
}

fn start(folder: &Path, command: &str) -> Child {
    autoencode_command()
        .current_dir(folder)
        .args(command.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn of_commands_that_write_one_file_at_once_one_succeeds() {
    let place = place();
    let commands = [
        "encode --data sample -c vae.safetensors -o same.npy",
        "encode a.png -c vae.safetensors -o same.safetensors",
        "infer a.png -c vae.safetensors -o same-infer",
        "infer a.png -c vae.safetensors -o out --sheet same-sheet.png --npy same-array.npy",
        "plot curves metrics.jsonl -o same-curves.svg",
        "plot codes --data sample -c vae.safetensors -o same-codes.png",
        "sample -c vae.safetensors --sheet same-samples.png",
        "decode codes.csv -c vae.safetensors -o same-decoded",
        "decode -c vae.safetensors --manifold same-manifold.png",
        "filters -c vae.safetensors -o same-filters.png",
        "interpolate a.png a.png -c vae.safetensors -o same-path.png",
        "summary dense-32 --graph same-graph.svg",
        "activations -o same-activations.png",
    ];
    let commands = commands.into_iter().map(|command| (command, 2));
    let four = ("encode --data sample -c vae.safetensors -o same.csv", 4);
    for (command, count) in std::iter::once(four).chain(commands) {
        let children: Vec<Child> = (0..count).map(|_| start(place.path(), command)).collect();
        let outputs = children
            .into_iter()
            .map(|child| child.wait_with_output().unwrap());
        let outputs: Vec<Output> = outputs.collect();
        let mut codes: Vec<_> = outputs.iter().map(|output| output.status.code()).collect();
        codes.sort();
        assert_eq!(codes[0], Some(0), "{command}");
        assert!(
            codes[1..].iter().all(|code| *code == Some(2)),
            "{command}: {codes:?}"
        );
        for output in outputs.iter().filter(|output| !output.status.success()) {
            let said = String::from_utf8_lossy(&output.stderr);
            let errors: Vec<&str> = said
                .lines()
                .filter(|line| !line.starts_with("note:"))
                .collect();
            assert!(
                errors.len() == 1 && errors[0].contains("--force"),
                "{command}: {said}"
            );
        }
    }
    assert!(unfinished(place.path()).is_empty());
}

/// The unfinished files in a folder.
fn unfinished(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".part")).collect()
}

/// An `encode` that has begun its file and no more.
fn halted(folder: &Path, file: &str) -> Child {
    let child = start(folder, &format!("encode --data sample -o {file}"));
    let begun = Instant::now();
    while unfinished(folder).is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing was begun"
        );
        sleep(Duration::from_millis(1));
    }
    send("STOP", &child);
    child
}

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_file_that_appears_meanwhile_stays_and_so_do_unfinished_files_of_living_commands() {
    let place = place();
    let here = place.path();
    let run = |command: &str| start(here, command).wait().unwrap().code();
    let child = halted(here, "late.safetensors");
    let parts = unfinished(here);
    assert_eq!(run("filters -o a-filter.png"), Some(0));
    assert_eq!(unfinished(here), parts, "swept while its command lives");
    fs::write(here.join("late.safetensors"), "mine").unwrap();
    send("CONT", &child);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("late.safetensors") && said.contains("--force"),
        "{said}"
    );
    assert_eq!(fs::read(here.join("late.safetensors")).unwrap(), b"mine");
    assert!(unfinished(here).is_empty());

    let mut child = halted(here, "killed.safetensors");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(unfinished(here).len(), 1);
    // A file that only has such a name, and is in use.
    let used = File::create(here.join(".autoencode-used.part")).unwrap();
    used.lock().unwrap();
    assert_eq!(run("filters -o another-filter.png"), Some(0));
    assert_eq!(unfinished(here), [".autoencode-used.part"]);
}

#[test]
fn links_and_modes_stay() {
    let place = place();
    let here = place.path();
    fs::create_dir(here.join("far")).unwrap();
    symlink("far/target.png", here.join("link.png")).unwrap();
    let refused = refusal(here, &["filters", "-o", "link.png"]);
    assert!(
        refused.contains("link.png") && refused.contains("--force"),
        "{refused}"
    );
    assert!(!here.join("far/target.png").exists());
    let write = || {
        let mut child = start(here, "filters -o link.png --force");
        assert!(child.wait().unwrap().success());
        assert!(here.join("link.png").is_symlink());
        fs::read(here.join("far/target.png")).unwrap()
    };
    let filters = write();
    fs::write(here.join("far/target.png"), "old").unwrap();
    for mode in [0o600, 0o664, 0o444] {
        let old = fs::Permissions::from_mode(mode);
        fs::set_permissions(here.join("far/target.png"), old).unwrap();
        assert!(write() == filters);
        let new = here.join("far/target.png").metadata().unwrap();
        assert_eq!(new.permissions().mode() & 0o777, mode);
    }
    assert!(unfinished(here).is_empty() && unfinished(&here.join("far")).is_empty());
}
