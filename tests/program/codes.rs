//! Codes in files: encode, decode and interpolate through the program, and the rooms under them.

use crate::common::{self, autoencode, contains, refusal, repository, usage_error};
use std::fs;
use std::path::Path;

use autoencode::Error;
use autoencode::checkpoint::Checkpoint;
use autoencode::codes::{Course, Names, Reader, Writer, prior_quantiles, spread, survey};
use autoencode::data::Images;
use autoencode::engine::Inference;
use autoencode::file::Publish;
use candle_core::{Device, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};
use tempfile::TempDir;

fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = autoencode()
        .current_dir(folder)
        .args(arguments)
        .assert()
        .success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

fn json_of(folder: &Path, arguments: &[&str]) -> Value {
    let text = stdout(folder, &[arguments, &["--json"]].concat());
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn size(path: &Path) -> (u32, u32) {
    let picture = image::open(path).unwrap();
    (picture.width(), picture.height())
}

/// The names of a folder's files, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Type, shape and values of an array, by what NumPy's description of the format says.
fn read_npy(path: &Path) -> (String, Vec<usize>, Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    assert_eq!((10 + length) % 64, 0);
    assert!(header.ends_with('\n') && header.contains("'fortran_order': False"));
    let after = |mark: &str| header.split_once(mark).unwrap().1;
    let kind = after("'descr': '").split_once('\'').unwrap().0.to_string();
    let shape = after("'shape': (").split_once(')').unwrap().0;
    let sides = shape
        .split(',')
        .map(str::trim)
        .filter(|side| !side.is_empty());
    let shape = sides.map(|side| side.parse().unwrap()).collect();
    (kind, shape, bytes[10 + length..].to_vec())
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.chunks_exact(4);
    values
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect()
}

/// An array as NumPy writes it.
fn npy(kind: &str, shape: &[usize], values: &[u8]) -> Vec<u8> {
    let shape: String = shape.iter().map(|side| format!("{side},")).collect();
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

fn labelled(labels: &[u8]) -> Names {
    Names::Labels {
        labels: labels.iter().map(|label| u32::from(*label)).collect(),
        class_names: Default::default(),
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn shipped(name: &str) -> String {
    text(&repository(&format!("models/{name}.safetensors"))).to_string()
}

fn open(path: &str) -> Inference {
    let path = Path::new(path);
    Checkpoint::read(path)
        .unwrap()
        .inference(path, &Device::Cpu)
        .unwrap()
}

/// A small network of initial weights in a file.
fn write_network(folder: &Path, name: &str, settings: &[&str], input: [usize; 3]) -> String {
    let path = folder.join(format!("{name}.safetensors"));
    let recipe = common::recipe(name, settings, input);
    common::checkpoint(recipe).write(&path).unwrap();
    text(&path).to_string()
}

/// A variational network with a code of two values.
fn plane(folder: &Path) -> String {
    let settings = ["network.encoder=[16]", "network.latent=2"];
    write_network(folder, "vae", &settings, [1, 28, 28])
}

/// The digits of assets/ that are fitted quickly.
fn digits() -> Vec<String> {
    [
        "0-light-on-dark.png",
        "2-palette.png",
        "5-color.png",
        "9-plain.png",
    ]
    .iter()
    .map(|name| text(&repository("assets/digits").join(name)).to_string())
    .collect()
}

// There and back

/// Codes that are written to a file and decoded again give the pictures that `infer` gives, to the byte.
fn there_and_back(network: &str, noise: &[&str]) {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let inputs = digits();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let same = [&inputs[..], &["-c", network], noise].concat();
    stdout(here, &[&["infer", "-o", "infer"], &same[..]].concat());
    for kind in ["npy", "csv", "safetensors"] {
        let file = format!("{kind}/codes.{kind}");
        let report = json_of(here, &[&["encode", "-o", &file], &same[..]].concat());
        assert_eq!(report["count"], 4);
        assert_eq!(report["output"], file);
        assert_eq!(report["labels"], Value::Null);
        assert_eq!(names(&here.join(kind)), [format!("codes.{kind}")]);
        let out = format!("{kind}/out");
        let report = json_of(here, &["decode", &file, "-o", &out, "-c", network]);
        assert_eq!(report["count"], 4);
        for (number, input) in inputs.iter().enumerate() {
            let stem = Path::new(input).file_name().unwrap().to_str().unwrap();
            // Only text keeps where the codes come from.
            let name = match kind {
                "csv" => stem.to_string(),
                _ => format!("decoded-{:04}.png", number + 1),
            };
            let expected = fs::read(here.join("infer").join(stem)).unwrap();
            assert_eq!(
                fs::read(here.join(&out).join(name)).unwrap(),
                expected,
                "{kind} {stem}"
            );
        }
        assert_eq!(names(&here.join(&out)).len(), 4);
    }
}

#[test]
fn the_denoisers_codes_decode_to_what_infer_gives() {
    there_and_back(
        &shipped("conv-denoiser"),
        &["--noise", "0.5", "--seed", "3"],
    );
}

#[test]
fn a_variational_networks_codes_decode_to_what_infer_gives() {
    there_and_back(&shipped("conv-vae"), &["--fit", "resize"]);
}

// Data sets

/// The images of a set of 300 + 40 digits of the sample, as `--data` brings them.
fn small_set(folder: &Path) -> autoencode::data::Dataset {
    fs::create_dir(folder.join("idx")).unwrap();
    common::write_idx(&folder.join("idx"), 300, 40);
    let source = autoencode::data::Source::Path(folder.join("idx"));
    autoencode::data::load(&source, true).unwrap()
}

fn expected_codes(network: &str, images: &Images) -> Vec<f32> {
    let all: Vec<u32> = (0..images.len() as u32).collect();
    let batch = images.batch(&all, &Device::Cpu).unwrap();
    let codes = open(network).encode(&batch).unwrap();
    codes.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn every_kind_of_file_holds_the_codes_and_labels_of_a_data_set() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let data = small_set(here);
    let network = shipped("conv-vae");
    let encode = |file: &str, part: &[&str]| {
        let arguments = ["encode", "--data", "idx", "-c", &network, "-o", file];
        json_of(here, &[&arguments, part].concat())
    };
    let expected = expected_codes(&network, &data.test);

    let report = encode("codes.npy", &[]);
    assert_eq!(report["count"], 40);
    assert_eq!(report["code"], json!([16]));
    assert_eq!(report["means"], true);
    assert_eq!(report["labels"], "codes-labels.npy");
    let (kind, shape, values) = read_npy(&here.join("codes.npy"));
    assert_eq!((kind.as_str(), shape), ("<f4", vec![40, 16]));
    assert_eq!(floats(&values), expected);
    let (kind, shape, values) = read_npy(&here.join("codes-labels.npy"));
    assert_eq!((kind.as_str(), shape), ("|u1", vec![40]));
    assert!(
        values
            .iter()
            .map(|label| u32::from(*label))
            .eq(data.test.labels().iter().copied())
    );

    encode("codes.csv", &[]);
    let csv = fs::read_to_string(here.join("codes.csv")).unwrap();
    let mut lines = csv.lines();
    let columns: Vec<String> = (0..16).map(|place| format!("code_{place}")).collect();
    assert_eq!(
        lines.next().unwrap(),
        format!("label,{}", columns.join(","))
    );
    let mut found = Vec::new();
    for (line, label) in lines.zip(data.test.labels()) {
        let mut fields = line.split(',');
        assert_eq!(fields.next().unwrap(), label.to_string());
        // To the last bit.
        found.extend(fields.map(|field| field.parse::<f32>().unwrap()));
    }
    assert_eq!(found, expected);

    encode("codes.safetensors", &[]);
    let file = fs::read(here.join("codes.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let codes = tensors.tensor("codes").unwrap();
    assert_eq!((codes.dtype(), codes.shape()), (Dtype::F32, &[40, 16][..]));
    assert_eq!(floats(codes.data()), expected);
    let labels = tensors.tensor("labels").unwrap();
    assert_eq!((labels.dtype(), labels.shape()), (Dtype::U8, &[40][..]));
    assert_eq!(labels.data(), values);

    // All parts, one after the other.
    encode("all.npy", &["--part", "all"]);
    let mut all = Vec::new();
    for (part, images) in [
        ("train", &data.train),
        ("validation", &data.validation),
        ("test", &data.test),
    ] {
        let file = format!("{part}.npy");
        encode(&file, &["--part", part]);
        let (_, shape, values) = read_npy(&here.join(&file));
        assert_eq!(shape, [images.len(), 16], "{part}");
        let labels = read_npy(&here.join(format!("{part}-labels.npy"))).2;
        assert!(
            labels
                .iter()
                .map(|label| u32::from(*label))
                .eq(images.labels().iter().copied())
        );
        all.extend(values);
    }
    assert_eq!(read_npy(&here.join("all.npy")).1, [340, 16]);
    assert!(read_npy(&here.join("all.npy")).2 == all);
}

#[test]
fn codes_with_channels_keep_their_shape_and_noise_its_key() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let data = small_set(here);
    let network = shipped("conv-denoiser");
    let encode = |file: &str, more: &[&str]| {
        let arguments = ["encode", "--data", "idx", "-o", file, "--quiet"];
        stdout(here, &[&arguments, more].concat());
    };
    encode("codes.npy", &[]);
    let (_, shape, values) = read_npy(&here.join("codes.npy"));
    assert_eq!(shape, [40, 128, 7, 7]);
    assert_eq!(floats(&values), expected_codes(&network, &data.test));
    encode("codes.csv", &[]);
    let csv = fs::read_to_string(here.join("codes.csv")).unwrap();
    assert!(csv.lines().next().unwrap().ends_with(",code_6271"));
    // The same from text and from the array.
    for file in ["codes.npy", "codes.csv"] {
        stdout(
            here,
            &["decode", file, "-o", file.trim_start_matches("codes.")],
        );
    }
    for name in names(&here.join("npy")) {
        let read = |folder: &str| fs::read(here.join(folder).join(&name)).unwrap();
        assert_eq!(read("npy"), read("csv"), "{name}");
    }

    encode("noisy.npy", &["--noise", "0.5", "--threads", "1"]);
    encode("again.npy", &["--noise", "0.5", "--threads", "2"]);
    encode("other.npy", &["--noise", "0.5", "--seed", "2"]);
    let values = |name: &str| read_npy(&here.join(name)).2;
    assert!(values("noisy.npy") == values("again.npy"));
    assert!(values("noisy.npy") != values("codes.npy"));
    assert!(values("noisy.npy") != values("other.npy"));
}

#[test]
fn encode_takes_pictures_or_a_data_set_and_not_both() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let inputs = digits();
    let message = usage_error(
        here,
        &["encode", &inputs[0], "--offline", "-o", "codes.npy"],
    );
    contains(&message, &["--offline", "INPUT"]);
    let message = refusal(
        here,
        &["encode", "--offline", "--fit", "none", "-o", "codes.npy"],
    );
    contains(&message, &["--fit", "picture files"]);
    let message = usage_error(here, &["encode", &inputs[0], "-o", "codes.txt"]);
    contains(&message, &["codes.txt", ".npy, .csv or .safetensors"]);
    fs::write(here.join("no.png"), "text").unwrap();
    let message = refusal(here, &["encode", &inputs[0], "no.png", "-o", "codes.npy"]);
    contains(&message, &["no.png", "expected a picture"]);
    // Neither a part of the file nor a temporary one is left.
    assert_eq!(names(here), ["no.png"]);
}

#[test]
fn nothing_is_overwritten_unasked() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    small_set(here);
    let network = plane(here);
    for name in ["a.npy", "b-labels.npy"] {
        fs::write(here.join(name), "mine").unwrap();
    }
    let encode = ["encode", "--data", "idx", "-c", &network, "-o"];
    for (file, named) in [("a.npy", "a.npy"), ("b.npy", "b-labels.npy")] {
        let message = refusal(here, &[&encode[..], &[file]].concat());
        contains(&message, &[named, "--force"]);
        assert_eq!(fs::read(here.join(named)).unwrap(), b"mine");
    }
    stdout(here, &[&encode[..], &["a.npy", "--force"]].concat());
    assert_eq!(read_npy(&here.join("a.npy")).1, [40, 2]);

    fs::create_dir(here.join("out")).unwrap();
    fs::write(here.join("out/decoded-0040.png"), "mine").unwrap();
    let decode = ["decode", "a.npy", "-c", &network, "-o", "out"];
    contains(&refusal(here, &decode), &["decoded-0040.png", "--force"]);
    assert_eq!(names(&here.join("out")), ["decoded-0040.png"]);
    stdout(here, &[&decode[..], &["--force"]].concat());
    assert_eq!(names(&here.join("out")).len(), 40);

    fs::write(here.join("way.png"), "mine").unwrap();
    let way = [
        "interpolate",
        "a.npy:0",
        "a.npy:1",
        "-c",
        &network,
        "-o",
        "way.png",
    ];
    contains(&refusal(here, &way), &["way.png", "--force"]);
    stdout(here, &[&way[..], &["--force"]].concat());
    assert!(size(&here.join("way.png")).0 > 10 * 112);
}

// What decode reads

#[test]
fn arrays_of_64_bits_and_flat_ones_are_read_as_the_same_codes() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let settings = ["network.encoder=[2,3]", "network.decoder=[2]"];
    let network = write_network(here, "conv-denoiser", &settings, [1, 4, 4]);
    // A code of 3 x 2 x 2.
    let values: Vec<f32> = (0..24).map(|value| value as f32 / 7.0 - 1.0).collect();
    let wide: Vec<u8> = values
        .iter()
        .flat_map(|value| f64::from(*value).to_le_bytes())
        .collect();
    let mut csv = (0..12)
        .map(|place| format!("code_{place}"))
        .collect::<Vec<_>>()
        .join(",");
    for code in values.chunks(12) {
        let fields: Vec<String> = code.iter().map(|value| format!(" {value:e}")).collect();
        csv += &format!("\r\n{}", fields.join(","));
    }
    let header = json!({"more": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
        "codes": {"dtype": "F64", "shape": [2, 3, 2, 2], "data_offsets": [3, 195]}});
    let header = header.to_string();
    let mut tensors = (header.len() as u64).to_le_bytes().to_vec();
    tensors.extend(header.as_bytes());
    tensors.extend([1, 2, 3]);
    tensors.extend(&wide);
    // As scikit-learn's results often lie in memory.
    let columns: Vec<f32> = (0..24)
        .map(|place| values[place % 2 * 12 + place / 2])
        .collect();
    let fortran =
        String::from_utf8_lossy(&npy("<f4", &[2, 12], &[])[10..]).replace("False", "True ");
    let fortran = [
        &npy("<f4", &[2, 12], &[])[..10],
        fortran.as_bytes(),
        &bytes(&columns),
    ]
    .concat();
    let big: Vec<u8> = wide
        .chunks(8)
        .flat_map(|value| value.iter().rev().copied())
        .collect();
    for (name, content) in [
        ("own.npy", npy("<f4", &[2, 3, 2, 2], &bytes(&values))),
        ("fortran.npy", fortran),
        ("big.npy", npy(">f8", &[2, 12], &big)),
        ("flat.npy", npy("<f4", &[2, 12], &bytes(&values))),
        ("wide.NPY", npy("<f8", &[2, 12], &wide)),
        ("plain.csv", csv.into_bytes()),
        ("more.safetensors", tensors),
    ] {
        fs::write(here.join(name), content).unwrap();
        stdout(
            here,
            &["decode", name, "-c", &network, "-o", &format!("{name}.out")],
        );
        for image in ["decoded-0001.png", "decoded-0002.png"] {
            let read = |folder: &str| fs::read(here.join(folder).join(image)).unwrap();
            assert_eq!(
                read(&format!("{name}.out")),
                read("own.npy.out"),
                "{name} {image}"
            );
        }
    }
}

#[test]
fn codes_of_another_shape_or_type_are_refused_with_both() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let network = shipped("conv-vae");
    let refused = |name: &str, content: &[u8]| {
        fs::write(here.join(name), content).unwrap();
        let message = refusal(here, &["decode", name, "-c", &network, "-o", "out"]);
        assert!(
            message.starts_with(&format!("error: {name}: expected ")),
            "{message}"
        );
        assert!(!here.join("out").exists(), "{message}");
        message
    };
    let four = |count: usize| vec![0; 4 * count];
    let found = refused("a.npy", &npy("<f4", &[3, 8], &four(24)));
    contains(&found, &["codes of shape (N, 16)", "found shape (3, 8)"]);
    let found = refused("a.npy", &npy("<f4", &[16], &four(16)));
    contains(&found, &["codes of shape (N, 16)", "found shape (16,)"]);
    let found = refused("a.npy", &npy("<c8", &[3, 16], &four(96)));
    contains(
        &found,
        &["integers or floats", "complex numbers, `<c8`", "np.abs"],
    );
    let found = refused("a.npy", &npy("<f4", &[0, 16], &[]));
    contains(&found, &["one code or more", "found none"]);
    // More than there is, which would overflow, and less.
    let found = refused("a.npy", &npy("<f4", &[1 << 60, 16], &four(48)));
    contains(&found, &["more than 2^64 bytes", "bytes"]);
    let found = refused("a.npy", &npy("<f4", &[1 << 40, 16], &four(48)));
    contains(&found, &["70,368,744,177,", "bytes"]);
    let found = refused("a.npy", &npy("<f4", &[2, 16], &four(48)));
    contains(&found, &["found 2", "bytes"]);

    let heading: Vec<String> = (0..16).map(|place| format!("code_{place}")).collect();
    let heading = heading.join(",");
    let found = refused("a.csv", b"code_0,code_1\n1,2\n");
    contains(&found, &["code_0 to code_15", "found 2 columns of values"]);
    let found = refused("a.csv", b"0.5,code_1\n1,2\n");
    contains(
        &found,
        &["code_0 to code_15", "found 1 column of values: `code_1`"],
    );
    let found = refused("a.csv", b"");
    contains(&found, &["code_0 to code_15", "found 0 columns"]);
    let found = refused("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0");
    contains(&found, &["code_0 to code_15"]);
    let found = refused("a.csv", format!("{heading}\n1,2\n").as_bytes());
    contains(&found, &["16 columns in every line", "found 2 in line 2"]);
    let line = |last: &str| format!("{heading}\n{}{last}\n", "1,".repeat(15));
    contains(
        &refused("a.csv", line("x").as_bytes()),
        &["numbers", "`x` in line 2"],
    );
    contains(
        &refused("a.csv", line("").as_bytes()),
        &["numbers", "`` in line 2"],
    );

    let tensors = |header: Value, values: usize| {
        let header = header.to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; values]);
        bytes
    };
    let codes = |dtype: &str, shape: Value, end: u64| json!({"codes": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}});
    let name = "a.safetensors";
    let found = refused(name, &tensors(codes("F32", json!([2, 4]), 32), 32));
    contains(&found, &["codes of shape (N, 16)", "found shape (2, 4)"]);
    let found = refused(name, &tensors(codes("I64", json!([1, 16]), 128), 128));
    contains(&found, &["F32 or F64", "found I64"]);
    let found = refused(name, &tensors(codes("F32", json!([2, 16]), 128), 64));
    contains(&found, &["as the header says", "bytes"]);
    let huge = tensors(codes("F32", json!([1u64 << 62, 16]), 128), 128);
    contains(&refused(name, &huge), &["a safetensors file"]);
    contains(&refused(name, b"short"), &["a safetensors file", "5 bytes"]);
    contains(
        &refused(name, &[0xff; 64]),
        &["a safetensors file", "a header of"],
    );
    let weights = fs::read(repository("models/conv-vae.safetensors")).unwrap();
    contains(
        &refused(name, &weights),
        &["a tensor `codes`", "encoder.0.weight", "in all"],
    );
    contains(
        &refused(name, &tensors(json!({}), 0)),
        &["a tensor `codes`", "no tensors"],
    );
}

