//! What is no file: nothing waits for the writer of a pipe or reads a device without end.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use super::Place;

/// Runs a command on something that is no file, under names of every ending.
fn refused_everywhere(place: &Place, name: &str, found: &str) {
    for (command, ending) in [
        ("infer {}", "png"),
        ("encode {} -o c.csv", "png"),
        ("interpolate a.png {} -o i.png", "png"),
        ("interpolate a.png {}:0 -o i.png", "csv"),
        ("decode {} --checkpoint vae.safetensors", "npy"),
        ("decode {} --checkpoint vae.safetensors", "csv"),
        ("decode {} --checkpoint vae.safetensors", "safetensors"),
        ("infer a.png --checkpoint {}", "safetensors"),
        ("summary {}", "safetensors"),
        ("evaluate --data {}", "npz"),
        ("plot curves {}", "jsonl"),
    ] {
        let file = format!("{name}.{ending}");
        place.refuses(&command.replace("{}", &file), &[&file, found]);
    }
    // A recipe is looked for by name as well.
    let recipe = format!("{name}.toml");
    place.refuses(&format!("summary {recipe}"), &[&recipe, "a TOML file"]);
    let run = format!("run-{name}");
    fs::create_dir(place.path().join(&run)).unwrap();
    symlink(
        format!("../{name}.safetensors"),
        place.path().join(&run).join("last.safetensors"),
    )
    .unwrap();
    place.refuses(&format!("train --offline --resume {run}"), &[&run]);
}

const ENDINGS: [&str; 7] = ["png", "csv", "npy", "npz", "safetensors", "jsonl", "toml"];

#[test]
fn named_pipes_are_not_waited_for() {
    let place = Place::new();
    for ending in ENDINGS {
        let pipe = place.path().join(format!("pipe.{ending}"));
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    refused_everywhere(&place, "pipe", "a named pipe");
    place.put("run/best.safetensors", b"");
    fs::copy(
        place.path().join("conv.safetensors"),
        place.path().join("run/last.safetensors"),
    )
    .unwrap();
    let pipe = place.path().join("run/metrics.jsonl");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    place.refuses(
        "train --offline --resume run",
        &["run/metrics.jsonl", "a named pipe"],
    );
}

#[test]
fn devices_without_an_end_are_not_read() {
    let place = Place::new();
    for ending in ENDINGS {
        symlink("/dev/zero", place.path().join(format!("zero.{ending}"))).unwrap();
    }
    refused_everywhere(&place, "zero", "a device");
    place.refuses("infer /dev/zero", &["/dev/zero", "a device"]);
    place.refuses("evaluate --data /dev/zero", &["/dev/zero", "a device"]);
    place.refuses(
        "evaluate --checkpoint /dev/zero",
        &["/dev/zero", "a device"],
    );
    for (name, to) in [("train-images", "/dev/zero"), ("train-labels", "nowhere")] {
        let folder = place.path().join(name);
        fs::create_dir(&folder).unwrap();
        for part in [
            "train-images-idx3",
            "train-labels-idx1",
            "t10k-images-idx3",
            "t10k-labels-idx1",
        ] {
            symlink(to, folder.join(format!("{part}-ubyte"))).unwrap();
        }
        place.refuses(
            &format!("evaluate --data {name}"),
            &[&format!("{name}/train-images-idx3-ubyte")],
        );
    }
}

#[test]
fn links_to_nowhere_are_told_from_files_that_are_not_there() {
    let place = Place::new();
    for ending in ENDINGS {
        symlink("nowhere", place.path().join(format!("link.{ending}"))).unwrap();
    }
    refused_everywhere(&place, "link", "a link that leads nowhere");
}

#[test]
fn folders_and_sockets_are_no_files() {
    let place = Place::new();
    for ending in ["csv", "npy", "toml", "jsonl"] {
        fs::create_dir(place.path().join(format!("folder.{ending}"))).unwrap();
    }
    place.refuses(
        "decode folder.csv --checkpoint vae.safetensors",
        &["folder.csv", "a folder"],
    );
    place.refuses(
        "decode folder.npy --checkpoint vae.safetensors",
        &["folder.npy", "a folder"],
    );
    place.refuses("summary folder.toml", &["folder.toml"]);
    place.refuses("plot curves folder.jsonl", &["folder.jsonl"]);
    let _socket = UnixListener::bind(place.path().join("socket.png")).unwrap();
    place.refuses("infer socket.png", &["socket.png", "a socket"]);
}

/// Root may read everything, so there is nothing to refuse then.
#[test]
fn files_that_must_not_be_read_are_named() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let closed = fs::Permissions::from_mode(0o000);
    for name in ["closed.png", "closed.safetensors", "closed.csv"] {
        let name = place.put(name, b"x");
        fs::set_permissions(place.path().join(name), closed.clone()).unwrap();
    }
    if fs::read(place.path().join("closed.png")).is_ok() {
        return;
    }
    place.refuses("infer closed.png", &["closed.png"]);
    place.refuses("summary closed.safetensors", &["closed.safetensors"]);
    place.refuses(
        "decode closed.csv --checkpoint vae.safetensors",
        &["closed.csv"],
    );
}
