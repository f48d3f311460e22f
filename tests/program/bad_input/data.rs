//! Data sets as IDX files and arrays of NumPy, and codes as arrays and text. What is wrong in every one of
//! their fields stands with the readers' own tests; here are those that ask for memory or time.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Place;

fn idx(magic: u32, sizes: &[u32], values: usize) -> Vec<u8> {
    let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
    [&magic.to_be_bytes()[..], &sizes, &vec![0; values]].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn images(count: u32) -> Vec<u8> {
    idx(0x803, &[count, 4, 4], 16 * count as usize)
}

fn labels(count: u32) -> Vec<u8> {
    idx(0x801, &[count], count as usize)
}

#[test]
fn files_of_idx_are_named() {
    const MAX: u32 = u32::MAX;
    let packed = gzip(&images(20));
    let half = packed[..packed.len() / 2].to_vec();
    let long = [&packed[..], b"and more"].concat();
    let unpacks_further = gzip(&idx(0x803, &[20, 4, 4], 64 << 20));
    for (name, gz, bytes) in [
        ("magic", "", idx(0x802, &[20, 4, 4], 320)),
        ("empty", "", Vec::new()),
        ("header-ends", "", images(20)[..9].to_vec()),
        ("truncated", "", images(20)[..300].to_vec()),
        ("sizes-max", "", idx(0x803, &[MAX; 3], 320)),
        ("count-max", "", idx(0x803, &[MAX, 1, 1], 320)),
        ("claims-2-gib", "", idx(0x803, &[1 << 19, 64, 64], 320)),
        ("no-images", "", images(0)),
        ("no-rows", "", idx(0x803, &[20, 0, 4], 0)),
        ("too-many", "", images(21)),
        ("gz-half", ".gz", half),
        ("gz-header", ".gz", packed[..5].to_vec()),
        (
            "gz-checksum",
            ".gz",
            [&packed[..packed.len() - 8], &[0; 8]].concat(),
        ),
        ("gz-more", ".gz", long),
        ("gz-twice", ".gz", packed.repeat(2)),
        (
            "gz-claims",
            ".gz",
            gzip(&idx(0x803, &[1 << 19, 64, 64], 320)),
        ),
        ("gz-bomb", ".gz", unpacks_further),
    ] {
        let place = Place::new();
        place.put("set/train-labels-idx1-ubyte", &labels(20));
        place.put("set/t10k-images-idx3-ubyte", &images(20));
        place.put("set/t10k-labels-idx1-ubyte", &labels(20));
        let file = place.put(&format!("set/train-images-idx3-ubyte{gz}"), &bytes);
        // A wrong count is told of the labels.
        let named = match name {
            "too-many" => "set/train-labels-idx1-ubyte",
            _ => &file,
        };
        place.refuses("evaluate --data set", &[named]);
    }
}

/// An array with this header, and so many zeros behind it.
fn npy(header: &str, zeros: usize) -> Vec<u8> {
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    let start = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes()].concat();
    [start, vec![0; zeros]].concat()
}

fn array(descr: &str, order: &str, shape: &str, zeros: usize) -> Vec<u8> {
    npy(
        &format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n"),
        zeros,
    )
}

#[test]
fn arrays_are_neither_images_nor_codes() {
    let place = Place::new();
    let plain = |descr: &str, shape: &str| array(descr, "False", shape, 64);
    let huge = [b"\x93NUMPY\x02\x00", &[255; 4][..], b"{'descr'"].concat();
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("header-4-gib", huge),
        (
            "header-deep",
            npy(&format!("{{'descr': {}", "[".repeat(9000)), 0),
        ),
        ("header-controls", npy("{'\u{1b}[31m\n': 1}", 0)),
        ("shape-wraps", plain("'<f4'", "(9223372036854775808, 2, 1)")),
        (
            "shape-too-long",
            plain("'<f4'", "(18446744073709551616, 2, 1)"),
        ),
        (
            "shape-max",
            plain("'|u1'", "(4294967295, 4294967295, 4294967295)"),
        ),
        ("claims-8-gib", plain("'<f4'", "(1073741824, 2)")),
        ("claims-images", plain("'|u1'", "(1000000, 28, 28)")),
        ("no-rows", array("'<f4'", "False", "(0, 2)", 0)),
        ("no-images", array("'|u1'", "False", "(0, 28, 28)", 0)),
        ("complex", plain("'<c8'", "(8, 2)")),
        ("objects", plain("'|O'", "(8, 2)")),
        ("strings", plain("'<U2'", "(8, 2)")),
        ("structured", plain("[('a', '<f4')]", "(8, 2)")),
        (
            "dimensions",
            plain("'<f4'", &format!("({})", "1, ".repeat(65))),
        ),
    ] {
        let file = place.put(&format!("{name}.npy"), &bytes);
        place.refuses(&format!("evaluate --data {file}"), &[&file]);
        place.refuses(
            &format!("decode {file} --checkpoint vae.safetensors"),
            &[&file],
        );
    }
    let nan = [array("'<f4'", "False", "(1, 2)", 0), vec![255; 8]].concat();
    place.put("nan.npy", &nan);
    place.refuses(
        "decode nan.npy --checkpoint vae.safetensors",
        &["nan.npy", "NaN in row 0"],
    );
    assert!(!place.path().join("decoded").exists());
}

/// The file with the images, and the one with the network that does not take them.
#[test]
fn images_of_another_shape_than_the_network_takes_are_named_with_it() {
    let place = Place::new();
    place.put("x32.npy", &array("'|u1'", "False", "(4, 32, 32)", 4096));
    for command in ["evaluate", "encode -o e.npy", "plot codes -o p.png"] {
        let command = format!("{command} --checkpoint conv.safetensors --data x32.npy");
        let named = ["x32.npy", "conv.safetensors", "1x28x28", "1x32x32"];
        place.refuses(&command, &named);
    }
    place.put("one.csv", b"code_0,code_1,code_2\n0,0,0\n");
    place.refuses("plot codes one.csv -o p.png", &["one.csv", "2 or more"]);
}