#[test]
fn values_that_are_not_finite_are_refused_by_their_place_before_anything_is_written() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let network = plane(here);
    // Behind the rows that are read at once.
    let mut values = vec![0.25f32; 2 * 600];
    values[2 * 599 + 1] = f32::NAN;
    fs::write(here.join("a.npy"), npy("<f4", &[600, 2], &bytes(&values))).unwrap();
    let wide = |value: f64| {
        npy(
            "<f8",
            &[1, 2],
            &[value.to_le_bytes(), value.to_le_bytes()].concat(),
        )
    };
    fs::write(here.join("b.npy"), wide(1e300)).unwrap();
    fs::write(here.join("c.csv"), "label,code_0,code_1\n7,0,-inf\n").unwrap();
    for (name, parts) in [
        ("a.npy", ["NaN in row 599 (from 0), value 1", "finite"]),
        ("b.npy", ["inf in row 0 (from 0), value 0", "32-bit"]),
        ("c.csv", ["-inf in row 0 (from 0), value 1", "finite"]),
    ] {
        let message = refusal(here, &["decode", name, "-c", &network, "-o", "out"]);
        contains(&message, &parts);
        contains(&message, &[name]);
        let message = refusal(
            here,
            &["decode", name, "-c", &network, "--manifold", "m.png"],
        );
        contains(&message, &parts);
    }
    assert!(!here.join("out").exists() && !here.join("m.png").exists());
}

