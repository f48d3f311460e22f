//! Signals at random moments: whatever ends the program, the run is whole and goes on to the same files.
//!
//! `AUTOENCODE_KILLS=200 cargo test --release --test kills` sends more of them than the few of a normal run.
#![cfg(unix)]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use autoencode::checkpoint::Checkpoint;
use autoencode::random::{Purpose, Stream};
use autoencode::train::Resumable;
use common::{autoencode_command, digits, run_files};

mod common;

/// Runs of 16 epochs of 6 steps that write as much as any: pictures and metrics of every other epoch.
const RUNS: [&[&str]; 3] = [
    &[
        "dense-32",
        "--set=network.encoder=[8]",
        "--set=schedule={kind='cosine', warmup_steps=9}",
    ],
    &[
        "vae",
        "--set=network.encoder=[16]",
        "--set=network.latent=2",
        "--set=objective.elbo.warmup_steps=50",
        "--set=sampling.components=2",
    ],
    &[
        "conv-denoiser",
        "--set=network.encoder=[2,2]",
        "--set=network.decoder=[2]",
        "--set=optimizer={kind='rmsprop', lr=0.01, momentum=0.5}",
    ],
];
const COMMON: [&str; 4] = [
    "--epochs=16",
    "--batch-size=32",
    "--set=training.report_every=2",
    "--threads=1",
];

fn start(arguments: &[&str]) -> Child {
    autoencode_command()
        .arg("train")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Sends a signal; a process that has ended by itself does not mind.
fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    let kill = Command::new("kill")
        .args(["-s", signal, &id])
        .stderr(Stdio::null())
        .status();
    kill.unwrap();
}

/// Every checkpoint that is there is whole, and so are the metrics. Returns the step of the newest.
fn assert_whole(run: &Path) -> u64 {
    for name in ["best", "last", "previous"] {
        let file = run.join(name).with_extension("safetensors");
        if file.exists() {
            Checkpoint::read(&file).unwrap();
        }
    }
    assert!(!run.join("damaged.safetensors").exists());
    if let Ok(rows) = fs::read_to_string(run.join("metrics.jsonl")) {
        assert!(rows.ends_with('\n'), "{rows}");
        let epoch = |row| serde_json::from_str::<serde_json::Value>(row).unwrap()["epoch"].as_u64();
        let epochs: Vec<u64> = rows.lines().map(|row| epoch(row).unwrap()).collect();
        let expected: Vec<u64> = (1..=epochs.len() as u64).map(|row| 2 * row).collect();
        assert_eq!(epochs, expected);
    }
    Resumable::open(run).unwrap().checkpoint.progress.step
}

#[test]
fn a_run_outlives_signals_at_any_moment() {
    let count: usize = std::env::var("AUTOENCODE_KILLS").map_or(24, |n| n.parse().unwrap());
    let (data, out) = (digits(200, 50), tempfile::tempdir().unwrap());
    let data = data.path().to_str().unwrap();
    let mut random = Stream::new(1, Purpose::Shuffle, 0, 0);
    let (mut sent, mut kills, mut in_training, mut finished) = (0, 0, 0, 0);
    for (number, recipe) in RUNS.iter().cycle().enumerate() {
        if sent >= count {
            break;
        }
        let path = |name: &str| out.path().join(format!("{name}-{number}"));
        let (run, reference) = (path("run"), path("reference"));
        let arguments = [recipe, &COMMON[..], &["--data", data, "--output"]].concat();
        let whole = start(&[&arguments[..], &[reference.to_str().unwrap()]].concat());
        assert!(whole.wait_with_output().unwrap().status.success());
        let expected = run_files(&reference);

        // Saved after every step: most of the time goes into saving.
        let run_text = run.to_str().unwrap();
        let often = ["--checkpoint-every=1"];
        let first = [&arguments[..], &[run_text], &often].concat();
        let again = [
            &["--resume", run_text, "--data", data, "--threads=1"],
            &often[..],
        ]
        .concat();
        let mut step = 0;
        loop {
            let is_begun =
                run.join("last.safetensors").exists() || run.join("previous.safetensors").exists();
            let child = match is_begun {
                true => start(&again),
                false => {
                    let _ = fs::remove_dir_all(&run);
                    start(&first)
                }
            };
            // The longer waits let the run come to its end.
            let longest = if random.uniform() < 0.2 { 0.5 } else { 0.15 };
            sleep(Duration::from_secs_f64(random.uniform() * longest));
            let signal = ["KILL", "INT", "TERM"][(random.uniform() * 3.0) as usize];
            send(signal, &child);
            let begun = Instant::now();
            let output = child.wait_with_output().unwrap();
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{signal} ignored"
            );
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!said.contains("panicked"), "{said}");
            sent += 1;
            kills += usize::from(output.status.signal() == Some(9));
            let status = output.status;
            // Before the program listens, any signal ends it at once.
            let is_killed = matches!(status.signal(), Some(9 | 2 | 15));
            match (signal, status.code()) {
                (_, None) => assert!(is_killed, "{status}"),
                (_, Some(0)) => {}
                ("INT", Some(130)) | ("TERM", Some(143)) => {
                    let is_saved = said.contains("everything is saved");
                    let is_early = said.contains("before the data was loaded");
                    // A signal after the last save ends a run that is done.
                    assert!(
                        is_saved || is_early || run.join("report.json").exists(),
                        "{said}"
                    );
                }
                (_, Some(code)) => panic!("{signal} gives exit code {code}: {said}"),
            }
            if !run.join("last.safetensors").exists() && !run.join("previous.safetensors").exists()
            {
                continue;
            }
            let reached = assert_whole(&run);
            assert!(reached >= step, "lost steps: {reached} after {step}");
            in_training += usize::from(reached > 0);
            step = reached;
            if status.code() == Some(0) {
                finished += 1;
                break;
            }
            if sent >= count {
                let end = start(&again).wait_with_output().unwrap();
                assert!(end.status.success(), "{end:?}");
                break;
            }
        }
        let files = run_files(&run);
        assert!(files.keys().eq(expected.keys()), "{:?}", files.keys());
        for (file, content) in expected {
            assert!(files[&file] == content, "{recipe:?}: {file} differs");
        }
    }
    println!(
        "{sent} signals, {kills} of them SIGKILL, {in_training} after the first step; {finished} runs ended between"
    );
    assert!(
        in_training * 2 > sent,
        "most signals came too early to test anything"
    );
}