/// The length is right, and more than the memory of the test.
#[cfg(target_os = "linux")]
#[test]
fn values_that_memory_cannot_hold_are_an_error_of_their_file() {
    let place = Place::new();
    let header = array("'|u1'", "False", "(2600000, 28, 28)", 0);
    let length = header.len() as u64 + 2_600_000 * 784;
    place.put("large.npy", &header);
    let file = std::fs::File::options()
        .write(true)
        .open(place.path().join("large.npy"));
    file.unwrap().set_len(length).unwrap();
    place.refuses(
        "evaluate --data large.npy",
        &["large.npy", "fits into memory"],
    );
}

fn archive(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Sets two bytes behind every occurrence of a signature.
fn patched(mut bytes: Vec<u8>, signature: &[u8; 4], at: usize, value: [u8; 2]) -> Vec<u8> {
    for place in 0..bytes.len() - 4 {
        if bytes[place..].starts_with(signature) {
            bytes[place + at..place + at + 2].copy_from_slice(&value);
        }
    }
    bytes
}

#[test]
fn archives_are_named() {
    let place = Place::new();
    let images = array("'|u1'", "False", "(20, 2, 2)", 80);
    let labels = array("'|u1'", "False", "(20,)", 20);
    let sound = |first: &[u8]| {
        let names = ["x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"];
        let bytes = [first, &labels, &images, &labels];
        let entries: Vec<_> = names.into_iter().zip(bytes).collect();
        archive(&entries, CompressionMethod::Stored)
    };
    let whole = sound(&images);
    let local = b"PK\x03\x04";
    let central = b"PK\x01\x02";
    let encrypted = patched(patched(whole.clone(), local, 6, [1, 0]), central, 8, [1, 0]);
    let method = patched(
        patched(whole.clone(), local, 8, [99, 0]),
        central,
        10,
        [99, 0],
    );
    let bomb = array("'|u1'", "False", "(30000000, 2, 2)", 120_000_000);
    let packed = |bytes: &[u8]| {
        archive(
            &[("x_train.npy", bytes), ("y_train.npy", &labels)],
            CompressionMethod::Deflated,
        )
    };
    for (name, bytes) in [
        ("empty", archive(&[], CompressionMethod::Stored)),
        (
            "outside",
            archive(&[("../x_train.npy", &images)], CompressionMethod::Stored),
        ),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("no-directory", [local, &[255; 200][..]].concat()),
        ("encrypted", encrypted),
        ("method", method),
        (
            "wraps",
            sound(&array(
                "'|u1'",
                "False",
                "(4294967295, 4294967295, 4294967295)",
                80,
            )),
        ),
        (
            "claims",
            sound(&array("'|u1'", "False", "(1000000, 28, 28)", 80)),
        ),
        ("bomb", packed(&bomb)),
    ] {
        let file = place.put(&format!("{name}.npz"), &bytes);
        place.refuses(&format!("evaluate --data {file}"), &[&file]);
    }
    assert!(!place.path().parent().unwrap().join("x_train.npy").exists());
}

#[test]
fn text_that_is_no_codes_is_named() {
    let place = Place::new();
    let long = "1".repeat(5_000_000);
    for (name, text) in [
        ("empty", String::new()),
        ("heading-only", "code_0,code_1\n".into()),
        ("heading", "a,b,c\n1,2,3\n".into()),
        ("heading-long", long.clone()),
        ("few", "code_0,code_1\n1\n".into()),
        ("many", "code_0,code_1\n1,2,3\n".into()),
        ("nan", "code_0,code_1\nnan,1\n".into()),
        ("inf", "code_0,code_1\n1,1e39\n".into()),
        ("controls", "code_0,code_1\n\u{1b}[31m\u{7},1\n".into()),
        ("open-quote", "code_0,code_1\n\"1,2\n3,4\n".into()),
        ("field-long", format!("code_0,code_1\n{long}x,2\n")),
    ] {
        let file = place.put(&format!("{name}.csv"), text.as_bytes());
        place.refuses(
            &format!("decode {file} --checkpoint vae.safetensors"),
            &[&file],
        );
    }
}

#[test]
fn metrics_that_are_none_are_named() {
    let place = Place::new();
    let deep = "[".repeat(100_000);
    for (name, text) in [
        ("empty", String::new()),
        ("text", "hello\n".into()),
        ("half", r#"{"epoch":1,"train_mse":"#.into()),
        ("deep", deep.clone()),
        ("deep-value", format!(r#"{{"epoch":1,"train_mse":{deep}}}"#)),
        ("no-epoch", "{\"train_mse\":1}\n".into()),
        ("no-number", "{\"epoch\":\"one\"}\n".into()),
        ("no-columns", "{\"epoch\":1}\n".into()),
        ("infinite", "{\"epoch\":1,\"train_mse\":1e999}\n".into()),
        (
            "name-long",
            format!(
                "{{\"epoch\":1,\"train_{0}\":1,\"val_{0}\":1}}\n",
                "m".repeat(100_000)
            ),
        ),
    ] {
        let file = place.put(&format!("{name}/metrics.jsonl"), text.as_bytes());
        place.refuses(&format!("plot curves {name}"), &[&file]);
    }
    let file = place.put("bytes.jsonl", &[255; 100]);
    place.refuses(&format!("plot curves {file}"), &[&file, "UTF-8"]);
}