#[test]
fn names_from_a_text_file_stay_in_the_folder_of_the_results() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let network = plane(here);
    let rows = "file,code_0,code_1\n../../up.png,0,0\n/abs/seven.png,0,1\n\"a,b\"\"c.png\",1,1\nseven.x,1,0\n..,0,0\n,0,0\na\0b.png,0,0\n";
    let rows = format!("{rows}{}.png,0,0\n", "long".repeat(60));
    fs::write(here.join("codes.csv"), rows).unwrap();
    stdout(
        here,
        &["decode", "codes.csv", "-c", &network, "-o", "deep/out"],
    );
    let expected = [
        "a,b\"c.png",
        "decoded-0005.png",
        "decoded-0006.png",
        "decoded-0007.png",
        "decoded-0008.png",
        "seven-2.png",
        "seven.png",
        "up.png",
    ];
    assert_eq!(names(&here.join("deep/out")), expected);
    assert_eq!(names(&here.join("deep")), ["out"]);
}

#[test]
fn names_with_commas_and_quotes_come_back_as_they_were() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let network = plane(here);
    let name = " a, \"b\"\n.png";
    fs::copy(&digits()[0], here.join(name)).unwrap();
    stdout(here, &["encode", name, "-c", &network, "-o", "codes.csv"]);
    stdout(here, &["decode", "codes.csv", "-c", &network, "-o", "out"]);
    assert_eq!(names(&here.join("out")), [name]);
}

