//! What several test files need.

#![allow(
    dead_code,
    reason = "every test file compiles this module and uses a part of it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use autoencode::checkpoint::{Best, Checkpoint, Progress};
use autoencode::data::{self, Dataset, Images, Source};
use autoencode::device::DeviceChoice;
use autoencode::network::{Autoencoder, Parameters};
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::{NamedSet, Recipe};
use candle_core::{DType, Device, Tensor};
use tempfile::TempDir;

/// Settings that make the convolutional denoiser small.
pub const SMALL: [&str; 2] = ["network.encoder=[4,8]", "network.decoder=[4]"];

/// The program, without anything of the environment that could change what it does, and without what
/// the cache of the hub's client may hold on this machine.
pub fn autoencode() -> Command {
    let mut command = Command::from_std(autoencode_command());
    command.timeout(std::time::Duration::from_secs(120));
    command
}

/// [`autoencode`] for tests that watch it run.
pub fn autoencode_command() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_autoencode"));
    command
        .env_remove("RUST_BACKTRACE")
        .env_remove("HF_HUB_CACHE")
        .env_remove("HUGGINGFACE_HUB_CACHE")
        .env(
            "HF_HOME",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-hub"),
        )
        .env("HF_HUB_OFFLINE", "1");
    command
}

/// Runs a command that is refused: exit code 2 and nothing on standard output. Returns its message.
pub fn usage_error(folder: &Path, arguments: &[&str]) -> String {
    let output = autoencode().current_dir(folder).args(arguments).assert();
    let output = output.code(2).stdout("").get_output().clone();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with("error: "), "{arguments:?}: {message}");
    assert!(!message.contains("panicked"), "{arguments:?}: {message}");
    message
}

/// [`usage_error`] with a message of one line.
pub fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let message = usage_error(folder, arguments);
    assert_eq!(message.lines().count(), 1, "{arguments:?}: {message}");
    message
}

/// Checks that all parts are in a text.
pub fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// A file or folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The built-in sample of MNIST.
pub fn sample() -> Dataset {
    data::load(&Source::Set(NamedSet::Sample), true).unwrap()
}

/// A shipped recipe with settings, for images of shape `input`.
pub fn recipe(name: &str, settings: &[&str], input: [usize; 3]) -> Recipe {
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    let mut recipe = Recipe::load(name, &settings).unwrap();
    recipe.network.resolve_input(input).unwrap();
    recipe
}

/// A network of initial weights with its variables.
pub fn network(recipe: &Recipe, dtype: DType) -> (Autoencoder, Parameters) {
    let parameters = Parameters::drawn(recipe.seed);
    let builder = parameters.builder(dtype, &Device::Cpu);
    let model = Autoencoder::new(&recipe.network, builder).unwrap();
    (model, parameters)
}

/// A checkpoint of initial weights, half-way through an invented run, to resume from.
pub fn checkpoint(recipe: Recipe) -> Checkpoint {
    let (_, parameters) = network(&recipe, DType::F32);
    let mut stream = Stream::new(7, Purpose::Init, 0, 0);
    let mut weights = BTreeMap::new();
    let mut optimizer = BTreeMap::new();
    for (name, var) in parameters.vars() {
        for moment in ["first", "second"] {
            let values = uniform(&mut stream, var.dims(), 0.0, 1.0, DType::F32);
            optimizer.insert(format!("{moment}.{name}"), values);
        }
        weights.insert(name, var.as_detached_tensor());
    }
    Checkpoint {
        recipe,
        // All of MNIST, whose place the sample takes in tests.
        data: "55,000 + 5,000 + 10,000 images of 1x28x28, SHA-256 da21b7c9d749165c...".to_string(),
        progress: Progress {
            epoch: 3,
            step: 1234,
            position: 5,
            loss_sum: 0.1 + 0.2,
            loss_values: 640 * 784,
            kl_sum: 0.0,
            best: Some(Best {
                epoch: 2,
                loss: 1.0 / 3.0,
            }),
        },
        weights,
        optimizer,
        sampling: Default::default(),
    }
}

