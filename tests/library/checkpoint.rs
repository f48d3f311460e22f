//! Checkpoint files: what is written is read back, and nothing else is believed.

use crate::common;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;

use autoencode::checkpoint::{Checkpoint, FORMAT, locate};
use autoencode::network::Autoencoder;
use autoencode::recipe::NetworkConfig;
use autoencode::{Error, Result};
use candle_core::{DType, Device, Tensor};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const DIGITS: usize = 64;

fn small() -> Checkpoint {
    common::checkpoint(common::recipe("conv-denoiser", &common::SMALL, [1, 28, 28]))
}

/// The end of the header: its length's eight bytes and the JSON.
fn header_end(file: &[u8]) -> usize {
    8 + usize::try_from(u64::from_le_bytes(file[..8].try_into().unwrap())).unwrap()
}

/// Where the digest's digits stand.
fn digits(file: &[u8]) -> Range<usize> {
    let mark = br#"\"sha256\":\""#;
    let start = file.windows(mark.len()).position(|w| w == mark).unwrap() + mark.len();
    start..start + DIGITS
}

/// SHA-256 over the file with its own digits as zeros.
fn digest(file: &[u8]) -> String {
    let mut blank = file.to_vec();
    blank[digits(file)].fill(b'0');
    Sha256::digest(&blank)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Gives a changed file the digest that its content has.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let digest = digest(&file);
    let place = digits(&file);
    file[place].copy_from_slice(digest.as_bytes());
    file
}

/// Replaces the one occurrence of `from` by text of the same length.
fn replaced(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..=file.len() - from.len())
        .filter(|&start| file[start..].starts_with(from.as_bytes()))
        .collect();
    assert_eq!(places.len(), 1, "{from} occurs {} times", places.len());
    let mut file = file.to_vec();
    file[places[0]..places[0] + to.len()].copy_from_slice(to.as_bytes());
    file
}

/// The message of a refusal: one line that begins with the file's name.
fn refusal<T>(result: Result<T>, name: &str) -> String {
    let error = result.err().expect("the file is refused");
    assert!(error.is_input(), "{error}");
    let message = error.to_string();
    assert!(message.starts_with(name), "{message}");
    assert!(!message.contains('\n'), "{message}");
    message
}

fn parse(bytes: &[u8]) -> Result<Checkpoint> {
    Checkpoint::from_bytes(bytes, Path::new("runs/x/last.safetensors"))
}

fn refused(bytes: &[u8]) -> String {
    refusal(parse(bytes), "runs/x/last.safetensors: ")
}

#[test]
fn what_is_written_is_read_back_bit_for_bit() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("last.safetensors");
    let written = small();
    written.write(&path).unwrap();
    let read = Checkpoint::read(&path).unwrap();
    assert_eq!(read.recipe, written.recipe);
    assert_eq!(read.data, written.data);
    assert_eq!(read.progress, written.progress);
    for (read, written) in [
        (&read.weights, &written.weights),
        (&read.optimizer, &written.optimizer),
    ] {
        assert!(read.keys().eq(written.keys()));
        for (name, tensor) in written {
            assert_eq!(read[name].dims(), tensor.dims(), "{name}");
            assert_eq!(common::bits(&read[name]), common::bits(tensor), "{name}");
        }
    }
    assert_eq!(read.to_bytes().unwrap(), fs::read(&path).unwrap());
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn values_of_every_kind_survive() {
    let mut written = small();
    let odd = [f32::MIN_POSITIVE / 8.0, -0.0, f32::MAX, f32::NAN];
    let odd = Tensor::from_slice(&odd, 4, &Device::Cpu).unwrap();
    written.weights.insert("encoder.0.bias".into(), odd.clone());
    let strided = Tensor::arange(0f32, 6., &Device::Cpu).unwrap();
    let strided = strided.reshape((2, 3)).unwrap().t().unwrap();
    written.weights.insert("turned".into(), strided.clone());
    let read = parse(&written.to_bytes().unwrap()).unwrap();
    assert_eq!(
        common::bits(&read.weights["encoder.0.bias"]),
        common::bits(&odd)
    );
    assert_eq!(read.weights["turned"].dims(), [3, 2]);
    assert_eq!(
        common::values(&read.weights["turned"]),
        [0., 3., 1., 4., 2., 5.]
    );
}

