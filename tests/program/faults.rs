//! Disks that are full, folders that cannot be written to or vanish, readers that go away: an old checkpoint
//! stays whole, the message says what was the matter, and the run goes on when there is room again.
#![cfg(target_os = "linux")]

use crate::common::{autoencode_command, digits, run_files};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use autoencode::checkpoint::Checkpoint;
use tempfile::TempDir;

/// A run of many short epochs, whose last checkpoint has some 600 KB.
const RUN: [&str; 6] = [
    "train",
    "dense-32",
    "--epochs=40",
    "--batch-size=64",
    "--set=training.report_every=4",
    "--threads=1",
];
/// In the first second, an unwritable folder is refused; this is generous.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Whether this machine lets a test have mounts of its own, without which there are no full disks.
fn has_namespaces() -> bool {
    let tried = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "none", "/mnt"])
        .stderr(Stdio::null())
        .status();
    let has = tried.is_ok_and(|status| status.success());
    if !has {
        eprintln!("SKIPPED: this system gives no namespaces to unprivileged programs");
    }
    has
}

/// Runs a shell script that may mount what it likes, with the program as `$autoencode`.
fn in_namespace(script: &str, variables: &[(&str, &Path)]) -> Output {
    let program = autoencode_command();
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-euc", script])
        .env("autoencode", program.get_program())
        .env("HF_HUB_OFFLINE", "1")
        .env_remove("RUST_BACKTRACE");
    for (name, value) in variables {
        command.env(name, value);
    }
    command.output().unwrap()
}

/// The last line on standard error, an error of one line.
fn error_of(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    let line = said.lines().last().unwrap_or_default();
    assert!(line.starts_with("error: "), "{said}");
    line.to_string()
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part}: {message}");
    }
}

/// The run that nothing happened to.
fn reference(data: &TempDir) -> std::collections::BTreeMap<String, Vec<u8>> {
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let output = train(data.path(), &run).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    run_files(&run)
}

