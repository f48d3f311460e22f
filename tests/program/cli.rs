//! The program as people use it: commands, files and messages.

use crate::common::{self, autoencode, contains, refusal, repository, usage_error, write_idx};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use autoencode::checkpoint::Checkpoint;
use autoencode::evaluate::psnr_db;
use autoencode::recipe::{Precision, Recipe, builtin};
use candle_core::Tensor;
use predicates::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

const COMMANDS: [&str; 14] = [
    "train",
    "infer",
    "filters",
    "evaluate",
    "summary",
    "recipes",
    "bench",
    "activations",
    "plot",
    "encode",
    "decode",
    "sample",
    "interpolate",
    "reproduce",
];

/// What a command prints that succeeds.
fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = autoencode()
        .current_dir(folder)
        .args(arguments)
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    String::from_utf8(output).unwrap()
}

/// What a command prints with --json: one line.
fn json(folder: &Path, arguments: &[&str]) -> Value {
    let text = stdout(folder, &[arguments, &["--json"]].concat());
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    assert!(text.ends_with('\n'), "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The names in a folder, none if there is no such folder.
fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

/// Writes a network of initial weights and says where it is.
fn write_checkpoint(folder: &Path, name: &str, settings: &[&str], input: [usize; 3]) -> String {
    let path = folder.join(format!("{name}.safetensors"));
    let recipe = common::recipe(name, settings, input);
    common::checkpoint(recipe).write(&path).unwrap();
    path.to_str().unwrap().to_string()
}

fn digits() -> String {
    repository("assets/digits").to_str().unwrap().to_string()
}

fn digit(name: &str) -> String {
    repository("assets/digits")
        .join(name)
        .to_str()
        .unwrap()
        .to_string()
}

/// The stems of the digits that ship in assets/.
fn stems() -> BTreeSet<String> {
    let stems: BTreeSet<String> = names(&repository("assets/digits"))
        .into_iter()
        .filter_map(|name| name.strip_suffix(".png").map(String::from))
        .collect();
    assert!(stems.len() >= 10);
    stems
}

/// Writes one digit of the sample's test part as it is, 28x28 grey, and gives its bytes.
fn write_digit(path: &Path, index: usize) -> Vec<u8> {
    let dataset = common::sample();
    let bytes = dataset.test.image(index).unwrap().to_vec();
    image::GrayImage::from_raw(28, 28, bytes.clone())
        .unwrap()
        .save(path)
        .unwrap();
    bytes
}

fn size(path: &Path) -> (u32, u32) {
    let picture = image::open(path).unwrap();
    (picture.width(), picture.height())
}

// summary, recipes

#[test]
fn summary_shows_the_layers_and_the_total() {
    let folder = TempDir::new().unwrap();
    let text = stdout(folder.path(), &["summary"]);
    let row = |name: &str| -> Vec<&str> {
        let line = text.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .split_whitespace()
            .collect()
    };
    assert_eq!(row("total"), ["total", "314,625"]);
    assert_eq!(
        row("encoder.3"),
        ["encoder.3", "conv", "3x3,", "64", "64x14x14", "18,496"]
    );
    assert_eq!(row("code"), ["code", "128x7x7"]);
    assert_eq!(row("decoder.7"), ["decoder.7", "sigmoid", "1x28x28"]);
}

#[test]
fn summary_as_lists_takes_the_place_of_a_recipes_network() {
    let folder = TempDir::new().unwrap();
    let block = "encoder = ['conv 3x3, 8, stride 2', { residual = ['leaky-relu (slope 0.3)', 'conv 3x3, 8'] }]\n\
                 decoder = ['conv-transpose 2x2, 1', 'sigmoid']";
    let text = builtin()
        .iter()
        .find(|recipe| recipe.name == "conv-denoiser");
    let mut blocks: toml::Table = text.unwrap().text.parse().unwrap();
    let network: toml::Table = format!("family = 'layers'\n{block}").parse().unwrap();
    blocks.insert("network".to_string(), network.into());
    fs::write(folder.path().join("blocks.toml"), blocks.to_string()).unwrap();
    for name in ["conv-vae", "dense-32", "deep-denoise-custom", "blocks.toml"] {
        let table = stdout(folder.path(), &["summary", name, "--quiet"]);
        let lists = stdout(folder.path(), &["summary", name, "--toml"]);
        let mut recipe: toml::Table = match builtin().iter().find(|recipe| recipe.name == name) {
            Some(recipe) => recipe.text.parse().unwrap(),
            None => blocks.clone(),
        };
        recipe.extend(lists.parse::<toml::Table>().unwrap());
        fs::write(folder.path().join("lists.toml"), recipe.to_string()).unwrap();
        let again = stdout(folder.path(), &["summary", "lists.toml", "--quiet"]);
        assert_eq!(again, table, "{lists}");
    }
}

#[test]
fn summary_as_json_holds_the_same_for_a_recipe_a_checkpoint_and_a_run_folder() {
    let folder = TempDir::new().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    let settings = ["network.encoder=[6,5]"];
    let file = write_checkpoint(&run, "dense-32", &settings, [1, 12, 10]);
    fs::copy(&file, run.join("last.safetensors")).unwrap();

    let recipe = json(
        folder.path(),
        &[
            "summary",
            "dense-32",
            "--set",
            settings[0],
            "--set",
            "network.input=[1,12,10]",
        ],
    );
    assert_eq!(recipe["recipe"], "dense-32");
    let summary = &recipe["summary"];
    assert_eq!(summary["input"], serde_json::json!([1, 12, 10]));
    assert_eq!(summary["code"], serde_json::json!([5]));
    let parameters = (120 * 6 + 6) + (6 * 5 + 5) + (5 * 6 + 6) + (6 * 120 + 120);
    assert_eq!(summary["parameters"], parameters);
    for what in [file.as_str(), run.to_str().unwrap()] {
        assert_eq!(json(folder.path(), &["summary", what])["summary"], *summary);
    }
    let shipped = repository("models/conv-denoiser.safetensors");
    let shipped = json(folder.path(), &["summary", shipped.to_str().unwrap()]);
    assert_eq!(shipped["summary"]["parameters"], 314_625);
}

#[test]
fn recipes_lists_every_shipped_recipe_with_its_description() {
    let folder = TempDir::new().unwrap();
    let text = stdout(folder.path(), &["recipes"]);
    // The tutorials' stand below a heading.
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.ends_with(':'))
        .collect();
    assert_eq!(lines.len(), builtin().len());
    for (line, shipped) in lines.into_iter().zip(builtin()) {
        let recipe = Recipe::load(shipped.name, &[]).unwrap();
        assert!(line.starts_with(shipped.name), "{line}");
        assert!(line.ends_with(&recipe.description), "{line}");
    }
    let listed = json(folder.path(), &["recipes"]);
    assert_eq!(listed.as_array().unwrap().len(), builtin().len());
}

#[test]
fn a_printed_recipe_is_a_file_to_train_from_and_its_run_can_be_used() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("idx")).unwrap();
    common::write_idx(&here.join("idx"), 600, 100);
    let text = stdout(
        here,
        &[
            "recipes",
            "dense-32",
            "--set",
            "network.encoder=[8]",
            "--set",
            "training.epochs=2",
            "--set",
            "training.batch_size=50",
            "--set",
            "name=mine",
        ],
    );
    fs::write(here.join("mine.toml"), &text).unwrap();
    let done = json(here, &["train", "mine.toml", "--data", "idx"]);
    assert_eq!(done["recipe"], "mine");
    assert_eq!(done["run"], "runs/mine");
    assert_eq!(done["epochs"], 2);
    // 600 digits less a tenth for validation, 50 a step.
    assert_eq!(done["steps"], 2 * 11);
    assert_eq!(done["test"]["images"], 100);

    let run = here.join("runs/mine");
    for file in [
        "recipe.toml",
        "metrics.jsonl",
        "metrics.csv",
        "last.safetensors",
        "best.safetensors",
        "samples/epoch-002.png",
        "curves.svg",
        "curves.png",
        "environment.json",
    ] {
        assert!(run.join(file).is_file(), "{file}");
    }
    let mut asked = Recipe::load(here.join("mine.toml").to_str().unwrap(), &[]).unwrap();
    let resolved = Recipe::load(run.join("recipe.toml").to_str().unwrap(), &[]).unwrap();
    asked.network.resolve_input([1, 28, 28]).unwrap();
    assert_eq!(resolved, asked);

    let report = json(
        here,
        &["evaluate", "--checkpoint", "runs/mine", "--data", "idx"],
    );
    assert_eq!(report["test"], done["test"], "the best epoch's figures");
    let filters = json(here, &["filters", "-c", "runs/mine", "-o", "filters.png"]);
    assert_eq!(filters["tiles"], 8);
    write_digit(&here.join("seven.png"), 0);
    json(here, &["infer", "-c", "runs/mine", "seven.png"]);
    assert_eq!(size(&here.join("denoised/seven.png")), (28, 28));
}

