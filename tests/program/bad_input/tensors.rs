//! Safetensors files as checkpoints and as codes.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Place;

/// A file of a header and values.
fn file(header: &str, values: usize) -> Vec<u8> {
    let length = header.len() as u64;
    [&length.to_le_bytes(), header.as_bytes(), &vec![0; values]].concat()
}

/// A file whose header has another length than it says.
fn claims(length: u64) -> Vec<u8> {
    [&length.to_le_bytes()[..], b"{}"].concat()
}

/// A file of one tensor `codes`.
fn one(shape: &str, from: &str, to: &str, values: usize) -> Vec<u8> {
    file(&format!("{{{}}}", tensor("codes", shape, from, to)), values)
}

fn tensor(name: &str, shape: &str, from: &str, to: &str) -> String {
    format!(r#""{name}":{{"dtype":"F32","shape":[{shape}],"data_offsets":[{from},{to}]}}"#)
}

fn two(first: String, second: String, values: usize) -> Vec<u8> {
    file(&format!("{{{first},{second}}}"), values)
}

/// Files that are wrong for whoever reads them.
fn malformed() -> Vec<(&'static str, Vec<u8>)> {
    let codes = |from, to| tensor("codes", "2,2", from, to);
    let deep = 100_000;
    vec![
        ("empty", Vec::new()),
        ("short", vec![1, 2, 3]),
        ("header-0", claims(0)),
        ("header-max", claims(u64::MAX)),
        ("header-wraps", claims(u64::MAX - 7)),
        ("header-huge", claims(99_000_000)),
        ("no-json", file("hello", 0)),
        ("no-object", file("[]", 0)),
        ("deep-array", file(&"[".repeat(deep), 0)),
        ("deep-object", file(&r#"{"a":"#.repeat(deep), 0)),
        (
            "deep-value",
            file(&format!(r#"{{"a":{}"#, "[".repeat(deep)), 0),
        ),
        (
            "overlap",
            two(codes("0", "16"), tensor("b", "2,2", "8", "24"), 24),
        ),
        (
            "hole",
            two(codes("0", "16"), tensor("b", "2,2", "24", "40"), 40),
        ),
        ("hole-before", one("2,2", "16", "32", 32)),
        ("trailing", one("2,2", "0", "16", 17)),
        ("missing", one("2,2", "0", "16", 15)),
        ("shape-wraps", one("4294967296,4294967296", "0", "16", 16)),
        (
            "shape-wraps-to-0",
            one("9223372036854775808,2", "0", "0", 0),
        ),
        ("shape-too-long", one("18446744073709551616", "0", "16", 16)),
        ("shape-negative", one("-1,2", "0", "16", 16)),
        ("offsets-reversed", one("2,2", "16", "0", 16)),
        ("offsets-huge", one("2,2", "0", "18446744073709551615", 16)),
        ("claims-2-gib", one("268435456,2", "0", "2147483648", 16)),
        (
            "claims-4-eib",
            one("1152921504606846976", "0", "4611686018427387904", 0),
        ),
        ("no-values", one("0,2", "0", "0", 0)),
        ("twice", two(codes("0", "16"), codes("0", "16"), 16)),
        ("twice-apart", two(codes("0", "16"), codes("16", "32"), 32)),
        (
            "type",
            file(
                &codes("0", "16")
                    .replace("F32", "Q7")
                    .replacen('"', "{\"", 1),
                16,
            ),
        ),
        (
            "name-of-controls",
            file(
                r#"{"\n\u001b[31m":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
                1,
            ),
        ),
    ]
}

#[test]
fn malformed_files_are_neither_checkpoints_nor_codes() {
    let place = Place::new();
    for (name, bytes) in malformed() {
        let file = place.put(&format!("{name}.safetensors"), &bytes);
        place.refuses(&format!("summary {file}"), &[&file]);
        place.refuses(
            &format!("decode {file} --checkpoint vae.safetensors"),
            &[&file],
        );
    }
    assert!(!place.path().join("decoded").exists());
}

#[test]
fn every_command_that_reads_a_checkpoint_refuses_a_malformed_one() {
    let place = Place::new();
    let bad = place.put("bad.safetensors", &claims(u64::MAX));
    for command in [
        "infer a.png",
        "encode a.png -o c.npy",
        "decode codes.csv",
        "interpolate a.png a.png -o i.png",
        "filters -o f.png",
        "evaluate --offline",
        "sample --grid g.png",
        "plot codes --offline",
    ] {
        place.refuses(&format!("{command} --checkpoint {bad}"), &[&bad]);
    }
    place.put("run/last.safetensors", &claims(0));
    place.refuses("train --offline --resume run", &["run/last.safetensors"]);
    place.refuses("interpolate bad.safetensors:0 a.png -o i.png", &[&bad]);
}

/// Fifty gigabytes that take no room on the disk.
#[test]
fn a_file_far_longer_than_its_header_says_is_not_read() {
    let place = Place::new();
    let name = place.put("sparse.safetensors", &claims(2));
    let file = fs::File::options()
        .write(true)
        .open(place.path().join(&name))
        .unwrap();
    file.set_len(50 << 30).unwrap();
    place.refuses(&format!("summary {name}"), &[&name, "10 bytes"]);
}

/// Header and values of a sound file.
fn parts(source: &[u8]) -> (&[u8], &[u8]) {
    let length = u64::from_le_bytes(source[..8].try_into().unwrap());
    source[8..].split_at(usize::try_from(length).unwrap())
}

/// The small checkpoint with another header and a digest that fits.
fn forged(source: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let (header, values) = parts(source);
    let mut header: Value = serde_json::from_slice(header).unwrap();
    change(&mut header);
    let header = header.to_string();
    sealed(
        [
            &(header.len() as u64).to_le_bytes()[..],
            header.as_bytes(),
            values,
        ]
        .concat(),
    )
}

/// With the digest that the content has.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let mark = br#"\"sha256\":\""#;
    let start = file.windows(mark.len()).position(|w| w == mark).unwrap() + mark.len();
    file[start..start + 64].fill(b'0');
    let digest = Sha256::digest(&file)
        .into_iter()
        .map(|byte| format!("{byte:02x}"));
    let digest = digest.collect::<String>();
    file[start..start + 64].copy_from_slice(digest.as_bytes());
    file
}

/// The checkpoint with other text as its own entry of the header.
fn with_entry(source: &[u8], change: impl FnOnce(String) -> String) -> Vec<u8> {
    forged(source, |header| {
        let entry = &mut header["__metadata__"]["autoencode"];
        *entry = json!(change(entry.as_str().unwrap().to_string()));
    })
}

/// The checkpoint with another value in its own entry.
fn with_value(source: &[u8], place: &str, value: Value) -> Vec<u8> {
    with_entry(source, |entry| {
        let mut entry: Value = serde_json::from_str(&entry).unwrap();
        *entry.pointer_mut(place).unwrap() = value;
        entry.to_string()
    })
}

/// Whoever writes a checkpoint can give it a digest that fits, and any claim in its recipe.
#[test]
fn claims_of_a_checkpoint_are_held_against_its_own_bounds() {
    let place = Place::new();
    let source = fs::read(place.path().join("vae.safetensors")).unwrap();
    let most = 1u64 << 20;
    for (at, value, named) in [
        (
            "/recipe/network/encoder",
            json!([4_000_000_000u64]),
            "network.encoder",
        ),
        (
            "/recipe/network/encoder",
            json!([most, most, most]),
            "weights",
        ),
        (
            "/recipe/network/encoder",
            json!(vec![1; 100_000]),
            "at most 256 sizes",
        ),
        (
            "/recipe/network/latent",
            json!(1_000_000_000),
            "network.latent",
        ),
        ("/recipe/network/latent", json!(0), "network.latent"),
        (
            "/recipe/network/latent",
            json!(1 << 19),
            "`decoder.0.weight`",
        ),
        (
            "/recipe/network/input",
            json!([most, most, most]),
            "network.input",
        ),
        ("/recipe/network/input", json!([0, 28, 28]), "network.input"),
        ("/recipe/network/activation", json!("rleu"), "rleu"),
        (
            "/recipe/training/batch_size",
            json!(0),
            "training.batch_size",
        ),
        ("/recipe/seed", json!(u64::MAX), "seed"),
        ("/recipe/name", json!("../../x"), "name"),
        ("/format", json!(9), "format 9"),
        ("/progress/epoch", json!(-1), "metadata"),
    ] {
        let file = place.put("forged.safetensors", &with_value(&source, at, value));
        place.refuses(&format!("summary {file}"), &[&file, named]);
        place.refuses(&format!("infer a.png --checkpoint {file}"), &[&file, named]);
    }
}

#[test]
fn headers_of_checkpoints_are_read_strictly() {
    let place = Place::new();
    let source = fs::read(place.path().join("vae.safetensors")).unwrap();
    let deep = "[".repeat(100_000);
    let scaled = format!(
        "{}\"relu\"{}",
        r#"{"kind":"scaled","of":"#.repeat(5000),
        "}".repeat(5000)
    );
    let bias = "encoder.1.bias";
    let of_type = |dtype: &str, shape: Value| {
        forged(&source, |header| {
            header[bias]["dtype"] = json!(dtype);
            header[bias]["shape"] = shape;
        })
    };
    let twice = |name: &str| {
        let (header, values) = parts(&source);
        let header = String::from_utf8(header.to_vec()).unwrap();
        let changed = header.replacen('{', &format!("{{\"{name}\":{{}},"), 1);
        let length = (changed.len() as u64).to_le_bytes();
        sealed([&length[..], changed.as_bytes(), values].concat())
    };
    for (name, bytes, named) in [
        ("tensor-twice", twice(bias), "twice"),
        ("metadata-twice", twice("__metadata__"), "twice"),
        (
            "deep-entry",
            with_entry(&source, |entry| {
                entry.replacen(":{", &format!(":{{\"x\":{deep},"), 1)
            }),
            "metadata",
        ),
        (
            "deep-activation",
            with_entry(&source, |entry| entry.replacen("\"relu\"", &scaled, 1)),
            "nested too deeply",
        ),
        ("type-i32", of_type("I32", json!([4])), bias),
        ("type-bool", of_type("BOOL", json!([16])), "BOOL"),
        ("type-f8", of_type("F8_E5M2", json!([16])), "F8_E5M2"),
        ("shape", of_type("F32", json!([2, 2])), bias),
    ] {
        let file = place.put(&format!("{name}.safetensors"), &bytes);
        place.refuses(&format!("summary {file}"), &[&file, named]);
    }
}

/// A convolution of 1x1 has few weights, and makes four terabytes of an image of 16 million pixels.
#[test]
fn a_small_file_cannot_ask_for_a_large_sample() {
    let place = Place::new();
    let channels = 1 << 16;
    let size = format!("network.encoder=[{channels}]");
    let settings = [&size, "network.decoder=[]", "network.kernel=1"];
    let checkpoint = crate::common::checkpoint(crate::common::recipe(
        "conv-denoiser",
        &settings,
        [1, 28, 28],
    ));
    let source = checkpoint.to_bytes().unwrap();
    let bytes = with_value(&source, "/recipe/network/input", json!([1, 4096, 4096]));
    let file = place.put("large.safetensors", &bytes);
    place.refuses(
        &format!("infer a.png --checkpoint {file}"),
        &[&file, "values of one sample"],
    );
}
