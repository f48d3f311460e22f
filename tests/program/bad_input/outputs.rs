//! Results that would take the place of an input, and places that cannot be written to.

use std::fs;
use std::path::{Path, PathBuf};

use super::Place;

/// A sound data set of bytes.
fn array() -> Vec<u8> {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (20, 28, 28)}\n";
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [
        b"\x93NUMPY\x01\x00",
        &length[..],
        header.as_bytes(),
        &[0; 20 * 28 * 28],
    ]
    .concat()
}

/// Every file with its content.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(contents(&path)),
            false => files.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    files.sort();
    files
}

#[test]
fn an_input_is_never_overwritten_even_with_force() {
    let place = Place::new();
    let here = place.path();
    let picture = fs::read(here.join("a.png")).unwrap();
    place.put("in/a.png", &picture);
    place.put("in/b.png", &picture);
    place.put("set.npy", &array());
    place.put(
        "metrics.png",
        b"{\"epoch\":1,\"train_mse\":1,\"val_mse\":2}\n",
    );
    fs::copy(here.join("vae.safetensors"), here.join("vae.png")).unwrap();
    fs::copy(here.join("vae.safetensors"), here.join("vae.npy")).unwrap();
    fs::write(
        here.join("recipe.png"),
        place.run("recipes dense-32").stdout,
    )
    .unwrap();
    fs::create_dir(here.join("run")).unwrap();
    fs::copy(
        here.join("conv.safetensors"),
        here.join("run/best.safetensors"),
    )
    .unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("in", here.join("link")).unwrap();
    let before = contents(here);
    for (command, named) in [
        ("infer in -o in", "in/a.png"),
        ("infer in/a.png -o in/../in", "a.png"),
        ("infer a.png -o out --sheet a.png", "a.png"),
        (
            "infer a.png -o out --npy vae.npy --checkpoint vae.npy",
            "vae.npy",
        ),
        (
            "encode a.png --checkpoint run -o run/best.safetensors",
            "run/best.safetensors",
        ),
        ("decode --checkpoint vae.png --manifold vae.png", "vae.png"),
        (
            "encode a.png --checkpoint vae.safetensors -o vae.safetensors",
            "vae.safetensors",
        ),
        (
            "encode --data set.npy --checkpoint vae.safetensors -o set.npy",
            "set.npy",
        ),
        ("interpolate in/a.png in/b.png -o in/b.png", "in/b.png"),
        ("filters --checkpoint vae.png -o vae.png", "vae.png"),
        ("sample --checkpoint vae.png --sheet vae.png", "vae.png"),
        ("plot curves metrics.png -o metrics.png", "metrics.png"),
        (
            "plot codes --offline --checkpoint vae.png -o vae.png",
            "vae.png",
        ),
        (
            "plot codes --data set.npy --checkpoint vae.png -o vae.png",
            "vae.png",
        ),
        ("summary recipe.png --graph recipe.png", "recipe.png"),
        #[cfg(unix)]
        ("infer in -o link", "link/a.png"),
    ] {
        place.refuses(&format!("{command} --force"), &[named, "one that is read"]);
    }
    assert_eq!(contents(here), before);
}

/// Commands with a place for their results, in which `{}` is a folder.
const COMMANDS: [&str; 16] = [
    "train dense-32 --offline --epochs 1 -o {}/run",
    "infer a.png -o {}",
    "infer a.png -o out --sheet {}/s.png",
    "infer a.png -o out --npy {}/s.npy",
    "encode a.png -o {}/c.csv",
    "encode --offline -o {}/c.npy",
    "decode codes.csv --checkpoint vae.safetensors -o {}",
    "decode --checkpoint vae.safetensors --manifold {}/m.png",
    "interpolate a.png a.png -o {}/i.png",
    "interpolate a.png a.png -o i.png --frames {}",
    "sample --checkpoint vae.safetensors --grid {}/g.png",
    "filters -o {}/f.png",
    "activations -o {}/a.png",
    "plot curves metrics.jsonl -o {}/c.svg",
    "plot codes --offline --checkpoint vae.safetensors -o {}/c.png",
    "reproduce --quick --offline -o {}",
];

/// The command ends with an error that names the place, before it has made anything.
fn unwritable(place: &Place, folder: &str) {
    place.put(
        "metrics.jsonl",
        b"{\"epoch\":1,\"train_mse\":1,\"val_mse\":2}\n",
    );
    let before = contents(place.path());
    for command in COMMANDS {
        let command = command.replace("{}", folder);
        let output = place.run(&command);
        let message = String::from_utf8_lossy(&output.stderr);
        let message = super::without_notes(&message);
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "{command}: {message}"
        );
        assert!(output.stdout.is_empty(), "{command}");
        assert!(message.starts_with("error: "), "{command}: {message}");
        assert!(message.contains(folder), "{command}: {message}");
        assert_eq!(message.lines().count(), 1, "{command}: {message}");
    }
    assert_eq!(contents(place.path()), before);
}

#[test]
fn a_file_in_the_place_of_a_folder_is_noticed_before_any_work() {
    let place = Place::new();
    place.put("taken", b"x");
    unwritable(&place, "taken");
    unwritable(&place, "taken/deeper");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_system_that_takes_no_files_is_noticed_before_any_work() {
    unwritable(&Place::new(), "/proc");
}

/// Root may write everywhere, so there is nothing to notice then.
#[cfg(unix)]
#[test]
fn a_folder_that_must_not_be_written_to_is_noticed_before_any_work() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let closed = place.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(closed.join("x"), b"").is_err() {
        unwritable(&place, "closed");
    }
}

#[test]
fn what_is_there_and_no_file_is_not_replaced() {
    let place = Place::new();
    for name in ["folder.png", "folder.csv"] {
        fs::create_dir(place.path().join(name)).unwrap();
    }
    for command in [
        "filters -o folder.png",
        "activations -o folder.png",
        "sample --checkpoint vae.safetensors --grid folder.png",
        "infer a.png -o out --sheet folder.png",
        "encode a.png -o folder.csv",
        "summary dense-32 --graph folder.png",
    ] {
        place.refuses(&format!("{command} --force"), &["folder.", "a folder"]);
    }
    #[cfg(unix)]
    {
        // A link, so that a fault here could not harm the device itself.
        let device = place.path().join("device.png");
        std::os::unix::fs::symlink("/dev/full", &device).unwrap();
        place.refuses("filters -o device.png --force", &["device.png", "a device"]);
        place.refuses(
            "infer a.png -o out --npy device.png --force",
            &["device.png", "a device"],
        );
        assert!(device.is_symlink());
    }
}