#[test]
fn a_recipe_comes_from_a_run_folder_or_from_standard_input() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::create_dir_all(here.join("run/empty")).unwrap();
    fs::create_dir(here.join("idx")).unwrap();
    write_idx(&here.join("idx"), 40, 10);
    let small = ["--set", "network.encoder=[6]", "--set", "name=mine"];
    let text = stdout(here, &[&["recipes", "dense-32"], &small[..]].concat());
    fs::write(here.join("run/recipe.toml"), &text).unwrap();
    assert_eq!(stdout(here, &["recipes", "run"]), text);
    let piped = |arguments: &[&str], text: &str| {
        let mut command = autoencode();
        command.current_dir(here).args(arguments).write_stdin(text);
        command.assert()
    };
    piped(&["recipes", "-"], &text)
        .success()
        .stdout(text.clone());
    let named = [&["summary", "dense-32"], &small[..]].concat();
    assert_eq!(stdout(here, &["summary", "run"]), stdout(here, &named));
    piped(&["summary", "-"], &text)
        .success()
        .stdout(stdout(here, &named));
    let train = ["--data", "idx", "--epochs", "1", "--json"];
    let of_run = json(here, &[&["train", "run"], &train[..4]].concat());
    let of_pipe = piped(&[&["train", "-"], &train[..]].concat(), &text).success();
    let of_pipe: Value = serde_json::from_slice(&of_pipe.get_output().stdout).unwrap();
    assert_eq!(
        (&of_run["run"], &of_pipe["run"]),
        (&"runs/mine".into(), &"runs/mine-2".into())
    );
    assert_eq!(of_run["test"], of_pipe["test"]);
    // A run's recipe comes with the place of its data.
    let again = json(here, &["train", "runs/mine", "-o", "again"]);
    assert_eq!(again["test"], of_run["test"]);

    // A run with a checkpoint shows that, or the recipe where a key is changed.
    let weights = stdout(here, &["summary", "runs/mine"]);
    assert_eq!(stdout(here, &["summary", "-c", "runs/mine"]), weights);
    let file = "runs/mine/best.safetensors";
    assert_eq!(stdout(here, &["summary", "--checkpoint", file]), weights);
    let wider = ["summary", "runs/mine", "--set", "network.encoder=[7]"];
    assert!(stdout(here, &wider).contains("dense 7"));
    usage_error(here, &["summary", "-c", "runs/mine", "dense-32"]);
    usage_error(here, &["summary", "-c", "runs/mine", "--set", "seed=2"]);

    for command in ["train", "summary", "recipes", "bench"] {
        let message = refusal(here, &[command, "run/empty"]);
        contains(&message, &["run/empty", "recipe.toml"]);
        let broken = piped(&[command, "-"], "name = ").code(2);
        let message = String::from_utf8(broken.get_output().stderr.clone()).unwrap();
        contains(&message, &["standard input", "TOML", "line 1"]);
    }
    fs::create_dir(here.join("conv-denoiser")).unwrap();
    let told = piped(&["recipes", "conv-denoiser"], "").success();
    let told = String::from_utf8(told.get_output().stderr.clone()).unwrap();
    contains(&told, &["note: ", "./conv-denoiser"]);
}