fn train(data: &Path, run: &Path) -> Command {
    let mut command = autoencode_command();
    command.args(RUN).arg("--data").arg(data);
    command.arg("--output").arg(run);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn resume(data: &Path, run: &Path) -> Output {
    let mut command = autoencode_command();
    command.args(["train", "--threads=1", "--data"]).arg(data);
    command.arg("--resume").arg(run).output().unwrap()
}

/// Waits for a file of a running program.
fn await_file(file: &Path, child: &mut Child) {
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no {file:?}");
        assert!(child.try_wait().unwrap().is_none(), "ended by itself");
        sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_disk_that_is_full_from_the_start_is_found_before_the_first_epoch() {
    if !has_namespaces() {
        return;
    }
    let (data, out) = (digits(200, 50), tempfile::tempdir().unwrap());
    let script = r#"
        mount -t tmpfs -o size=100k none "$out"
        code=0
        "$autoencode" train dense-32 --data "$data" --output "$out/run" || code=$?
        ls -AR "$out" >&3
        exit $code
    "#;
    let script = format!("exec 3>{}\n{script}", data.path().join("left").display());
    let begun = Instant::now();
    let output = in_namespace(&script, &[("data", data.path()), ("out", out.path())]);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let message = error_of(&output);
    assert_says(
        &message,
        &["run/last.safetensors", "No space left", "bytes)"],
    );
    let bytes = message.rsplit('(').next().unwrap();
    let bytes: usize = bytes.split(' ').next().unwrap().parse().unwrap();
    assert!((600_000..700_000).contains(&bytes), "{message}");
    assert!(!message.contains(".part"), "{message}");
    // No half-written file takes up what room there is.
    let left = fs::read_to_string(data.path().join("left")).unwrap();
    assert!(!left.contains(".part"), "{left}");
}

#[test]
fn a_disk_that_fills_up_keeps_the_old_checkpoint_and_the_run_goes_on_when_there_is_room() {
    if !has_namespaces() {
        return;
    }
    let (data, out) = (digits(200, 50), tempfile::tempdir().unwrap());
    let copy = out.path().join("copy");
    let mount = out.path().join("mount");
    fs::create_dir(&mount).unwrap();
    // The disk is filled while the run goes on, after its first save; what is left then is copied out.
    let script = format!(
        r#"
        mount -t tmpfs -o size=16m none "$mount"
        "$autoencode" {} --data "$data" --output "$mount/run" &
        run=$!
        while ! test -e "$mount/run/samples/epoch-008.png"; do sleep 0.01; done
        kill -STOP $run
        dd if=/dev/zero of="$mount/fill" bs=4k 2>/dev/null || true
        kill -CONT $run
        code=0
        wait $run || code=$?
        mkdir "$copy" "$copy/full"
        cp -r "$mount/run/." "$copy/full"
        rm "$mount/fill"
        "$autoencode" train --resume "$mount/run" --data "$data" --threads 1 >/dev/null 2>&1
        mkdir "$copy/end"
        cp -r "$mount/run/." "$copy/end"
        exit $code
        "#,
        RUN.join(" ")
    );
    let variables = [("data", data.path()), ("mount", &mount), ("copy", &copy)];
    let output = in_namespace(&script, &variables);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let message = error_of(&output);
    assert_says(
        &message,
        &["No space left", "bytes)", "--resume", "mount/run"],
    );
    for name in ["last", "best"] {
        let file = copy.join("full").join(name).with_extension("safetensors");
        let at = Checkpoint::read(&file).unwrap().progress;
        assert!((4..40).contains(&at.epoch), "{at:?}");
    }
    assert!(run_files(&copy.join("end")) == reference(&data));
}

#[test]
fn a_read_only_disk_is_found_before_the_first_epoch() {
    if !has_namespaces() {
        return;
    }
    let (data, out) = (digits(60, 20), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    assert!(train(data.path(), &run).output().unwrap().status.success());
    for (arguments, file) in [
        ("--output \"$out/new\"", "new"),
        ("--resume \"$out/run\"", "run/.lock"),
    ] {
        let script = format!(
            "mount --bind \"$out\" \"$out\"; mount -o remount,ro,bind \"$out\"\n\
             exec \"$autoencode\" train --data \"$data\" {arguments}"
        );
        let begun = Instant::now();
        let output = in_namespace(&script, &[("data", data.path()), ("out", out.path())]);
        assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let file = out.path().join(file);
        assert_says(
            &error_of(&output),
            &["Read-only file system", file.to_str().unwrap()],
        );
    }
    // What only reads needs no more than that.
    let script = "mount --bind \"$out\" \"$out\"; mount -o remount,ro,bind \"$out\"\n\
                  exec \"$autoencode\" evaluate --checkpoint \"$out/run\" --data \"$data\"";
    let output = in_namespace(script, &[("data", data.path()), ("out", out.path())]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_folder_without_permission_is_found_before_the_first_epoch() {
    use std::os::unix::fs::PermissionsExt;
    let (data, out) = (digits(60, 20), tempfile::tempdir().unwrap());
    let closed = out.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write everywhere unless its capabilities are taken away.
    let probe = closed.join("probe");
    let is_root = fs::write(&probe, "").is_ok();
    let mut command = match is_root {
        true => {
            fs::remove_file(probe).unwrap();
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-all", "--inh-caps=-all", "--"]);
            command.arg(autoencode_command().get_program());
            command
        }
        false => autoencode_command(),
    };
    let begun = Instant::now();
    let output = command
        .args(RUN)
        .arg("--data")
        .arg(data.path())
        .arg("--output")
        .arg(closed.join("run"))
        .output()
        .unwrap();
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_says(
        &error_of(&output),
        &["closed/run", "create the folder", "Permission denied"],
    );
}

#[test]
fn a_run_folder_that_vanishes_ends_the_run_with_its_name() {
    let (data, out) = (digits(200, 50), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let mut child = train(data.path(), &run).spawn().unwrap();
    await_file(&run.join("samples/epoch-004.png"), &mut child);
    fs::rename(&run, out.path().join("away")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    let message = error_of(&output);
    assert_says(&message, &[run.to_str().unwrap(), "No such file"]);
    assert!(!message.contains("--resume"), "{message}");
    // Where it went to, it goes on.
    let away = out.path().join("away");
    Checkpoint::read(&away.join("last.safetensors")).unwrap();
    let output = resume(data.path(), &away);
    assert!(output.status.success(), "{output:?}");
    assert!(run_files(&away) == reference(&data));
}

#[test]
fn a_second_process_is_refused_while_the_first_one_lives() {
    let (data, out) = (digits(200, 50), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let mut child = train(data.path(), &run).spawn().unwrap();
    await_file(&run.join("last.safetensors"), &mut child);
    let refused = resume(data.path(), &run);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let process = format!("process {} is training in", child.id());
    assert_says(&error_of(&refused), &[run.to_str().unwrap(), &process]);
    // The lock goes with its process, however that ends.
    child.kill().unwrap();
    child.wait().unwrap();
    let output = resume(data.path(), &run);
    assert!(output.status.success(), "{output:?}");
    assert!(run_files(&run) == reference(&data));
}

#[test]
fn training_goes_on_when_nobody_reads_what_it_says() {
    let (data, out) = (digits(200, 50), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let mut child = train(data.path(), &run)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert!(child.wait().unwrap().success());
    assert!(run_files(&run) == reference(&data));
}