#[test]
fn equal_checkpoints_give_equal_bytes() {
    let first = small().to_bytes().unwrap();
    for _ in 0..4 {
        assert_eq!(small().to_bytes().unwrap(), first);
    }
    let mut other = small();
    other.progress.step += 1;
    assert_ne!(other.to_bytes().unwrap(), first);
}

#[test]
fn the_file_is_plain_safetensors_with_the_weights_under_their_names() {
    let checkpoint = small();
    let bytes = checkpoint.to_bytes().unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weight = file.tensor("encoder.3.weight").unwrap();
    assert_eq!(weight.shape(), [8, 4, 3, 3]);
    assert_eq!(weight.dtype(), safetensors::Dtype::F32);
    let stored: Vec<u32> = weight
        .data()
        .chunks_exact(4)
        .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
        .collect();
    assert_eq!(
        stored,
        common::bits(&checkpoint.weights["encoder.3.weight"])
    );
    assert!(
        file.tensor("optimizer.first.encoder.3.weight").is_ok(),
        "what resuming needs stands apart from the weights"
    );
    assert_eq!(&bytes[digits(&bytes)], digest(&bytes).as_bytes());
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let file = small().to_bytes().unwrap();
    let header = header_end(&file);
    // Every byte of the length, many of the header, with the digest and all of its digits, and some of
    // the tensors' data with its first and last.
    let data = (header..file.len()).step_by((file.len() - header) / 60);
    let positions = (0..8)
        .chain((8..header).step_by(3))
        .chain(digits(&file))
        .chain(data)
        .chain([header - 1, header, file.len() - 1]);
    for position in positions {
        for bit in [0, 3, 5, 7] {
            let mut damaged = file.clone();
            damaged[position] ^= 1 << bit;
            match parse(&damaged) {
                Ok(_) => panic!("bit {bit} of byte {position} of {} is believed", file.len()),
                Err(_) => refused(&damaged),
            };
        }
    }
}

#[test]
fn damage_in_the_tensors_is_called_damage() {
    let mut file = small().to_bytes().unwrap();
    let last = file.len() - 1;
    file[last] ^= 1;
    let message = refused(&file);
    assert!(message.contains("SHA-256"), "{message}");
    assert!(message.contains("damaged or changed"), "{message}");
}

#[test]
fn a_truncated_or_lengthened_file_is_refused() {
    let file = small().to_bytes().unwrap();
    let header = header_end(&file);
    let lengths = (0..12)
        .chain((12..header).step_by(101))
        .chain([header - 1, header, header + 1])
        .chain((header..file.len()).step_by(1013))
        .chain([file.len() - 4, file.len() - 1]);
    for length in lengths {
        refused(&file[..length]);
    }
    let mut longer = file;
    longer.push(0);
    refused(&longer);
}

#[test]
fn an_empty_a_missing_and_a_text_file_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    for (name, content) in [
        ("empty.safetensors", Some("")),
        (
            "text.safetensors",
            Some("not a checkpoint, but long enough to be one\n"),
        ),
        ("missing.safetensors", None),
    ] {
        let path = folder.path().join(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        refusal(Checkpoint::read(&path), &path.display().to_string());
    }
}

#[test]
fn a_safetensors_file_of_another_program_is_refused_as_such() {
    let tensor = Tensor::ones((2, 3), DType::F32, &Device::Cpu).unwrap();
    for metadata in [
        None,
        Some(HashMap::from([("format".to_string(), "pt".to_string())])),
    ] {
        let bytes = safetensors::serialize([("encoder.0.weight", &tensor)], metadata).unwrap();
        let message = refused(&bytes);
        assert!(message.contains("written by autoencode"), "{message}");
    }
}

