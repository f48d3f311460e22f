//! Checkpoints: a whole file, or two lines, the entry with the recipe and the list of tensors, both JSON,
//! with the values of the tensors behind them. Either gets the digest that its content has, as nothing that
//! was changed comes further otherwise.

use std::path::Path;

use autoencode::checkpoint::Checkpoint;
use autoencode::codes::Mixture;
use candle_core::{DType, Device, Tensor};
use safetensors::tensor::Metadata;
use sha2::{Digest, Sha256};

use super::{check_refusal, recipe};

/// What names the file in errors.
const ORIGIN: &str = "runs/some/last.safetensors";
/// How the digest begins in a header, and its digits.
const MARK: &[u8] = br#"\"sha256\":\""#;
const DIGITS: usize = 64;
/// Networks with larger samples are not run.
const MOST: usize = 4096;

/// A checkpoint that is read is written as one that reads the same, and its recipe is sound; where its
/// tensors make a network, it can be run.
pub fn run(input: &[u8]) {
    let file = sealed(match is_whole(input) {
        true => input.to_vec(),
        false => assembled(input),
    });
    let origin = Path::new(ORIGIN);
    let checkpoint = match Checkpoint::from_bytes(&file, origin) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return check_refusal(&error, origin),
    };
    recipe::check(&checkpoint.recipe);
    let bytes = checkpoint.to_bytes().unwrap();
    let again = Checkpoint::from_bytes(&bytes, origin).unwrap();
    assert_eq!(again.recipe, checkpoint.recipe);
    assert_eq!(again.data, checkpoint.data);
    assert_eq!(again.progress, checkpoint.progress);
    assert_eq!(again.to_bytes().unwrap(), bytes);

    let network = match checkpoint.inference(origin, &Device::Cpu) {
        Ok(network) => network,
        Err(error) => return check_refusal(&error, origin),
    };
    let model = network.model();
    if model.input_shape().iter().product::<usize>() <= MOST {
        let shape = [&[1], model.input_shape()].concat();
        let sample = Tensor::zeros(shape.as_slice(), DType::F32, &Device::Cpu).unwrap();
        assert_eq!(network.reconstruct(&sample).unwrap().dims(), shape);
    }
    let values = model.code_shape().iter().product();
    if let Err(error) = Mixture::of(&checkpoint, values, origin) {
        check_refusal(&error, origin);
    }
}

/// Whether an input starts with the length of a header that it can hold.
fn is_whole(input: &[u8]) -> bool {
    let length = input.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    length.is_some_and(|length| length < input.len() as u64)
}

/// A file from its parts. The values are made as many as the tensors have.
fn assembled(input: &[u8]) -> Vec<u8> {
    let mut lines = input.splitn(3, |&byte| byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let entry = String::from_utf8_lossy(line());
    let entry = serde_json::to_string(&entry).unwrap();
    let tensors = String::from_utf8_lossy(line()).into_owned();
    let comma = if tensors.is_empty() { "" } else { "," };
    let header = format!(r#"{{"__metadata__":{{"autoencode":{entry}}}{comma}{tensors}}}"#);
    let mut values = line().to_vec();
    if let Ok(metadata) = serde_json::from_str::<Metadata>(&header)
        && metadata.data_len() <= 1 << 20
    {
        values.resize(metadata.data_len(), 0);
    }
    let length = (header.len() as u64).to_le_bytes();
    [&length, header.as_bytes(), &values].concat()
}

/// The file with the digest that its content has, where it has a place for one.
fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let Some(mark) = file.windows(MARK.len()).position(|bytes| bytes == MARK) else {
        return file;
    };
    let start = mark + MARK.len();
    if let Some(digits) = file.get_mut(start..start + DIGITS) {
        digits.fill(b'0');
        let digest = Sha256::digest(&file);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        file[start..start + DIGITS].copy_from_slice(digest.as_bytes());
    }
    file
}