#[test]
fn a_sheet_shows_the_first_400() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let network = plane(here);
    let values = vec![0.5f32; 2 * 450];
    fs::write(
        here.join("codes.npy"),
        npy("<f4", &[450, 2], &bytes(&values)),
    )
    .unwrap();
    let report = json_of(
        here,
        &[
            "decode",
            "codes.npy",
            "-c",
            &network,
            "--sheet",
            "new/all.png",
        ],
    );
    assert_eq!(report["count"], 450);
    assert_eq!(report["files"], json!([]));
    // 20 tiles of 3 x 28 pixels with gaps of 8.
    let (width, height) = size(&here.join("new/all.png"));
    assert_eq!(width, 20 * (84 + 8) - 8 + 32);
    assert!((width..width + 60).contains(&height));
    stdout(here, &["decode", "codes.npy", "-c", &network]);
    assert_eq!(names(&here.join("decoded")).len(), 450);
    let message = usage_error(here, &["decode"]);
    contains(&message, &["CODES"]);
    let message = refusal(
        here,
        &[
            "decode",
            "codes.npy",
            "-c",
            &network,
            "-o",
            "x",
            "--sheet",
            "x/decoded-0007.png",
        ],
    );
    contains(&message, &["decoded-0007.png", "two results"]);
}

