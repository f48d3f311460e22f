//! Other data than MNIST, with the real program: colour pictures, arrays, classes, named sets.

use crate::common::{autoencode, contains, refusal, repository, write_idx};
use std::fs;
use std::path::Path;

use autoencode::checkpoint::Checkpoint;
use autoencode::file::Publish;
use autoencode::picture::{Picture, read_picture, write_png};
use autoencode::random::{Purpose, Stream};
use serde_json::Value;
use tempfile::TempDir;

/// Runs the program in a folder and parses what it prints.
fn json(here: &Path, arguments: &[&str]) -> Value {
    let output = autoencode()
        .current_dir(here)
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder of smooth colour pictures of two classes: `count` each, of 64x64 and larger.
fn colour_pictures(folder: &Path, count: u64) {
    for (class, name) in ["cold", "warm"].into_iter().enumerate() {
        fs::create_dir(folder.join(name)).unwrap();
        for index in 0..count {
            let mut stream = Stream::new(class as u64, Purpose::Picture, 0, index);
            let (x, y) = (stream.uniform(), stream.uniform());
            let (height, width) = (
                64 + (index % 3) as usize * 20,
                64 + (index % 2) as usize * 30,
            );
            let mut values = Vec::new();
            for channel in 0..3 {
                let strength = if (channel == 0) == (class == 1) {
                    1.0
                } else {
                    0.3
                };
                for pixel in 0..height * width {
                    let down = (pixel / width) as f64 / height as f64 - y;
                    let across = (pixel % width) as f64 / width as f64 - x;
                    let distance = down * down + across * across;
                    values.push((strength * (-6.0 * distance).exp()) as f32);
                }
            }
            let picture = Picture::new(3, height, width, values).unwrap();
            let file = folder.join(format!("{name}/{index:03}.png"));
            write_png(file, &picture, Publish::New).unwrap();
        }
    }
}

#[test]
fn colour_pictures_of_any_size_train_a_network_that_can_be_used() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("pictures")).unwrap();
    colour_pictures(&here.join("pictures"), 40);
    let settings = [
        "network.encoder=[8,8,8]",
        "network.decoder=[8,8]",
        "corruption.factor=0.1",
        "data.size=64",
        "data.resize=crop",
        "data.test_fraction=0.2",
    ];
    let mut arguments = vec![
        "train",
        "conv-denoiser",
        "--data",
        "pictures",
        "--epochs",
        "2",
    ];
    arguments.extend(["--batch-size", "8", "--output", "run"]);
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let done = json(here, &arguments);
    // 80 pictures: 16 to test, 6 of the 64 left to validate, 8 a step.
    assert_eq!(done["test"]["images"], 16);
    assert_eq!(done["steps"], 2 * 8);
    let rows = fs::read_to_string(here.join("run/metrics.jsonl")).unwrap();
    let losses: Vec<f64> = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap()["train_bce_per_pixel"].as_f64())
        .map(Option::unwrap)
        .collect();
    assert!(losses[1] < losses[0], "{losses:?}");
    let recipe = Checkpoint::read(&here.join("run/best.safetensors"))
        .unwrap()
        .recipe;
    assert_eq!(recipe.network.input(), Some([3, 64, 64]));

    // The recipe in the checkpoint is enough for the same images again.
    let arguments = ["evaluate", "-c", "run", "--data", "pictures"];
    let report = json(here, &arguments);
    assert_eq!(report["test"], done["test"]);
    let origin = report["data"].as_str().unwrap();
    assert_eq!(origin, "64 + 16 images of 3x64x64 from pictures");
    json(
        here,
        &[
            "infer",
            "-c",
            "run",
            "pictures/warm/001.png",
            "--output",
            "out",
        ],
    );
    let result = read_picture(here.join("out/001.png"), 3).unwrap();
    assert_eq!((result.height(), result.width()), (64, 64));

    // Resumed it finds its data by the same recipe, and refuses other pictures.
    fs::remove_file(here.join("pictures/cold/000.png")).unwrap();
    let message = refusal(here, &["train", "--resume", "run", "--data", "pictures"]);
    assert!(message.contains("images of 3x64x64"), "{message}");
}