#[test]
fn metadata_that_only_looks_like_ours_is_refused() {
    let tensor = Tensor::ones((2, 3), DType::F32, &Device::Cpu).unwrap();
    for (text, found) in [
        ("", "metadata that is no JSON"),
        ("{", "metadata that is no JSON"),
        ("{}", "without the number of a format"),
        ("[]", "without the number of a format"),
        ("null", "without the number of a format"),
        ("{\"format\":1}", "no digest"),
        ("{\"format\":-1}", "without the number of a format"),
    ] {
        let metadata = HashMap::from([("autoencode".to_string(), text.to_string())]);
        let bytes =
            safetensors::serialize([("encoder.0.weight", &tensor)], Some(metadata)).unwrap();
        let message = refused(&bytes);
        assert!(message.contains(found), "{message}");
    }
}

/// In words for a person who has the file, not for one who reads serde's types.
#[test]
fn a_wrong_header_is_told_by_tensor_and_entry() {
    let tensor = r#""dtype":"F32","shape":[1],"data_offsets":[0,4]"#;
    for (header, found) in [
        ("[]", "no table in JSON"),
        ("{\"a\":", "no table in JSON"),
        ("{\"a\":1}", "gives no `dtype` of `a`"),
        (
            r#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#,
            "no `dtype` of `a`",
        ),
        (
            r#"{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}"#,
            r#""F31" as `dtype` of `a`"#,
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
            "[-1] as `shape` of `a`",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
            "[0] as `data_offsets` of `a`",
        ),
        (
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            "sizes do not fit together",
        ),
        (
            &format!(r#"{{"a":{{{tensor}}},"a":{{{tensor}}}}}"#),
            "`a` stands twice",
        ),
        (
            &format!(r#"{{"__metadata__":1,"a":{{{tensor}}}}}"#),
            "`__metadata__` is no table of texts",
        ),
        (
            &format!(r#"{{"__metadata__":{{"b":"","b":""}},"a":{{{tensor}}}}}"#),
            "`b` stands twice",
        ),
    ] {
        let length = header.len() as u64;
        let file = [&length.to_le_bytes(), header.as_bytes(), &[0; 4]].concat();
        let message = refused(&file);
        assert!(message.contains(found), "{header}: {message}");
        for word in [
            "line 1",
            "column",
            "missing field",
            "invalid type",
            "variant",
        ] {
            assert!(!message.contains(word), "{message}");
        }
    }
}

#[test]
fn a_recipe_that_cannot_work_is_refused_with_the_file() {
    let mut checkpoint = small();
    checkpoint.recipe.training.batch_size = 0;
    let message = refused(&checkpoint.to_bytes().unwrap());
    assert!(message.contains("training.batch_size"), "{message}");

    let mut checkpoint = small();
    let origin = Path::new("runs/x/best.safetensors");
    for (input, named) in [([1, 27, 28], "max-pool"), ([1 << 20; 3], "values")] {
        let NetworkConfig::Conv(config) = &mut checkpoint.recipe.network else {
            panic!("conv-denoiser is not convolutional")
        };
        config.input = Some(input);
        let model = checkpoint.model(origin, &Device::Cpu);
        let message = refusal(model, "runs/x/best.safetensors: ");
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn tensors_that_could_not_be_used_or_written_again_are_refused_by_name() {
    let file = small().to_bytes().unwrap();
    let bias = r#""encoder.0.bias":{"dtype":"F32","shape":[4]"#;
    // As long in the header and in the file.
    for (other, found) in [
        (
            r#""encoder.0.bias":{"dtype":"C64","shape":[2]"#,
            "of type C64",
        ),
        (
            r#""encoder.0.bias":{"dtype":"I32","shape":[4]"#,
            "of type I32",
        ),
    ] {
        let message = refused(&sealed(replaced(&file, bias, other)));
        let expected = format!("found `encoder.0.bias` {found}");
        assert!(message.contains(&expected), "{message}");
    }
    let mut checkpoint = small();
    let empty = Tensor::zeros((2, 0), DType::F32, &Device::Cpu).unwrap();
    checkpoint.weights.insert("empty".to_string(), empty);
    let message = refused(&checkpoint.to_bytes().unwrap());
    assert!(message.contains("`empty` of shape [2, 0]"), "{message}");
}

#[test]
fn a_message_has_one_line_whatever_the_file_says() {
    let mut checkpoint = small();
    checkpoint.recipe.name = "a\nb".to_string();
    refused(&checkpoint.to_bytes().unwrap());
    let zeros = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
    let mut checkpoint = small();
    checkpoint
        .weights
        .insert("lines\r\nof \u{1b}[31mtext".to_string(), zeros);
    let origin = Path::new("runs/x/best.safetensors");
    let model = checkpoint.model(origin, &Device::Cpu);
    let message = refusal(model, "runs/x/best.safetensors: ");
    assert!(!message.contains(char::is_control), "{message}");
}

#[test]
fn the_digest_is_as_documented() {
    let file = small().to_bytes().unwrap();
    // Another sentence on the data, under the digest that such a file has.
    let changed = replaced(&file, "55,000 + 5,000", "55,000 + 6,000");
    refused(&changed);
    let data = parse(&sealed(changed)).unwrap().data;
    assert!(data.starts_with("55,000 + 6,000"), "{data}");
}

/// The file is whole: another process, which registers the part, can read it. Resuming must not put it aside.
#[test]
fn an_unknown_part_of_the_recipe_is_not_damage() {
    let file = small().to_bytes().unwrap();
    let known = r#"\"reconstruction\":\"bce\""#;
    let own = r#"\"reconstruction\":\"own\""#;
    let error = parse(&sealed(replaced(&file, known, own))).unwrap_err();
    assert!(matches!(error, Error::Inside { .. }), "{error:?}");
    let message = error.to_string();
    for part in [
        "recipe key `objective.reconstruction`",
        "registered",
        "found \"own\"",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    for (known, other, parts) in [
        (
            r#"\"epochs\":"#,
            r#"\"epocas\":"#,
            ["recipe key `training.epo", "registered"],
        ),
        (
            r#"\"position\":"#,
            r#"\"posicion\":"#,
            ["metadata key `progress", "position"],
        ),
    ] {
        let error = parse(&sealed(replaced(&file, known, other))).unwrap_err();
        assert!(matches!(error, Error::Inside { .. }), "{error:?}");
        let message = error.to_string();
        for part in parts {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(
            !message.contains("line 1") && !message.contains("missing field"),
            "{message}"
        );
    }
}

#[test]
fn a_newer_format_is_refused_as_newer() {
    let file = small().to_bytes().unwrap();
    let mark = format!(r#"\"format\":{FORMAT},"#);
    let newer = format!(r#"\"format\":{},"#, FORMAT + 1);
    let message = refused(&sealed(replaced(&file, &mark, &newer)));
    for part in [
        format!("format {FORMAT} or older"),
        format!("format {}", FORMAT + 1),
        "newer version".to_string(),
    ] {
        assert!(message.contains(&part), "{part}: {message}");
    }
}

#[test]
fn a_newer_format_with_keys_unknown_today_is_refused_as_newer_too() {
    let file = small().to_bytes().unwrap();
    let file = replaced(&file, r#"\"format\":1,"#, r#"\"format\":9,"#);
    let file = replaced(&file, r#"\"progress\":"#, r#"\"progreso\":"#);
    let message = refused(&sealed(file));
    assert!(message.contains("newer version"), "{message}");
}

#[test]
fn every_tensor_that_does_not_fit_is_listed_with_what_was_expected_and_found() {
    let mut checkpoint = small();
    let zeros = |shape: &[usize], dtype| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
    let weights = &mut checkpoint.weights;
    weights.remove("encoder.0.bias");
    weights.remove("decoder.0.weight");
    weights.insert("encoder.9.weight".into(), zeros(&[2], DType::F32));
    weights.insert("decoder.3.colour".into(), zeros(&[2], DType::F32));
    weights.insert("encoder.3.weight".into(), zeros(&[8, 4, 5, 5], DType::F32));
    weights.insert("decoder.3.bias".into(), zeros(&[1], DType::F64));

    let origin = Path::new("runs/x/best.safetensors");
    let message = refusal(
        checkpoint.model(origin, &Device::Cpu),
        "runs/x/best.safetensors: ",
    );
    let found = message.split("found ").nth(1).unwrap();
    let differences: BTreeMap<&str, &str> = found
        .split("; ")
        .map(|difference| {
            let name = difference.split('`').nth(1).unwrap();
            (name, difference)
        })
        .collect();
    for (name, parts) in [
        ("encoder.0.bias", vec!["[4]", "missing"]),
        ("decoder.0.weight", vec!["[4, 8, 3, 3]", "missing"]),
        ("encoder.9.weight", vec!["no layer"]),
        ("decoder.3.colour", vec!["no layer"]),
        (
            "encoder.3.weight",
            vec!["is [8, 4, 5, 5]", "expected [8, 4, 3, 3]"],
        ),
        ("decoder.3.bias", vec!["is [1] F64", "expected [1] F32"]),
    ] {
        for part in parts {
            assert!(differences[name].contains(part), "{name}: {message}");
        }
    }
    assert_eq!(differences.len(), 6, "{message}");
}

#[test]
fn the_network_of_a_file_computes_what_the_one_that_was_saved_did() {
    let recipe = common::recipe("conv-denoiser", &common::SMALL, [1, 28, 28]);
    let (_, parameters) = common::network(&recipe, DType::F32);
    let builder = parameters.frozen_builder(DType::F32, &Device::Cpu);
    let model = Autoencoder::new(&recipe.network, builder).unwrap();
    let images = common::sample()
        .test
        .batch(&[0, 1, 2], &Device::Cpu)
        .unwrap();
    let expected = model.reconstruct(&images).unwrap();
    let read = parse(&common::checkpoint(recipe).to_bytes().unwrap()).unwrap();
    let model = read.model(Path::new("x"), &Device::Cpu).unwrap();
    assert_eq!(
        common::bits(&model.reconstruct(&images).unwrap()),
        common::bits(&expected)
    );
}

#[test]
fn a_write_that_fails_names_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("missing").join("last.safetensors");
    let error = small().write(&path).unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
    let message = error.to_string();
    assert!(
        message.starts_with(&path.display().to_string()),
        "{message}"
    );
    assert!(message.contains("write"), "{message}");
}

#[test]
fn a_write_that_fails_leaves_what_was_there() {
    let folder = TempDir::new().unwrap();
    // Renaming a file over a folder fails after the whole file was written.
    let path = folder.path().join("last.safetensors");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("kept"), "kept").unwrap();
    let message = small().write(&path).unwrap_err().to_string();
    assert!(
        message.starts_with(&path.display().to_string()),
        "{message}"
    );
    assert_eq!(fs::read(path.join("kept")).unwrap(), b"kept");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn a_newer_checkpoint_takes_the_place_of_the_older() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("last.safetensors");
    let mut checkpoint = small();
    checkpoint.write(&path).unwrap();
    checkpoint.progress.step = 9999;
    checkpoint.optimizer.clear();
    checkpoint.write(&path).unwrap();
    let read = Checkpoint::read(&path).unwrap();
    assert_eq!(read.progress.step, 9999);
    assert!(read.optimizer.is_empty());
}

#[cfg(unix)]
#[test]
fn permissions_are_those_of_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let mode = |name: &str| {
        let path = folder.path().join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    small()
        .write(&folder.path().join("last.safetensors"))
        .unwrap();
    // An ordinary file gets 0666 less the umask.
    fs::write(folder.path().join("ordinary"), "").unwrap();
    assert_eq!(
        format!("{:o}", mode("last.safetensors")),
        format!("{:o}", mode("ordinary"))
    );
}

#[test]
fn a_run_folder_stands_for_its_best_checkpoint_else_its_last() {
    let folder = TempDir::new().unwrap();
    let run = folder.path();
    let message = refusal(locate(run), &run.display().to_string());
    assert!(message.contains("best.safetensors"), "{message}");
    for name in ["last.safetensors", "best.safetensors"] {
        fs::write(run.join(name), "").unwrap();
        assert_eq!(locate(run).unwrap(), run.join(name));
    }
    let file = run.join("last.safetensors");
    assert_eq!(locate(&file).unwrap(), file);
}