// The library under it

#[test]
fn a_writer_takes_its_place_only_with_all_codes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("codes.npy");
    fs::write(&path, "old").unwrap();
    let codes = Tensor::zeros((2, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
    let labels = labelled(&[1, 2, 3]);
    let mut writer = Writer::create(&path, &[3], &labels, Publish::New).unwrap();
    writer.write(&codes).unwrap();
    let error = writer.write(&codes).unwrap_err();
    assert!(matches!(error, Error::Argument { .. }), "{error:?}");
    contains(&error.to_string(), &["at most 1 of shape [3]"]);
    let error = writer.finish().unwrap_err();
    contains(
        &error.to_string(),
        &["codes.npy", "expected 3 codes", "found 2"],
    );
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["codes.npy"]);
}

#[test]
fn safetensors_are_what_the_crate_itself_writes() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("codes.safetensors");
    let values: Vec<f32> = (0..30).map(|value| value as f32 / 3.0).collect();
    let codes = Tensor::from_slice(&values, (5, 3, 2), &Device::Cpu).unwrap();
    let labels = [9u8, 8, 7, 6, 5];
    let names = labelled(&labels);
    let mut writer = Writer::create(&path, &[3, 2], &names, Publish::New).unwrap();
    // In uneven pieces.
    writer.write(&codes.narrow(0, 0, 2).unwrap()).unwrap();
    writer.write(&codes.narrow(0, 2, 3).unwrap()).unwrap();
    writer.finish().unwrap();
    let labels = Tensor::from_slice(&labels, 5, &Device::Cpu).unwrap();
    let expected = safetensors::serialize([("labels", &labels), ("codes", &codes)], None).unwrap();
    assert_eq!(fs::read(&path).unwrap(), expected);
}