// bench

#[test]
fn bench_reports_times_rate_and_memory_in_one_line() {
    let folder = TempDir::new().unwrap();
    let set = [
        "--set",
        common::SMALL[0],
        "--set",
        common::SMALL[1],
        "--batch-size",
        "16",
    ];
    let report = json(
        folder.path(),
        &[&["bench", "--steps", "3", "--threads", "1"], &set[..]].concat(),
    );
    assert_eq!(report["recipe"], "conv-denoiser");
    assert_eq!(report["batch_size"], 16);
    assert_eq!(report["steps"], 3);
    assert_eq!(report["threads"], 1);
    let number = |key: &str| report[key].as_f64().unwrap_or_else(|| panic!("{key}"));
    let median = number("ms_per_step_median");
    assert!(number("ms_per_step_min") > 0.0);
    assert!(number("ms_per_step_min") <= median);
    assert!(median <= number("ms_per_step_max"));
    let parts = ["batch", "gradients", "update"].map(|part| number(&format!("ms_{part}_median")));
    assert!(parts.iter().all(|part| (0.0..median).contains(part)) && parts[1] > 0.0);
    let rate = 16.0 / (median / 1e3);
    assert!((number("images_per_second") / rate - 1.0).abs() < 1e-9);
    if cfg!(target_os = "linux") {
        // At least the binary and its sample of digits are in memory.
        assert!(number("peak_memory_mb") > 5.0);
    }
    assert!(names(folder.path()).is_empty(), "bench leaves no files");
}

#[test]
fn the_median_of_an_even_number_of_steps_lies_between_the_middle_ones() {
    let folder = TempDir::new().unwrap();
    let set = ["--set", common::SMALL[0], "--set", common::SMALL[1]];
    let report = json(
        folder.path(),
        &[&["bench", "--steps", "2", "--batch-size", "8"], &set[..]].concat(),
    );
    let number = |key: &str| report[key].as_f64().unwrap();
    let middle = (number("ms_per_step_min") + number("ms_per_step_max")) / 2.0;
    let median = number("ms_per_step_median");
    assert!((median / middle - 1.0).abs() < 1e-9, "{median} {middle}");
}

#[test]
fn bench_times_reconstructions_and_takes_images() {
    let folder = TempDir::new().unwrap();
    write_idx(folder.path(), 60, 20);
    let set = ["--set", "network.encoder=[8]", "--data", "."];
    let report = json(
        folder.path(),
        &[&["bench", "dense-32", "--inference"], &set[..]].concat(),
    );
    assert_eq!(report["images"], 10_000);
    assert_eq!(report["batch_size"], 1000);
    let number = |key: &str| report[key].as_f64().unwrap_or_else(|| panic!("{key}"));
    assert!(0.0 < number("seconds_min") && number("seconds_min") <= number("seconds"));
    assert!(number("seconds") <= number("seconds_max"));

    let steps = ["bench", "dense-32", "--steps", "2", "--batch-size", "10"];
    let report = json(folder.path(), &[&steps[..], &set[..]].concat());
    assert_eq!(report["batch_size"], 10);
    let missing = ["bench", "--data", "nowhere"];
    contains(&refusal(folder.path(), &missing), &["nowhere"]);
    let both = ["bench", "--inference", "--steps", "3"];
    contains(&usage_error(folder.path(), &both), &["--steps"]);
}

#[test]
fn bench_times_the_reference_too() {
    let folder = TempDir::new().unwrap();
    let bench = |arguments: &[&str]| {
        let recipe = ["bench", "conv-denoiser", "--threads", "1"];
        let report = json(folder.path(), &[&recipe[..], arguments].concat());
        let time = ["ms_per_step_min", "seconds_min"].map(|key| report[key].as_f64());
        (report["engine"].clone(), time.into_iter().flatten().sum())
    };
    let small = ["--set", common::SMALL[0], "--set", common::SMALL[1]];
    for timed in [&["--steps", "3"][..], &["--inference"]] {
        let (engine, fast): (_, f64) = bench(&[timed, &small].concat());
        assert_eq!(engine, "fastest");
        let (engine, reference) = bench(&[timed, &small, &["--engine", "autograd"]].concat());
        assert_eq!(engine, "autograd");
        // They take 2 to 5 times as long: something else was timed.
        assert!(reference > 1.2 * fast, "{reference}, {fast}");
    }
    let unknown = ["bench", "--engine", "slowest"];
    contains(
        &usage_error(folder.path(), &unknown),
        &["fastest", "autograd"],
    );
}

#[test]
fn summary_says_which_engine_trains_on_a_cpu() {
    let folder = TempDir::new().unwrap();
    let engine = |arguments: &[&str]| {
        let summary = json(
            folder.path(),
            &[&["summary", "dense-32"], arguments].concat(),
        );
        summary["cpu_engine"].as_str().unwrap().to_string()
    };
    assert_eq!(engine(&[]), "cpu");
    assert_eq!(engine(&["--set", "training.precision=\"f64\""]), "autograd");
}