#[test]
fn classes_are_kept_in_training_and_in_the_checkpoint() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("idx")).unwrap();
    write_idx(&here.join("idx"), 600, 200);
    let data =
        autoencode::data::load(&autoencode::data::Source::Path(here.join("idx")), true).unwrap();
    let count = |images: &autoencode::data::Images| {
        images
            .labels()
            .iter()
            .filter(|label| [0, 1].contains(*label))
            .count()
    };
    let (train, test) = (
        count(&data.train) + count(&data.validation),
        count(&data.test),
    );
    assert!(train > 50 && test > 10);
    let arguments = [
        "train",
        "dense-32",
        "--data",
        "idx",
        "--epochs",
        "1",
        "--batch-size",
        "1",
        "--set",
        "data.classes=[1, 0]",
        "--output",
        "run",
    ];
    let done = json(here, &arguments);
    assert_eq!(done["steps"], train - train / 10);
    assert_eq!(done["test"]["images"], test);
    let recipe = fs::read_to_string(here.join("run/recipe.toml")).unwrap();
    assert!(
        recipe.contains("[data]") && recipe.contains("classes = [1, 0]"),
        "{recipe}"
    );
    let report = json(here, &["evaluate", "-c", "run", "--data", "idx"]);
    assert_eq!(report["test"], done["test"]);
    assert_eq!(
        report["data"],
        format!("{train} + {test} images of 28x28 of classes 1 and 0 from idx")
    );
    // The sample says so too.
    let report = json(here, &["evaluate", "-c", "run", "--data", "sample"]);
    assert_eq!(
        report["data"],
        "the built-in sample of MNIST (2,000 + 400 digits of classes 1 and 0)"
    );

    let message = refusal(
        here,
        &[
            "train",
            "dense-32",
            "--offline",
            "--set",
            "data.classes=[3, 12]",
            "--output",
            "none",
        ],
    );
    for part in [
        "data.classes",
        "0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        "12",
        "no training images",
    ] {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
    assert!(!here.join("none").exists());
}

#[test]
fn classes_are_kept_by_name_where_they_have_names() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    colour_pictures(here, 12);
    let train = |classes: &str, output: &'static str| {
        let set = format!("data.classes={classes}");
        let train = [
            "train",
            "dense-32",
            "--data=.",
            "--set=data.size=28",
            "--set=data.channels=1",
        ];
        let rest = ["--epochs=1", "--batch-size=5", "--set", &set, "-o", output];
        [&train[..], &rest]
            .concat()
            .into_iter()
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let arguments = train("[warm]", "run");
    let done = json(
        here,
        &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    assert_eq!(done["test"]["images"], 2);
    let recipe = fs::read_to_string(here.join("run/recipe.toml")).unwrap();
    assert!(recipe.contains("classes = [\"warm\"]"), "{recipe}");
    let encoded = json(
        here,
        &["encode", "-c", "run", "--part=all", "-o", "warm.csv"],
    );
    contains(
        encoded["of"].as_str().unwrap(),
        &["all 12 images of 10 + 2 images of 28x28 of class warm"],
    );
    let table = fs::read_to_string(here.join("warm.csv")).unwrap();
    assert!(
        table.lines().skip(1).all(|row| row.starts_with("1,warm,")),
        "{table}"
    );
    for (classes, found) in [
        ("[hot]", "hot"),
        ("[0, 2]", "2"),
        ("[\"0\"]", "the name \"0\""),
    ] {
        let arguments = train(classes, "none");
        let message = refusal(
            here,
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        contains(
            &message,
            &[
                "data.classes",
                "labels or names of the training images (0 cold, 1 warm)",
                found,
            ],
        );
    }
}

#[test]
fn a_run_without_classes_says_nothing_of_data() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    write_idx(here, 30, 10);
    json(
        here,
        &[
            "train", "dense-32", "--data", ".", "--epochs", "1", "--output", "run",
        ],
    );
    let recipe = fs::read_to_string(here.join("run/recipe.toml")).unwrap();
    assert!(!recipe.contains("data"), "{recipe}");
    let bytes = fs::read(here.join("run/best.safetensors")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("test_fraction"), "the checkpoint's recipe");
}