#[test]
fn text_keeps_every_bit_of_every_float() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("codes.csv");
    let values = [
        0.1,
        -0.0,
        f32::MIN_POSITIVE,
        f32::from_bits(1),
        f32::MAX,
        -1.0 / 3.0,
        16_777_216.0,
        1e-7,
    ];
    let codes = Tensor::from_slice(&values, (4, 2), &Device::Cpu).unwrap();
    let files: Vec<String> = ["a", "b", "c", "d"].map(String::from).to_vec();
    let mut writer =
        Writer::create(&path, &[2], &Names::Files(files.clone()), Publish::New).unwrap();
    writer.write(&codes).unwrap();
    writer.finish().unwrap();
    let found = survey(&path, &[2]).unwrap();
    assert_eq!((found.count, found.files), (4, Some(files)));
    let mut reader = Reader::open(&path, &[2]).unwrap();
    let mut read = Vec::new();
    while let Some(rows) = reader.read(3).unwrap() {
        read.extend(common::bits(&rows.codes));
    }
    assert_eq!(read, values.map(f32::to_bits));
}

#[test]
fn a_row_is_found_wherever_it_stands() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("codes.npy");
    let values: Vec<f32> = (0..2 * 700).map(|value| value as f32).collect();
    fs::write(&path, npy("<f4", &[700, 2], &bytes(&values))).unwrap();
    let row = |row: u64| Reader::open(&path, &[2]).unwrap().row(row);
    for at in [0, 1, 255, 256, 511, 699] {
        let code = row(at).unwrap();
        assert_eq!(code.dims(), [1, 2]);
        let first = 2.0 * at as f64;
        assert_eq!(common::values(&code), [first, first + 1.0]);
    }
    let message = row(700).unwrap_err().to_string();
    contains(&message, &["codes.npy", "more than 700 codes", "found 700"]);
}

fn code(values: &[f32]) -> Tensor {
    Tensor::from_slice(values, (1, values.len()), &Device::Cpu).unwrap()
}

#[test]
fn a_straight_way_has_an_even_pace() {
    let way = Course::Linear
        .codes(&code(&[1.0, -2.0]), &code(&[3.0, 2.0]), 5)
        .unwrap();
    assert_eq!(way.dims(), [5, 2]);
    let expected = [1.0, -2.0, 1.5, -1.0, 2.0, 0.0, 2.5, 1.0, 3.0, 2.0];
    assert_eq!(common::values(&way), expected);
    assert!(
        Course::Linear
            .codes(&code(&[0.0]), &code(&[1.0]), 1)
            .is_err()
    );
    assert!(
        Course::Linear
            .codes(&code(&[0.0]), &code(&[1.0, 2.0]), 3)
            .is_err()
    );
}

#[test]
fn a_spherical_way_turns_by_equal_angles() {
    // A quarter of a circle of radius 2.
    let way = Course::Spherical
        .codes(&code(&[2.0, 0.0]), &code(&[0.0, 2.0]), 4)
        .unwrap();
    let way = common::values(&way);
    for (step, point) in way.chunks(2).enumerate() {
        let angle = std::f64::consts::FRAC_PI_6 * step as f64;
        assert!((point[0] - 2.0 * angle.cos()).abs() < 1e-6, "{point:?}");
        assert!((point[1] - 2.0 * angle.sin()).abs() < 1e-6, "{point:?}");
    }
    // In many dimensions and of different lengths: both ends are met exactly, and every point lies in the
    // plane of both at its share of the angle.
    let mut stream = autoencode::random::Stream::new(5, autoencode::random::Purpose::Prior, 0, 0);
    let mut draw = |scale: f32| {
        let mut values = vec![0f32; 16];
        stream.fill_normal(&mut values);
        code(&values.iter().map(|value| scale * value).collect::<Vec<_>>())
    };
    let (from, to) = (draw(1.0), draw(2.5));
    let way = Course::Spherical.codes(&from, &to, 7).unwrap();
    let rows: Vec<Vec<f64>> = common::values(&way)
        .chunks(16)
        .map(<[f64]>::to_vec)
        .collect();
    assert_eq!(rows[0], common::values(&from));
    assert_eq!(rows[6], common::values(&to));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = |a: &[f64], b: &[f64]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let whole = cosine(&rows[0], &rows[6]).acos();
    // White's formula, point by point.
    for (step, row) in rows.iter().enumerate() {
        let t = step as f64 / 6.0;
        let (a, b) = (((1.0 - t) * whole).sin(), (t * whole).sin());
        for (place, value) in row.iter().enumerate() {
            let expected = (a * rows[0][place] + b * rows[6][place]) / whole.sin();
            assert!(
                (value - expected).abs() < 1e-5,
                "step {step}: {value} and {expected}"
            );
        }
    }
    // Nearly one direction: as good as straight.
    let way = Course::Spherical
        .codes(&code(&[1.0, 0.0]), &code(&[3.0, 0.0]), 3)
        .unwrap();
    assert_eq!(common::values(&way), [1.0, 0.0, 2.0, 0.0, 3.0, 0.0]);
    for (from, to, found) in [
        ([1.0, 1.0], [-2.0, -2.0], "opposite"),
        ([0.0, 0.0], [1.0, 0.0], "one that is 0"),
    ] {
        let error = Course::Spherical
            .codes(&code(&from), &code(&to), 3)
            .unwrap_err();
        contains(&error.to_string(), &[found]);
    }
}