// filters

/// Checks that a picture shows these weights, by the middle of every weight's square.
fn assert_shows(picture: &Path, tiles: &[Vec<f32>], side: usize, columns: usize, scale: usize) {
    let picture = image::open(picture).unwrap().to_luma8();
    let weights = || tiles.iter().flatten().copied();
    let low = weights().fold(f32::INFINITY, f32::min);
    let high = weights().fold(f32::NEG_INFINITY, f32::max);
    for (place, tile) in tiles.iter().enumerate() {
        let corner = |position: usize| 9 + position * (side * scale + 6);
        let (left, top) = (corner(place % columns), corner(place / columns));
        for (weight, value) in tile.iter().enumerate() {
            let x = left + weight % side * scale + scale / 2;
            let y = top + weight / side * scale + scale / 2;
            let shown = picture.get_pixel(x as u32, y as u32).0[0];
            let expected = (value - low) / (high - low) * 255.0;
            assert!(
                (f32::from(shown) - expected).abs() <= 1.0,
                "tile {place}, weight {weight}: {shown}, expected {expected}"
            );
        }
    }
}

/// The kernels of a layer of the shipped denoiser that read one channel.
fn kernels(layer: &str, channel: usize) -> Vec<Vec<f32>> {
    let path = repository("models/conv-denoiser.safetensors");
    let checkpoint = Checkpoint::read(&path).unwrap();
    let weight = &checkpoint.weights[&format!("{layer}.weight")];
    (0..weight.dim(0).unwrap())
        .map(|filter| {
            let kernel = weight.get(filter).unwrap().get(channel).unwrap();
            kernel.flatten_all().unwrap().to_vec1().unwrap()
        })
        .collect()
}

#[test]
fn filters_draws_the_kernels_of_the_layer_and_channel() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    stdout(here, &["filters", "--output", "first.png"]);
    let first = here.join("first.png");
    // 8 x 4 tiles of 3x3 weights, 16 pixels each.
    assert_eq!(size(&first), (444, 228));
    assert_shows(&first, &kernels("encoder.0", 0), 3, 8, 16);

    for channel in ["0", "5"] {
        let picture = format!("{channel}.png");
        let drawn = json(
            here,
            &[
                "filters",
                "--layer",
                "encoder.3",
                "--channel",
                channel,
                "-o",
                &picture,
            ],
        );
        assert_eq!(drawn["layer"], "encoder.3");
        assert_eq!(drawn["tiles"], 64);
        let picture = here.join(picture);
        assert_eq!(size(&picture), (444, 444), "8 x 8 tiles");
        let channel = channel.parse().unwrap();
        assert_shows(&picture, &kernels("encoder.3", channel), 3, 8, 16);
    }
    assert_ne!(
        fs::read(here.join("0.png")).unwrap(),
        fs::read(here.join("5.png")).unwrap()
    );
    let scale = ["--scale", "2", "-o", "new/small.png"];
    stdout(here, &[&["filters"], &scale[..]].concat());
    assert_eq!(size(&here.join("new/small.png")), (108, 60));
}

#[test]
fn filters_of_a_dense_network_are_images() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let file = write_checkpoint(here, "dense-32", &[], [1, 28, 28]);
    let weights = Checkpoint::read(Path::new(&file)).unwrap().weights;
    let reads = weights["encoder.1.weight"].clone();
    let draws = weights["decoder.0.weight"].t().unwrap();
    for (layer, weights) in [("encoder.1", reads), ("decoder.0", draws)] {
        let picture = format!("{layer}.png");
        let drawn = json(
            here,
            &["filters", "-c", &file, "--layer", layer, "-o", &picture],
        );
        assert_eq!(drawn["tiles"], 32);
        assert_eq!(drawn["height"], 28);
        assert_eq!(drawn["width"], 28);
        assert_shows(&here.join(picture), &weights.to_vec2().unwrap(), 28, 8, 3);
    }
}

#[test]
fn filters_lists_the_layers_that_have_some_where_the_one_asked_for_has_none() {
    let folder = TempDir::new().unwrap();
    for layer in ["encoder.1", "encoder.2", "encoder.99", "encoder", ""] {
        let message = refusal(
            folder.path(),
            &["filters", "--layer", layer, "--output", "filters.png"],
        );
        contains(
            &message,
            &[
                "encoder.0, encoder.3, encoder.6, decoder.0, decoder.3, decoder.6",
                &format!("layer {layer}:"),
            ],
        );
    }
    let channel = ["--layer", "encoder.3", "--channel", "32"];
    let message = refusal(
        folder.path(),
        &[&["filters", "-o", "filters.png"], &channel[..]].concat(),
    );
    contains(&message, &["encoder.3", "0 to 31", "32"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn filters_overwrites_nothing_unasked() {
    let folder = TempDir::new().unwrap();
    let picture = folder.path().join("filters.png");
    fs::write(&picture, "mine").unwrap();
    let arguments = ["filters", "--output", "filters.png"];
    let message = refusal(folder.path(), &arguments);
    contains(&message, &["filters.png", "--force"]);
    assert_eq!(fs::read(&picture).unwrap(), b"mine");
    stdout(folder.path(), &[&arguments[..], &["--force"]].concat());
    assert_eq!(size(&picture), (444, 228));
}

// infer

#[test]
fn infer_takes_every_kind_of_digit_and_gives_one_picture_each() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let report = json(
        here,
        &[
            "infer",
            &digits(),
            "-o",
            "out",
            "--sheet",
            "sheet.png",
            "--npy",
            "out.npy",
        ],
    );
    let written: BTreeSet<String> = names(&here.join("out"))
        .into_iter()
        .map(|name| name.strip_suffix(".png").unwrap().to_string())
        .collect();
    assert_eq!(written, stems());
    let outputs = Tensor::read_npy(here.join("out.npy")).unwrap();
    assert_eq!(outputs.dims(), [stems().len(), 1, 28, 28]);
    assert_eq!(outputs.dtype(), candle_core::DType::F32);

    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), stems().len());
    for (index, file) in files.iter().enumerate() {
        let path = here.join(file["output"].as_str().unwrap());
        assert_eq!(
            Path::new(file["input"].as_str().unwrap()).file_stem(),
            path.file_stem()
        );
        assert!(file["psnr_db"].is_null(), "there is no clean reference");
        let picture = image::open(&path).unwrap();
        assert_eq!((picture.width(), picture.height()), (28, 28));
        // The picture is the array, rounded, and shows something.
        let values = common::values(&outputs.get(index).unwrap());
        let bytes = picture.to_luma8().into_raw();
        for (byte, value) in bytes.iter().zip(&values) {
            assert!((f64::from(*byte) - value * 255.0).abs() <= 0.5001);
        }
        assert!(bytes.iter().max() > bytes.iter().min(), "{path:?}");
    }
    assert_eq!(report["sheet"], "sheet.png");
    let (width, height) = size(&here.join("sheet.png"));
    // Input, fitted and output, four pixels for each of the network's.
    assert!(width > 3 * 28 * 4, "{width}");
    assert!(height as usize > stems().len() * 28 * 4, "{height}");
}