/// The device of `AUTOENCODE_TEST_DEVICE`, as in `--device`: the CPU if it is not set.
pub fn device_name() -> String {
    match std::env::var("AUTOENCODE_TEST_DEVICE") {
        Ok(name) => name,
        Err(std::env::VarError::NotPresent) => "cpu".to_string(),
        Err(error) => panic!("AUTOENCODE_TEST_DEVICE: {error}"),
    }
}

/// Opens the device of [`device_name`], one for each test. A device that cannot be had fails the test.
pub fn device() -> Device {
    let name = device_name();
    let choice: DeviceChoice = name.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_ne!(
        choice,
        DeviceChoice::Auto,
        "AUTOENCODE_TEST_DEVICE must name one"
    );
    let chosen = choice.open().unwrap_or_else(|error| panic!("{error}"));
    chosen.device
}

/// Values uniform in `low..high`.
pub fn uniform(stream: &mut Stream, shape: &[usize], low: f64, high: f64, dtype: DType) -> Tensor {
    let values: Vec<f64> = (0..shape.iter().product())
        .map(|_| low + (high - low) * stream.uniform())
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu)
        .and_then(|tensor| tensor.to_dtype(dtype))
        .unwrap()
}

/// Every value of a tensor on any device, as f64.
pub fn values(tensor: &Tensor) -> Vec<f64> {
    tensor
        .to_device(&Device::Cpu)
        .and_then(|tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1())
        .unwrap()
}

/// Every value of an f32 tensor, as bits.
pub fn bits(tensor: &Tensor) -> Vec<u32> {
    let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

/// Writes the first digits of the sample as a folder of IDX files like MNIST's.
pub fn write_idx(folder: &Path, train: usize, test: usize) {
    let dataset = sample();
    write_part(folder, "train", &dataset.train, train);
    write_part(folder, "t10k", &dataset.test, test);
}

fn write_part(folder: &Path, prefix: &str, images: &Images, count: usize) {
    let (_, height, width) = images.shape();
    let mut pixels = 0x803u32.to_be_bytes().to_vec();
    for size in [count, height, width] {
        pixels.extend(u32::try_from(size).unwrap().to_be_bytes());
    }
    pixels.extend(&images.pixels()[..count * height * width]);
    let mut labels = 0x801u32.to_be_bytes().to_vec();
    labels.extend(u32::try_from(count).unwrap().to_be_bytes());
    labels.extend(images.labels()[..count].iter().map(|label| *label as u8));
    fs::write(folder.join(format!("{prefix}-images-idx3-ubyte")), pixels).unwrap();
    fs::write(folder.join(format!("{prefix}-labels-idx1-ubyte")), labels).unwrap();
}

/// The files of a run that repeat to the bit, by name: checkpoints, recipe, pictures, and the metrics without
/// the columns of times.
pub fn run_files(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in [run.to_path_buf(), run.join("samples")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(run)
                .unwrap()
                .to_str()
                .unwrap()
                .to_string();
            let keep = match name.as_str() {
                // How the run came here, not what it is.
                ".lock" | "samples" | "environment.json" | "previous.safetensors" => continue,
                "report.json" => continue,
                "metrics.jsonl" => jsonl_without_times(&path),
                "metrics.csv" => csv_without_times(&path),
                _ => fs::read(&path).unwrap(),
            };
            files.insert(name, keep);
        }
    }
    files
}

fn jsonl_without_times(path: &Path) -> Vec<u8> {
    let row = |line: &str| {
        let mut row: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
        row.remove("seconds").unwrap();
        row.remove("images_per_second").unwrap();
        serde_json::to_string(&row).unwrap() + "\n"
    };
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(row).collect::<String>().into_bytes()
}

fn csv_without_times(path: &Path) -> Vec<u8> {
    // Times are the last two columns.
    let row = |line: &str| line.rsplitn(3, ',').last().unwrap().to_string() + "\n";
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(row).collect::<String>().into_bytes()
}

/// A folder of IDX files with the first digits of the built-in sample.
pub fn digits(train: usize, test: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_idx(folder.path(), train, test);
    folder
}
