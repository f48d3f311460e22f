//! The density of the codes through training and the program: fitted when a run is over, drawn from by
//! `sample`.

use crate::common::{self, autoencode, write_idx};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use autoencode::checkpoint::Checkpoint;
use autoencode::codes::Mixture;
use autoencode::data::{self, Source};
use autoencode::recipe::Recipe;
use autoencode::train::{Ending, Event, RunFolder, Trainer};
use candle_core::Device;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

const TINY_VAE: [&str; 4] = [
    "network.encoder=[32]",
    "network.latent=4",
    "data.binarization=every-epoch",
    "training.epochs=2",
];

fn digits(train: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_idx(folder.path(), train, 50);
    folder
}

/// Trains through the program; returns what it printed on standard error.
fn train(data: &Path, run: &Path, recipe: &str, settings: &[&str]) -> String {
    let mut command = autoencode();
    command.args(["train", recipe]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.arg("--data").arg(data).arg("--output").arg(run);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The bytes of the first pictures that `sample` draws, and its JSON.
fn sample(checkpoint: &Path, arguments: &[&str]) -> (Vec<Vec<u8>>, Value) {
    let out = tempfile::tempdir().unwrap();
    let mut command = autoencode();
    command.args(["sample", "--json", "--count", "4", "--checkpoint"]);
    command.arg(checkpoint).args(arguments).arg("--output");
    let output = command.arg(out.path().join("new")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = report["files"].as_array().unwrap().iter();
    let pictures = files.map(|file| fs::read(file.as_str().unwrap()).unwrap());
    (pictures.collect(), report)
}

fn mixture(file: &Path, dim: usize) -> Option<Mixture> {
    Mixture::of(&Checkpoint::read(file).unwrap(), dim, file).unwrap()
}

/// A copy of a checkpoint as it was before there were densities.
fn without_mixture(file: &Path, copy: PathBuf) -> PathBuf {
    let mut checkpoint = Checkpoint::read(file).unwrap();
    checkpoint.sampling.clear();
    checkpoint.recipe.sampling = None;
    checkpoint.write(&copy).unwrap();
    copy
}

#[test]
fn a_vae_is_sampled_from_its_mixture_or_from_its_prior() {
    let (data, out) = (digits(400), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let settings = [&TINY_VAE[..], &["sampling.components=5"]].concat();
    let told = train(data.path(), &run, "vae", &settings);
    assert!(
        told.contains("a mixture of 5 Gaussians to the codes of 360 training images"),
        "{told}"
    );
    let best = run.join("best.safetensors");
    assert_eq!(mixture(&best, 4).unwrap().components(), 5);
    assert_eq!(mixture(&run.join("last.safetensors"), 4), None);

    let (from_mixture, report) = sample(&run, &[]);
    assert_eq!(
        (&report["from"], &report["components"]),
        (&"mixture".into(), &5.into())
    );
    let (from_prior, report) = sample(&run, &["--from-prior"]);
    assert_eq!(
        (&report["from"], &report["components"]),
        (&"prior".into(), &Value::Null)
    );
    assert!(from_mixture != from_prior);
    assert!(from_mixture == sample(&run, &[]).0);
    assert!(from_mixture != sample(&run, &["--seed", "2"]).0);

    // A checkpoint without a mixture draws what any did before there were mixtures.
    let old = without_mixture(&best, out.path().join("old.safetensors"));
    let (drawn, report) = sample(&old, &[]);
    assert!(drawn == from_prior);
    assert_eq!(report["from"], "prior");
    for (checkpoint, words) in [(&run, "the density of its codes"), (&old, "the prior")] {
        autoencode()
            .args(["sample", "--force", "--sheet"])
            .arg(out.path().join("grid.png"))
            .arg("--checkpoint")
            .arg(checkpoint)
            .assert()
            .success()
            .stdout(contains(format!("64 samples from {words} ->")));
    }
}

#[test]
fn a_mixture_is_of_the_codes_that_the_network_gives_the_training_images() {
    let (data, out) = (digits(400), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let settings = [
        "network.encoder=[3]",
        "training.epochs=2",
        "sampling.components=1",
    ];
    train(data.path(), &run, "dense-32", &settings);
    let best = run.join("best.safetensors");
    let model = Checkpoint::read(&best)
        .unwrap()
        .model(&best, &Device::Cpu)
        .unwrap();
    let images = data::load(&Source::Path(data.path().to_path_buf()), true)
        .unwrap()
        .train;
    let batch = images.batch(&images.indices(), &Device::Cpu).unwrap();
    let codes = common::values(&model.encode(&batch).unwrap());
    // One Gaussian has the mean and the variances of the codes.
    let mixture = mixture(&best, 3).unwrap();
    let (mean, factor) = (
        mixture.means().next().unwrap(),
        mixture.factors().next().unwrap(),
    );
    let count = images.len() as f64;
    for place in 0..3 {
        let values = || codes.iter().skip(place).step_by(3);
        let expected = values().sum::<f64>() / count;
        assert!((mean[place] - expected).abs() < 1e-4 * expected.abs().max(1.0));
        let expected = values()
            .map(|value| (value - expected).powi(2))
            .sum::<f64>()
            / count;
        let row = &factor[3 * place..3 * place + 3];
        let found: f64 = row.iter().map(|value| value * value).sum();
        assert!(
            (found / expected - 1.0).abs() < 1e-3,
            "{found} and {expected}"
        );
    }
}

#[test]
fn the_codes_of_a_vae_are_drawn_from_their_distributions() {
    let (data, out) = (digits(1000), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let settings = [
        "network.encoder=[16]",
        "network.latent=2",
        "training.epochs=1",
    ];
    train(
        data.path(),
        &run,
        "vae",
        &[&settings[..], &["sampling.components=1"]].concat(),
    );
    let best = run.join("best.safetensors");
    let model = Checkpoint::read(&best)
        .unwrap()
        .model(&best, &Device::Cpu)
        .unwrap();
    let images = data::load(&Source::Path(data.path().to_path_buf()), true)
        .unwrap()
        .train;
    let batch = images.batch(&images.indices(), &Device::Cpu).unwrap();
    let posterior = model.posterior(&batch).unwrap();
    let means = common::values(&posterior.mean);
    let variances = common::values(&posterior.log_variance.exp().unwrap());
    let mixture = mixture(&best, 2).unwrap();
    let factor = mixture.factors().next().unwrap();
    let count = images.len() as f64;
    for place in 0..2 {
        let of = |values: &[f64], value: &dyn Fn(f64) -> f64| {
            let own = values.iter().skip(place).step_by(2);
            own.map(|&one| value(one)).sum::<f64>() / count
        };
        let mean = of(&means, &|value| value);
        let between = of(&means, &|value| (value - mean).powi(2));
        let within = of(&variances, &|value| value);
        let row = &factor[2 * place..2 * place + 2];
        let found: f64 = row.iter().map(|value| value * value).sum();
        // Neither part is small, and the mixture has both.
        let ratio = found / (between + within);
        assert!((ratio - 1.0).abs() < 0.15, "{found}, {between}, {within}");
        assert!(within > 0.3 * (between + within), "{between}, {within}");
    }
}

#[test]
fn plain_networks_are_sampled_where_they_have_a_mixture() {
    let (data, out) = (digits(200), tempfile::tempdir().unwrap());
    for (recipe, sizes) in [
        ("dense-32", &["network.encoder=[4]"][..]),
        // A code of shape 2x7x7.
        (
            "conv-denoiser",
            &["network.encoder=[4,4,2]", "network.decoder=[4,4]"],
        ),
    ] {
        let run = out.path().join(recipe);
        let settings = [sizes, &["training.epochs=1", "sampling.components=50"]].concat();
        let notes = train(data.path(), &run, recipe, &settings);
        let (drawn, report) = sample(&run, &[]);
        assert_eq!(drawn.len(), 4);
        // 180 images are enough for 18 components, or one of 98 dimensions.
        let (most, each) = if recipe == "dense-32" {
            (18, 10)
        } else {
            (1, 98)
        };
        assert!(report["components"].as_u64().unwrap() <= most, "{report}");
        let reason = format!("each takes {each} training images or more, and the fit has 180");
        assert!(
            notes.contains(&reason) && notes.contains("instead of 50"),
            "{notes}"
        );
        let kept = fs::read_to_string(run.join("report.json")).unwrap();
        let kept: Value = serde_json::from_str(&kept).unwrap();
        let kept = &kept["sampling"];
        assert_eq!(kept["components"], report["components"]);
        assert!(
            kept["fewer_because"].as_str().unwrap().contains(&reason),
            "{kept}"
        );

        let old = without_mixture(
            &run.join("best.safetensors"),
            out.path().join("old.safetensors"),
        );
        let refused = |checkpoint: &Path, flag: &[&str]| {
            let mut command = autoencode();
            command.args(["sample", "--sheet", "never.png"]).args(flag);
            command.arg("--checkpoint").arg(checkpoint).assert().code(2)
        };
        refused(&run, &["--from-prior"]).stderr(contains("variational").and(contains(recipe)));
        refused(&old, &[]).stderr(contains("sampling.components").and(contains(recipe)));
    }
}

#[test]
fn without_a_checkpoint_the_shipped_variational_network_is_sampled() {
    let out = tempfile::tempdir().unwrap();
    let sample = |arguments: &[&str], sheet: &str| {
        let mut command = autoencode();
        command
            .current_dir(out.path())
            .args(["sample", "--count", "4", "--sheet", sheet]);
        let output = command
            .args(arguments)
            .assert()
            .success()
            .get_output()
            .clone();
        String::from_utf8(output.stderr).unwrap()
    };
    let notes = sample(&[], "shipped.png");
    assert!(
        notes.contains("models/conv-vae.safetensors") && notes.contains("--checkpoint"),
        "{notes}"
    );
    let file = common::repository("models/conv-vae.safetensors");
    assert!(!sample(&["-c", file.to_str().unwrap()], "named.png").contains("conv-vae"));
    let read = |name: &str| fs::read(out.path().join(name)).unwrap();
    assert_eq!(read("shipped.png"), read("named.png"));
    let message = common::refusal(out.path(), &["decode", "--manifold", "plane.png"]);
    common::contains(
        &message,
        &[
            "autoencode train vae-2d",
            "--checkpoint runs/vae-2d",
            "[128, 7, 7]",
        ],
    );
}

#[test]
fn a_broken_mixture_is_refused_in_one_line_and_other_commands_do_not_mind() {
    let (data, out) = (digits(200), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let settings = [&TINY_VAE[..], &["sampling.components=2"]].concat();
    train(data.path(), &run, "vae", &settings);
    let file = out.path().join("broken.safetensors");
    let mut checkpoint = Checkpoint::read(&run.join("best.safetensors")).unwrap();
    checkpoint.sampling.remove("means");
    checkpoint.write(&file).unwrap();
    let failed = autoencode()
        .args(["sample", "--sheet", "never.png", "--checkpoint"])
        .arg(&file)
        .assert()
        .code(2)
        .stderr(contains("broken.safetensors").and(contains("`sampling.means` [2, 4] is missing")));
    let text = String::from_utf8(failed.get_output().stderr.clone()).unwrap();
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    sample(&file, &["--from-prior"]);
}

fn recipe(settings: &[&str]) -> Recipe {
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    Recipe::load("vae", &settings).unwrap()
}

#[test]
fn a_run_stopped_during_the_fit_keeps_its_files_and_fits_when_it_is_resumed() {
    let data = digits(200);
    let recipe = recipe(&[&TINY_VAE[..], &["sampling.components=5"]].concat());
    let load = || data::load(&Source::Path(data.path().to_path_buf()), true).unwrap();
    let out = tempfile::tempdir().unwrap();
    // In one go, counting how often it asks whether to stop.
    let mut whole = RunFolder::create(&out.path().join("whole")).unwrap();
    let asked = Cell::new(0);
    let mut asked_in_fit = 0;
    let mut trainer = Trainer::new(recipe.clone(), load(), Device::Cpu).unwrap();
    let ending = trainer.run(
        Some(&mut whole),
        &|| {
            asked.set(asked.get() + 1);
            false
        },
        &mut |event| {
            if let Event::Density {
                round: 0,
                codes,
                components,
            } = event
            {
                assert_eq!((codes, components), (180, 5));
                asked_in_fit = asked.get();
            }
        },
    );
    assert_eq!(ending.unwrap(), Ending::Finished);
    assert!(asked.get() > asked_in_fit + 2);

    // Stopped before the codes are computed, and after a round.
    for (name, after) in [("codes", asked_in_fit + 1), ("rounds", asked_in_fit + 3)] {
        let mut folder = RunFolder::create(&out.path().join(name)).unwrap();
        let mut trainer = Trainer::new(recipe.clone(), load(), Device::Cpu).unwrap();
        let asked = Cell::new(0);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() >= after
        };
        let ending = trainer.run(Some(&mut folder), &stop, &mut |_| {}).unwrap();
        assert_eq!(ending, Ending::Stopped);
        assert_eq!(trainer.ending(), Some(Ending::Finished));
        assert!(
            Checkpoint::read(&folder.best())
                .unwrap()
                .sampling
                .is_empty()
        );

        let last = Checkpoint::read(&folder.last()).unwrap();
        let mut trainer = Trainer::resume(last, &folder.last(), load(), Device::Cpu).unwrap();
        let ending = trainer
            .run(Some(&mut folder), &|| false, &mut |_| {})
            .unwrap();
        assert_eq!(ending, Ending::Finished);
        assert!(fs::read(folder.best()).unwrap() == fs::read(whole.best()).unwrap());

        // Once more there is nothing left to do.
        let mut fits = 0;
        let mut count = |event: Event| fits += usize::from(matches!(event, Event::Density { .. }));
        trainer
            .run(Some(&mut folder), &|| false, &mut count)
            .unwrap();
        assert_eq!(fits, 0);
    }
}

#[test]
fn a_run_without_a_folder_fits_nothing() {
    let data = digits(100);
    let recipe = recipe(&[&TINY_VAE[..], &["sampling.components=5"]].concat());
    let dataset = data::load(&Source::Path(data.path().to_path_buf()), true).unwrap();
    let mut trainer = Trainer::new(recipe, dataset, Device::Cpu).unwrap();
    let mut fits = 0;
    let mut count = |event: Event| fits += usize::from(matches!(event, Event::Density { .. }));
    assert_eq!(
        trainer.run(None, &|| false, &mut count).unwrap(),
        Ending::Finished
    );
    assert_eq!(fits, 0);
}