#[test]
fn infer_measures_what_it_gained_over_the_noise_it_added() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let clean: Vec<f32> = write_digit(&here.join("digit.png"), 3)
        .into_iter()
        .map(|byte| f32::from(byte) / 255.0)
        .collect();
    let arguments = ["infer", "digit.png", "--fit", "none", "--noise", "0.5"];
    let text = stdout(here, &[&arguments[..], &["-o", "a"]].concat());
    contains(&text, &["noisy (dB)", "output (dB)", "digit.png"]);
    let report = json(
        here,
        &[&arguments[..], &["-o", "b", "--npy", "b.npy"]].concat(),
    );
    let file = &report["files"][0];
    let noisy = file["noisy_psnr_db"].as_f64().unwrap();
    assert!((8.5..10.5).contains(&noisy), "{noisy} dB");
    let output = Tensor::read_npy(here.join("b.npy")).unwrap();
    let output: Vec<f32> = output.flatten_all().unwrap().to_vec1().unwrap();
    let psnr = file["psnr_db"].as_f64().unwrap();
    assert!((psnr - psnr_db(&output, &clean)).abs() < 1e-3, "{psnr} dB");
    contains(&text, &[&format!("{noisy:.2}"), &format!("{psnr:.2}")]);

    // The noise is that of its key.
    let bytes = |folder: &str| fs::read(here.join(folder).join("digit.png")).unwrap();
    assert_eq!(bytes("a"), bytes("b"));
    stdout(
        here,
        &[&arguments[..], &["-o", "c", "--seed", "2"]].concat(),
    );
    assert_ne!(bytes("a"), bytes("c"));
}

#[test]
fn infer_keeps_equal_names_of_different_folders_apart() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    for (place, name) in ["a", "b", "c"].into_iter().enumerate() {
        fs::create_dir(here.join(name)).unwrap();
        write_digit(&here.join(name).join("digit.png"), place);
    }
    let report = json(here, &["infer", "a", "b/digit.png", "c", "-o", "out"]);
    let pairs: Vec<(&str, &str)> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                file["input"].as_str().unwrap(),
                file["output"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        pairs,
        [
            ("a/digit.png", "out/digit.png"),
            ("b/digit.png", "out/digit-2.png"),
            ("c/digit.png", "out/digit-3.png"),
        ]
    );
    let contents: BTreeSet<Vec<u8>> = pairs
        .iter()
        .map(|(_, output)| fs::read(here.join(output)).unwrap())
        .collect();
    assert_eq!(contents.len(), 3);
}

#[test]
fn infer_overwrites_nothing_unasked() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_digit(&here.join("one.png"), 2);
    write_digit(&here.join("two.png"), 5);
    fs::create_dir(here.join("out")).unwrap();
    fs::write(here.join("out/two.png"), "mine").unwrap();
    let inputs = ["infer", "one.png", "two.png", "-o", "out"];
    let message = refusal(here, &inputs);
    contains(&message, &["out/two.png", "--force"]);
    assert_eq!(names(&here.join("out")), ["two.png".to_string()].into());
    assert_eq!(fs::read(here.join("out/two.png")).unwrap(), b"mine");

    for (flag, name) in [("--sheet", "sheet.png"), ("--npy", "array.npy")] {
        fs::write(here.join(name), "mine").unwrap();
        let message = refusal(here, &["infer", "one.png", "-o", "new", flag, name]);
        contains(&message, &[name, "--force"]);
        assert_eq!(fs::read(here.join(name)).unwrap(), b"mine");
        assert!(!here.join("new").exists());
    }

    stdout(here, &[&inputs[..], &["--force"]].concat());
    assert_eq!(size(&here.join("out/two.png")), (28, 28));
    // Nor its own input.
    let message = refusal(here, &["infer", "one.png", "-o", "."]);
    contains(&message, &["one.png", "one that is read"]);
}

#[test]
fn infer_refuses_a_sheet_or_array_that_would_take_a_results_place() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_digit(&here.join("one.png"), 2);
    for flag in ["--sheet", "--npy"] {
        let message = refusal(
            here,
            &["infer", "one.png", "-o", "out", flag, "out/one.png"],
        );
        contains(&message, &["out/one.png"]);
        assert!(!here.join("out").exists());
    }
}