#[test]
fn the_priors_quantiles_leave_equal_shares_between_them() {
    // The distribution function by Simpson's rule, without any table.
    let below = |x: f64| {
        let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let cells = 4000;
        let step = x / f64::from(cells);
        let sum: f64 = (0..cells)
            .map(|cell| {
                let left = f64::from(cell) * step;
                density(left) + 4.0 * density(left + step / 2.0) + density(left + step)
            })
            .sum();
        0.5 + sum * step / 6.0
    };
    for count in [2usize, 20, 100] {
        let quantiles = prior_quantiles(count);
        assert_eq!(quantiles.len(), count);
        for (place, quantile) in quantiles.iter().enumerate() {
            let share = (place as f64 + 0.5) / count as f64;
            assert!(
                (below(*quantile) - share).abs() < 1e-10,
                "{count}: {quantile}"
            );
        }
    }
}

#[test]
fn a_few_far_codes_do_not_stretch_the_plane() {
    // 0, 1, ..., 1000 in no order: the 1st percentile is 10, the 99th 990.
    let values: Vec<f32> = (0..1001).map(|value| (value * 5 % 1001) as f32).collect();
    assert_eq!(spread(&values, 3), [10.0, 500.0, 990.0]);
    let mut far = values.clone();
    far.extend([1e30, -1e30]);
    assert!(spread(&far, 2)[1] < 1000.0);
    assert_eq!(spread(&[2.0], 3), [2.0, 2.0, 2.0]);
    assert!(spread(&[], 3).is_empty());
}

// Manifolds

/// The pixels of the grid's tile in this row and column from the top left, where the grid begins at
/// `corner` and an image's pixel is `scale` a side.
fn tile(picture: &image::RgbImage, corner: (u32, u32), scale: u32, at: (u32, u32)) -> Vec<u8> {
    let pixel = |y: u32, x: u32| {
        let (row, column) = (at.0 * 28 + y, at.1 * 28 + x);
        picture
            .get_pixel(corner.0 + column * scale, corner.1 + row * scale)
            .0[0]
    };
    (0..28)
        .flat_map(|y| (0..28).map(move |x| (y, x)))
        .map(|(y, x)| pixel(y, x))
        .collect()
}

fn decoded(network: &str, code: [f64; 2]) -> Vec<u8> {
    let code = Tensor::from_slice(&code.map(|value| value as f32), (1, 2), &Device::Cpu).unwrap();
    let image = open(network).decode(&code).unwrap();
    let values = common::values(&image);
    values
        .iter()
        .map(|value| (255.0 * *value as f32).round() as u8)
        .collect()
}

#[test]
fn a_manifold_shows_the_images_of_its_axes_with_the_second_value_upwards() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let network = plane(here);
    let arguments = [
        "decode",
        "-c",
        &network,
        "--manifold",
        "new/plane.png",
        "--steps",
        "5",
    ];
    let report = json_of(here, &arguments);
    let axis = |name: &str| -> Vec<f64> {
        let values = report["manifold"][name].as_array().unwrap();
        values.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let (across, up) = (axis("code_0"), axis("code_1"));
    assert_eq!(across, prior_quantiles(5));
    assert_eq!(up, across);
    let picture = image::open(here.join("new/plane.png")).unwrap().to_rgb8();
    // The corner is found by the first image, which stands at the top.
    let scale = 4;
    let first = decoded(&network, [across[0], up[4]]);
    let corner = (0..120)
        .flat_map(|x| (0..80).map(move |y| (x, y)))
        .find(|corner| tile(&picture, *corner, scale, (0, 0)) == first)
        .expect("the image of the lowest first and the highest second value at the top left");
    for row in 0..5u32 {
        for column in 0..5u32 {
            let code = [across[column as usize], up[4 - row as usize]];
            assert_eq!(
                tile(&picture, corner, scale, (row, column)),
                decoded(&network, code),
                "row {row}, column {column}"
            );
        }
    }
}

#[test]
fn a_manifold_of_plain_codes_spans_the_codes_of_a_file() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let network = write_network(here, "dense-32", &["network.encoder=[16,2]"], [1, 28, 28]);
    let draw = [
        "decode",
        "-c",
        &network,
        "--manifold",
        "plane.png",
        "--steps",
        "3",
    ];
    let message = refusal(here, &draw);
    contains(
        &message,
        &["--manifold", "CODES", "autoencode encode", "no prior"],
    );
    let values: Vec<f32> = (0..=100)
        .flat_map(|value| [value as f32, -1.0 - value as f32])
        .collect();
    fs::write(
        here.join("codes.npy"),
        npy("<f4", &[101, 2], &bytes(&values)),
    )
    .unwrap();
    let report = json_of(here, &[&draw[..], &["codes.npy"]].concat());
    assert_eq!(report["manifold"]["code_0"], json!([1.0, 50.0, 99.0]));
    assert_eq!(report["manifold"]["code_1"], json!([-100.0, -51.0, -2.0]));
    assert_eq!(report["files"], json!([]));

    let message = refusal(here, &["decode", "--manifold", "other.png"]);
    contains(&message, &["code of 2 values", "vae-2d", "[128, 7, 7]"]);
    let message = usage_error(here, &["decode", "codes.npy", "-o", "out", "--steps", "3"]);
    contains(&message, &["--manifold"]);
}