#[test]
fn arrays_of_numpy_train_a_network() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let file = |name: &str| {
        let path = repository(&format!("tests/data/npy/{name}"));
        path.to_str().unwrap().to_string()
    };
    for (name, images, run) in [
        ("set_compressed.npz", 8, "npz"),
        ("colour_nhwc.npy", 1, "npy"),
    ] {
        let path = file(name);
        let arguments = [
            "train", "dense-32", "--data", &path, "--epochs", "1", "--output", run,
        ];
        let done = json(here, &arguments);
        assert_eq!(done["test"]["images"], images, "{name}");
    }
    let message = refusal(
        here,
        &["evaluate", "-c", "npz", "--data", &file("objects.npy")],
    );
    contains(&message, &["objects.npy", "x.astype('float32')"]);
    let message = refusal(
        here,
        &["train", "--data", &file("set.npz"), "--set", "data.size=28"],
    );
    assert!(
        message.contains("data.size") && message.contains("4x5"),
        "{message}"
    );
    assert!(!here.join("runs").exists());
}

#[test]
fn more_than_256_classes_keep_their_names_in_codes_and_plots() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    for class in 0..300 {
        let inside = here.join(format!("many/class {class:03}"));
        fs::create_dir_all(&inside).unwrap();
        let picture = Picture::new(1, 2, 2, vec![class as f32 / 300.0; 4]).unwrap();
        write_png(inside.join("0.png"), &picture, Publish::New).unwrap();
    }
    let many = ["--data", "many"];
    json(
        here,
        &[
            &["train", "vae-2d", "--epochs", "1", "--output", "run"],
            &many[..],
        ]
        .concat(),
    );
    let encode = |file: &str| {
        let encode = ["encode", "-c", "run", "--part", "all", "-o", file];
        json(here, &[&encode[..], &many].concat());
        fs::read(here.join(file)).unwrap()
    };
    let table = String::from_utf8(encode("codes.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next().unwrap(), "label,class,code_0,code_1");
    let mut labels = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let label: u16 = fields[0].parse().unwrap();
        assert_eq!(fields[1], format!("class {label:03}"));
        labels.push(label);
    }
    // As integers of two bytes, which hold the largest.
    assert_eq!(labels.iter().max(), Some(&299));
    let bytes: Vec<u8> = labels
        .iter()
        .flat_map(|label| label.to_le_bytes())
        .collect();
    encode("codes.npy");
    let array = fs::read(here.join("codes-labels.npy")).unwrap();
    assert!(String::from_utf8_lossy(&array).contains("'<u2'") && array.ends_with(&bytes));
    let tensors = encode("codes.safetensors");
    assert!(String::from_utf8_lossy(&tensors).contains(r#""dtype":"U16","shape":[300]"#));
    assert!(tensors.ends_with(&bytes));
    // A file of codes with a column `class` is read again, and drawn with its names.
    json(here, &["decode", "codes.csv", "-c", "run", "-o", "decoded"]);
    json(
        here,
        &[
            &["plot", "codes", "-c", "run", "-o", "codes.svg"],
            &many[..],
        ]
        .concat(),
    );
    let chart = fs::read_to_string(here.join("codes.svg")).unwrap();
    assert!(chart.contains(">class "), "{chart}");
}

/// Why there is no data set of the hub with --offline.
#[cfg(feature = "hub")]
const WHY: &str = "--offline forbids a download";
#[cfg(not(feature = "hub"))]
const WHY: &str = "this build has no download";

#[test]
fn mnist_without_the_hub_is_the_sample_and_says_so() {
    let folder = TempDir::new().unwrap();
    let arguments = ["train", "dense-32", "--offline", "--epochs", "1"];
    let output = autoencode()
        .current_dir(folder.path())
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    contains(
        &String::from_utf8(output.stdout).unwrap(),
        &["the built-in sample of MNIST (10,000 + 2,000 digits)"],
    );
    let message = String::from_utf8(output.stderr).unwrap();
    contains(
        &message,
        &[
            "note: using the built-in sample",
            WHY,
            "70,000",
            "--data DIR",
        ],
    );
}

#[test]
fn fashion_mnist_without_the_hub_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let fashion = ["--set", "data.set=fashion-mnist"];
    let offline = [&["train", "--offline"][..], &fashion].concat();
    let message = refusal(here, &offline);
    contains(
        &message,
        &["Fashion-MNIST", "--data DIR", "dataset-fashion-mnist", WHY],
    );
    // A hub that nobody listens for, and a cache with nothing in it.
    let output = autoencode()
        .current_dir(here)
        .args(["train"])
        .args(fashion)
        .env_remove("HF_HUB_OFFLINE")
        .env("HF_ENDPOINT", "http://127.0.0.1:9")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("--data DIR"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    // Its files are taken like any others, whatever the set is called.
    write_idx(here, 30, 10);
    let done = [
        &["train", "dense-32", "--data", ".", "--epochs", "1"][..],
        &fashion,
    ]
    .concat();
    json(here, &done);
}

/// Runs the program and returns what it says beside its result.
fn remarks(here: &Path, arguments: &[&str]) -> String {
    let output = autoencode()
        .current_dir(here)
        .args(arguments)
        .arg("--json")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The short training of a network on data.
const SHORT: [&str; 6] = [
    "train",
    "dense-32",
    "--epochs=1",
    "--batch-size=2000",
    "-o",
    "run",
];

#[test]
fn a_run_on_a_set_by_its_name_finds_it_again() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let said = remarks(here, &[&SHORT[..], &["--data", "sample"]].concat());
    assert!(!said.contains("note"), "{said}");
    let recipe = fs::read_to_string(here.join("run/recipe.toml")).unwrap();
    contains(&recipe, &["[data]", "set = \"sample\""]);
    for arguments in [
        &["train", "--resume", "run", "--epochs=2"][..],
        &["train", "--resume", "run", "--epochs=3", "--data=sample"],
        &["evaluate", "-c", "run"],
        &["evaluate", "-c", "run", "--data", "sample"],
    ] {
        let said = remarks(here, arguments);
        assert!(!said.contains("note"), "{arguments:?}: {said}");
    }
    let report = json(here, &["evaluate", "-c", "run"]);
    let sample = "the built-in sample of MNIST (10,000 + 2,000 digits)";
    assert_eq!(report["data"], sample);
    // The same images under another name are no other data.
    let mnist = [
        "train",
        "--resume=run",
        "--epochs=4",
        "--data=mnist",
        "--offline",
    ];
    let said = remarks(here, &mnist);
    contains(&said, &["note: using the built-in sample", WHY]);
}

#[test]
fn a_set_by_its_name_is_that_of_the_recipe() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let set = ["--set", "data.set=fashion-mnist"];
    // The name on the command line stands before that of the recipe.
    let mnist = [&SHORT[..], &set, &["--data", "mnist", "--offline"]].concat();
    contains(&remarks(here, &mnist), &["note: using the built-in sample"]);
    let recipe = fs::read_to_string(here.join("run/recipe.toml")).unwrap();
    assert!(!recipe.contains("[data]"), "{recipe}");
    let by_name = refusal(here, &["train", "--offline", "--data", "fashion-mnist"]);
    let by_recipe = refusal(here, &[&["train", "--offline"][..], &set].concat());
    assert_eq!(by_name, by_recipe);
}

#[test]
fn every_command_that_takes_data_takes_a_name() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let commands = [
        &["evaluate"][..],
        &["encode", "-o", "codes.npy", "--force"],
        &["plot", "codes", "--force"],
        &["bench", "dense-32", "--steps=1"],
        &["reproduce", "activations", "--force"],
    ];
    for command in commands {
        let with = |data| [command, &["--data", data]].concat();
        let said = remarks(here, &with("sample"));
        assert!(!said.contains("note"), "{command:?}: {said}");
        let message = refusal(here, &with("minst"));
        contains(
            &message,
            &["--data", "mnist, fashion-mnist, sample", "`minst`"],
        );
        refusal(here, &with("fashion-mnist"));
    }
    let message = refusal(here, &["bench", "ellipse-sigmoid", "--data", "sample"]);
    contains(&message, &["--data", "data.points", "sample"]);
}

#[test]
fn a_path_that_reads_like_a_set_is_told_from_it() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("sample")).unwrap();
    write_idx(&here.join("sample"), 60, 20);
    let bench = ["bench", "dense-32", "--steps=1"];
    let evaluate = |data| ["evaluate", "--data", data];
    for command in [
        &evaluate("sample")[..],
        &[&bench[..], &["--data=sample"]].concat(),
    ] {
        let said = remarks(here, command);
        let note =
            "note: --data sample is the built-in sample of MNIST; the path is --data ./sample\n";
        assert_eq!(said, note);
        let quiet = remarks(here, &[command, &["--quiet"]].concat());
        assert_eq!(quiet, "");
    }
    for path in ["./sample", "sample/"] {
        assert_eq!(remarks(here, &evaluate(path)), "");
        let report = json(here, &evaluate(path));
        assert_eq!(
            report["data"],
            format!("60 + 20 images of 28x28 from {path}")
        );
    }
}