#[test]
fn infer_makes_the_folders_of_all_that_it_writes() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_digit(&here.join("one.png"), 2);
    let arguments = [
        "infer", "one.png", "-o", "a/b", "--sheet", "c/d.png", "--npy", "e/f.npy",
    ];
    stdout(here, &arguments);
    for file in ["a/b/one.png", "c/d.png", "e/f.npy"] {
        assert!(here.join(file).is_file(), "{file}");
    }
}

#[test]
fn infer_writes_into_denoised_without_being_told_where() {
    let folder = TempDir::new().unwrap();
    let quiet = stdout(folder.path(), &["infer", "--quiet", &digit("9-plain.png")]);
    assert_eq!(quiet, "");
    assert_eq!(
        names(&folder.path().join("denoised")),
        ["9-plain.png".to_string()].into()
    );
}

#[test]
fn infer_does_not_depend_on_what_else_is_passed_in_or_on_threads() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let plain = digit("9-plain.png");
    stdout(here, &["infer", &digits(), "-o", "all", "--threads", "2"]);
    stdout(here, &["infer", &plain, "-o", "one", "--threads", "1"]);
    assert_eq!(
        fs::read(here.join("all/9-plain.png")).unwrap(),
        fs::read(here.join("one/9-plain.png")).unwrap()
    );
}