// Ways

#[test]
fn a_way_begins_and_ends_with_what_infer_gives() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let network = shipped("conv-vae");
    let inputs = digits();
    let [from, to] = [inputs[0].as_str(), inputs[3].as_str()];
    for path in ["linear", "spherical"] {
        let frames = format!("{path}/frames");
        let arguments = [
            "interpolate",
            from,
            to,
            "-c",
            &network,
            "-o",
            &format!("{path}/way.png"),
            "--steps",
            "4",
            "--path",
            path,
            "--frames",
            &frames,
        ];
        let report = json_of(here, &arguments);
        assert_eq!(report["steps"], 4);
        assert_eq!(report["path"], path);
        let expected: Vec<String> = (1..=4).map(|n| format!("frame-000{n}.png")).collect();
        assert_eq!(names(&here.join(&frames)), expected);
        // Four steps and both inputs, each in a place of 112 pixels.
        assert_eq!(
            size(&here.join(path).join("way.png")).0,
            6 * (112 + 8) - 8 + 32
        );
    }
    stdout(here, &["infer", from, to, "-c", &network, "-o", "infer"]);
    let read = |path: &str| fs::read(here.join(path)).unwrap();
    for path in ["linear", "spherical"] {
        let frame = |number: u32| read(&format!("{path}/frames/frame-000{number}.png"));
        assert_eq!(frame(1), read("infer/0-light-on-dark.png"));
        assert_eq!(frame(4), read("infer/9-plain.png"));
    }
    assert_ne!(
        read("linear/frames/frame-0002.png"),
        read("spherical/frames/frame-0002.png")
    );

    // The same from the rows of a file, whatever its kind.
    stdout(
        here,
        &["encode", from, to, "-c", &network, "-o", "codes.csv"],
    );
    let rows = [
        "codes.csv:0",
        "codes.csv:1",
        "-c",
        &network,
        "-o",
        "rows.png",
    ];
    let more = ["--steps", "4", "--frames", "rows"];
    stdout(here, &[&["interpolate"], &rows[..], &more].concat());
    assert_eq!(size(&here.join("rows.png")).0, 4 * (112 + 8) - 8 + 32);
    for number in 1..=4 {
        let frame = format!("frames/frame-000{number}.png");
        let other = format!("rows/frame-000{number}.png");
        assert_eq!(read(&format!("linear/{frame}")), read(&other));
    }
}

#[test]
fn ways_that_cannot_be_gone_are_refused() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let inputs = digits();
    let [from, to] = [inputs[0].as_str(), inputs[3].as_str()];
    let way = |from: &str, to: &str, more: &[&str]| {
        let arguments = ["interpolate", from, to, "-o", "way.png"];
        usage_error(here, &[&arguments, more].concat())
    };
    contains(
        &way(from, to, &["--path", "spherical"]),
        &["--path", "linear", "no prior"],
    );
    fs::write(
        here.join("codes.npy"),
        npy("<f4", &[3, 6272], &vec![0; 3 * 4 * 6272]),
    )
    .unwrap();
    contains(&way(from, "codes.npy", &[]), &["codes.npy", "codes.npy:0"]);
    contains(
        &way(from, "codes.npy:x", &[]),
        &["codes.npy:x", "codes.npy:0"],
    );
    contains(
        &way("codes.npy:3", to, &[]),
        &["codes.npy", "more than 3 codes", "found 3"],
    );
    contains(&way("none.csv:0", to, &[]), &["none.csv", "cannot read"]);
    contains(
        &way(from, to, &["--steps", "1"]),
        &["--steps", "from 2 to 1000"],
    );
    contains(
        &way(from, to, &["--frames", "x", "-o", "x/frame-0002.png"]),
        &["cannot be used"],
    );
    assert!(!here.join("way.png").exists());
    stdout(
        here,
        &[
            "interpolate",
            "codes.npy:0",
            to,
            "-o",
            "way.png",
            "--steps",
            "30",
        ],
    );
    // 31 places in rows of 12.
    assert_eq!(size(&here.join("way.png")).0, 12 * (112 + 8) - 8 + 32);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_encode_in_order() {
    let folder = TempDir::new().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_autoencode"))
        .current_dir(folder.path())
        .args(["encode", "--offline", "--part", "all", "-o", "codes.csv"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let started = std::time::Instant::now();
    // Another file may have been there before it, to see whether the folder can be written to.
    let begun = |name: &String| name.ends_with(".part");
    while !names(folder.path()).iter().any(begun) {
        assert!(started.elapsed().as_secs() < 60, "no file was begun");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Not even the temporary file is left.
    assert!(names(folder.path()).is_empty());
}