#[test]
fn infer_fits_pictures_to_a_network_of_another_shape() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let file = write_checkpoint(here, "conv-denoiser", &common::SMALL, [3, 32, 24]);
    stdout(
        here,
        &["infer", "-c", &file, &digit("5-color.png"), "-o", "out"],
    );
    let picture = image::open(here.join("out/5-color.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (24, 32));
    assert_eq!(picture.color().channel_count(), 3);

    let file = write_checkpoint(here, "conv-denoiser", &common::SMALL, [2, 8, 8]);
    let message = refusal(
        here,
        &["infer", "-c", &file, &digit("5-color.png"), "-o", "two"],
    );
    contains(&message, &["channels", "2"]);
}

#[test]
fn infer_refuses_a_wrong_size_with_fit_none_and_says_what_would_fit_it() {
    let folder = TempDir::new().unwrap();
    let small = digit("7-small.png");
    let (width, height) = size(Path::new(&small));
    assert_ne!((width, height), (28, 28));
    let message = refusal(
        folder.path(),
        &["infer", "--fit", "none", &small, "-o", "out"],
    );
    let found = format!("{width} x {height}");
    contains(&message, &["7-small.png", "28 x 28", &found, "--fit"]);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn infer_refuses_what_is_no_picture_by_name_and_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let whole = fs::read(digit("9-plain.png")).unwrap();
    fs::write(here.join("text.png"), "not a picture\n").unwrap();
    fs::write(here.join("empty.png"), "").unwrap();
    fs::write(here.join("half.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(here.join("start.png"), &whole[..20]).unwrap();
    fs::create_dir(here.join("no-pictures")).unwrap();
    fs::write(here.join("no-pictures/notes.txt"), "none here").unwrap();
    let before = names(here);
    for wrong in [
        "missing.png",
        "missing/digit.png",
        "text.png",
        "empty.png",
        "half.png",
        "start.png",
        "no-pictures",
    ] {
        // Beside a sound one, which must not be written either.
        let message = refusal(here, &["infer", &digit("9-plain.png"), wrong, "-o", "out"]);
        contains(&message, &[wrong]);
        assert_eq!(names(here), before, "{wrong}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn infer_takes_file_names_that_are_not_text() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let name = OsStr::from_bytes(b"\xff.png");
    fs::copy(digit("9-plain.png"), folder.path().join(name)).unwrap();
    autoencode()
        .current_dir(folder.path())
        .arg("infer")
        .arg(name)
        .args(["--json", "--sheet", "sheet.png"])
        .assert()
        .success();
    assert!(folder.path().join("denoised").join(name).is_file());
}

// evaluate

#[test]
fn the_noisy_digits_are_as_noisy_as_they_should_be_and_the_denoiser_improves_on_them() {
    let folder = TempDir::new().unwrap();
    let report = json(folder.path(), &["evaluate", "--offline"]);
    assert_eq!(report["recipe"], "conv-denoiser");
    assert_eq!(report["corruption"]["factor"], 0.5);
    let test = &report["test"];
    assert_eq!(test["images"], 2000);
    let number = |part: &str, key: &str| test[part][key].as_f64().unwrap();
    let noisy = number("input", "psnr_db");
    assert!((9.3..9.5).contains(&noisy), "{noisy} dB");
    assert!(number("output", "psnr_db") > noisy);
    assert!(number("output", "mse_per_pixel") < number("input", "mse_per_pixel"));
    assert!(number("output", "bce_per_pixel") < number("input", "bce_per_pixel"));
}

#[test]
fn the_shipped_denoiser_is_as_good_as_it_should_be() {
    let folder = TempDir::new().unwrap();
    let report = json(folder.path(), &["evaluate", "--offline"]);
    let output = &report["test"]["output"];
    let psnr = output["psnr_db"].as_f64().unwrap();
    let bce = output["bce_per_pixel"].as_f64().unwrap();
    assert!(psnr >= 20.0, "{psnr} dB");
    assert!(bce <= 0.0945, "{bce} nats a pixel");
}

#[test]
fn evaluate_takes_other_noise_other_draws_and_other_data() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    common::write_idx(here, 20, 60);
    let evaluate = |more: &[&str]| json(here, &[&["evaluate", "--data", "."], more].concat());
    let usual = evaluate(&[]);
    assert_eq!(usual["test"]["images"], 60);

    let none = evaluate(&["--noise", "0"]);
    assert_eq!(none["corruption"]["kind"], "none");
    assert!(none["test"]["input"].is_null());
    let less = evaluate(&["--noise", "0.25"]);
    let noisy = |report: &Value| report["test"]["input"]["psnr_db"].as_f64().unwrap();
    assert!(noisy(&less) > noisy(&usual) + 4.0);
    assert_ne!(evaluate(&["--seed", "1"])["test"], usual["test"]);
    assert_eq!(evaluate(&["--noise", "0.5"])["test"], usual["test"]);
    for threads in ["1", "2", "3"] {
        assert_eq!(
            evaluate(&["--threads", threads]),
            usual,
            "{threads} threads"
        );
    }

    let table = stdout(here, &["evaluate", "--data", "."]);
    contains(&table, &["noisy input", "output", "PSNR (dB)", "SSIM"]);
    let psnr = format!("{:.2}", noisy(&usual));
    contains(&table, &[&psnr]);
    let table = stdout(here, &["evaluate", "--data", ".", "--noise", "0"]);
    assert!(!table.contains("noisy input"), "{table}");
}

#[test]
fn evaluate_says_on_standard_error_that_the_sample_took_the_full_sets_place() {
    let folder = TempDir::new().unwrap();
    let small = write_checkpoint(
        folder.path(),
        "dense-32",
        &["network.encoder=[2]"],
        [1, 28, 28],
    );
    let arguments = ["evaluate", "--offline", "-c", &small, "--json"];
    autoencode().args(arguments).assert().success().stderr(
        predicate::str::contains("sample of MNIST").and(predicate::str::contains("--data")),
    );
    autoencode()
        .args(arguments)
        .arg("--quiet")
        .assert()
        .success()
        .stderr("");
}

#[test]
fn evaluate_refuses_images_of_another_size_than_the_networks() {
    let folder = TempDir::new().unwrap();
    let file = write_checkpoint(folder.path(), "conv-denoiser", &common::SMALL, [1, 32, 32]);
    common::write_idx(folder.path(), 20, 5);
    let message = refusal(folder.path(), &["evaluate", "-c", &file, "--data", "."]);
    contains(&message, &["1x32x32", "28"]);
}

// wrong use

#[test]
fn help_of_every_command_and_the_version_are_at_hand() {
    for command in COMMANDS {
        autoencode()
            .args([command, "--help"])
            .assert()
            .success()
            .stdout(predicate::str::contains("Usage: autoencode"))
            .stderr("");
    }
    autoencode()
        .arg("--version")
        .assert()
        .success()
        .stdout(predicate::str::contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_command_that_does_not_exist_is_refused() {
    let folder = TempDir::new().unwrap();
    let message = usage_error(folder.path(), &["trian"]);
    contains(&message, &["trian", "train"]);
}

#[test]
fn flags_out_of_range_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    for (arguments, parts) in [
        (
            vec!["train", "--device", "gpu"],
            ["--device", "`gpu`", "cuda:N"],
        ),
        (
            vec!["train", "--device", "cuda:x"],
            ["--device", "cuda:x", "cpu"],
        ),
        (
            vec!["train", "--threads", "0"],
            ["--threads", "0", "from 1 to 1024"],
        ),
        (
            vec!["bench", "--steps", "0"],
            ["--steps", "0", "from 1 to 100000"],
        ),
        (
            vec!["evaluate", "--noise", "-1"],
            ["--noise", "-1", "0 to 100"],
        ),
        (
            vec!["evaluate", "--noise=nan"],
            ["--noise", "nan", "0 to 100"],
        ),
        (vec!["infer"], ["<INPUT>", "required", "infer"]),
        (vec!["filters"], ["--output", "required", "filters"]),
        (
            vec!["train", "--resume", "runs/x", "--seed", "3"],
            ["--resume", "--seed", "cannot be used with"],
        ),
    ] {
        contains(&usage_error(here, &arguments), &parts);
    }
    for (arguments, parts) in [
        (
            vec!["train", "--offline", "--batch-size", "0"],
            ["training.batch_size", "found 0"],
        ),
        (
            vec!["train", "--offline", "--epochs", "0"],
            ["training.epochs", "found 0"],
        ),
        (
            vec!["bench", "--batch-size", "0"],
            ["training.batch_size", "found 0"],
        ),
    ] {
        contains(&refusal(here, &arguments), &parts);
    }
    assert!(names(here).is_empty());
}

#[test]
fn an_unknown_recipe_or_key_is_refused_with_those_that_exist() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    for command in ["train", "summary", "recipes", "bench"] {
        let message = refusal(here, &[command, "conv-denoser"]);
        contains(&message, &["conv-denoser", "conv-denoiser", "dense-32"]);
        let set = ["conv-denoiser", "--set"];
        let message = refusal(
            here,
            &[&[command], &set[..], &["optimizer.rate=1"]].concat(),
        );
        contains(&message, &["rate", "lr", "beta1"]);
        let message = refusal(here, &[&[command], &set[..], &["optimzer.lr=1"]].concat());
        contains(&message, &["optimzer", "optimizer"]);
        let message = refusal(here, &[&[command], &set[..], &["lr"]].concat());
        contains(&message, &["--set", "KEY=VALUE", "`lr`"]);
    }
    fs::write(here.join("broken.toml"), "name = \"x\"\n[network\n").unwrap();
    contains(&refusal(here, &["train", "broken.toml"]), &["broken.toml"]);
    assert_eq!(names(here), ["broken.toml".to_string()].into());
}

/// The tensor cores of a card are all that the other precisions change.
#[test]
fn a_precision_of_a_card_is_f32_on_a_cpu_and_said_to_be() {
    let out = tempfile::tempdir().unwrap();
    let digits = common::digits(60, 20);
    let train = |precision: &str, note: &str| {
        let arguments = [
            "train",
            "dense-32",
            "--data",
            digits.path().to_str().unwrap(),
            "--device",
            "cpu",
            "--epochs",
            "1",
            "--precision",
            precision,
            "--output",
            precision,
        ];
        let mut command = autoencode();
        command.current_dir(out.path()).args(arguments);
        let output = command.assert().success().get_output().stderr.clone();
        let said = String::from_utf8(output).unwrap();
        assert_eq!(
            said.contains("note: all is computed in f32"),
            !note.is_empty(),
            "{said}"
        );
        contains(&said, &[note]);
        let best = out.path().join(precision).join("best.safetensors");
        let best = Checkpoint::read(&best).unwrap();
        let values = best.weights.values().map(common::values);
        (best.recipe.training.precision, values.collect::<Vec<_>>())
    };
    let (_, expected) = train("f32", "");
    for (precision, kept) in [("tf32", Precision::Tf32), ("bf16", Precision::Bf16)] {
        let (found, weights) = train(precision, "kernels for CUDA cards");
        assert_eq!(found, kept);
        assert!(weights == expected, "{precision}");
    }
    let said = refusal(
        out.path(),
        &["train", "dense-32", "--precision", "f16", "--output", "f16"],
    );
    contains(&said, &["training.precision", "tf32", "bf16"]);
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_build_without_cuda_names_the_build_that_has_it() {
    let folder = TempDir::new().unwrap();
    for command in ["train", "evaluate", "bench"] {
        let message = refusal(folder.path(), &[command, "--device", "cuda"]);
        contains(
            &message,
            &["--device cuda", "--features cuda", "--device cpu"],
        );
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_folder_that_is_no_run_cannot_be_resumed() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("empty")).unwrap();
    for run in ["empty", "missing"] {
        let message = refusal(here, &["train", "--offline", "--resume", run]);
        contains(&message, &[run, "last.safetensors"]);
    }
    fs::write(here.join("empty/last.safetensors"), "damaged").unwrap();
    let message = refusal(here, &["train", "--offline", "--resume", "empty"]);
    contains(&message, &["empty/last.safetensors"]);
    assert_eq!(names(&here.join("empty")).len(), 1, "nothing is added");
}

#[test]
fn data_that_does_not_exist_is_refused_by_name_and_leaves_no_run() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    for command in ["train", "evaluate"] {
        let message = refusal(here, &[command, "--data", "nowhere"]);
        contains(&message, &["nowhere", "No such file or directory"]);
    }
    assert!(names(here).is_empty(), "{:?}", names(here));
}

#[test]
fn the_cause_of_an_error_is_told_once() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        vec!["evaluate", "--data", "nowhere"],
        vec!["infer", "nowhere.png"],
        vec!["summary", "nowhere.safetensors"],
    ] {
        let message = refusal(folder.path(), &arguments);
        let causes = message.matches("No such file or directory").count();
        assert_eq!(causes, 1, "{message}");
    }
}

#[test]
fn a_file_that_is_no_checkpoint_is_refused_by_every_command_that_reads_one() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::write(here.join("text.safetensors"), "not a checkpoint").unwrap();
    fs::create_dir(here.join("empty")).unwrap();
    let nine = digit("9-plain.png");
    let before = names(here);
    for wrong in ["text.safetensors", "missing.safetensors", "empty"] {
        for arguments in [
            vec!["infer", &nine, "-c", wrong],
            vec!["filters", "-o", "filters.png", "-c", wrong],
            vec!["evaluate", "--offline", "-c", wrong],
            vec!["summary", wrong],
        ] {
            contains(&refusal(here, &arguments), &[wrong]);
        }
    }
    assert_eq!(names(here), before);
}

#[test]
fn a_checkpoint_whose_tensors_do_not_fit_is_refused_with_all_of_them() {
    let folder = TempDir::new().unwrap();
    let path: PathBuf = folder.path().join("wrong.safetensors");
    let recipe = common::recipe("conv-denoiser", &common::SMALL, [1, 28, 28]);
    let mut checkpoint = common::checkpoint(recipe);
    checkpoint.weights.remove("encoder.0.bias");
    let extra = checkpoint.weights["decoder.3.bias"].clone();
    checkpoint.weights.insert("decoder.7.bias".into(), extra);
    checkpoint.write(&path).unwrap();
    let message = refusal(folder.path(), &["summary", "wrong.safetensors"]);
    contains(
        &message,
        &["wrong.safetensors", "`encoder.0.bias`", "`decoder.7.bias`"],
    );
}

// a reader that has gone away

#[test]
fn a_closed_standard_output_ends_quietly() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        vec!["summary"],
        vec!["summary", "--json"],
        vec!["recipes"],
        vec!["recipes", "dense-32"],
        vec!["recipes", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_autoencode"))
            .current_dir(folder.path())
            .args(&arguments)
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(errors, "", "{arguments:?}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn old_names_of_flags_work_with_a_note() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let run = |arguments: &[&str]| {
        let output = common::autoencode_command()
            .current_dir(here)
            .args(arguments)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let digit = repository("assets/digits/9-plain.png");
    let digit = digit.to_str().unwrap();
    let note = run(&["infer", digit, "--add-noise=0.5", "-o", "old"]);
    contains(&note, &["note: --add-noise is the old name of --noise"]);
    let note = run(&["infer", digit, "--noise", "0.5", "-o", "new"]);
    assert!(!note.contains("old name"), "{note}");
    let read = |name: &str| std::fs::read(here.join(name).join("9-plain.png")).unwrap();
    assert_eq!(read("old"), read("new"));
    // After `--` it is a file's name.
    let message = refusal(here, &["infer", "--", "--add-noise"]);
    contains(&message, &["--add-noise", "No such file"]);
}
