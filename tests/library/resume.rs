//! A run that was killed at any step, damaged or made longer is the run that it would have been.

use crate::common::{run_files, write_idx};
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::Duration;

use autoencode::checkpoint::Checkpoint;
use autoencode::data::{self, Dataset, Source};
use autoencode::recipe::Recipe;
use autoencode::train::{Ending, Event, Resumable, RunFolder, SaveEvery, Trainer};
use autoencode::{Error, Result};
use candle_core::{Device, Tensor};

/// A few digits in memory: 54 to train on, 6 to validate.
fn dataset() -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    write_idx(folder.path(), 60, 20);
    data::load(&Source::Path(folder.path().to_path_buf()), true).unwrap()
}

/// A dense network, small enough for many epochs a second, with other settings: 4 steps an epoch.
fn tiny(settings: &[&str]) -> Recipe {
    let text = r#"
        name = "tiny"
        network = { family = "dense", encoder = [4] }
        objective = { reconstruction = "bce" }
        training = { epochs = 3, batch_size = 16 }
        optimizer = { kind = "adam", lr = 0.01 }
    "#;
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    Recipe::parse(text, Path::new("tiny.toml"), &settings).unwrap()
}

fn shipped(name: &str, settings: &[&str]) -> Recipe {
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    Recipe::load(name, &settings).unwrap()
}

fn every(steps: u64) -> SaveEvery {
    SaveEvery::Steps(NonZeroU64::new(steps).unwrap())
}

/// Trains in a new folder to the end.
fn whole(recipe: &Recipe, data: &Dataset, run: &Path) -> Ending {
    let mut folder = RunFolder::create(run).unwrap();
    let mut trainer = Trainer::new(recipe.clone(), data.clone(), Device::Cpu).unwrap();
    trainer
        .run(Some(&mut folder), &|| false, &mut |_| {})
        .unwrap()
}

/// Takes a run up from its folder.
fn resumed(run: &Path, data: &Dataset) -> Result<(Trainer, RunFolder, Vec<String>)> {
    let Resumable {
        folder,
        checkpoint,
        file,
        notes,
        ..
    } = Resumable::open(run)?;
    let trainer = Trainer::resume(checkpoint, &file, data.clone(), Device::Cpu)?;
    Ok((trainer, folder, notes))
}

/// Takes a run up and trains it to its end; returns the notes.
fn go_on(run: &Path, data: &Dataset) -> Vec<String> {
    let (mut trainer, mut folder, notes) = resumed(run, data).unwrap();
    trainer
        .run(Some(&mut folder), &|| false, &mut |_| {})
        .unwrap();
    notes
}

/// Goes on until the given number of steps is done in this process, and drops everything then, as a kill
/// does: nothing is saved on the way out.
fn killed_after(steps: usize, mut trainer: Trainer, mut folder: RunFolder) {
    let mut done = 0;
    let end = catch_unwind(AssertUnwindSafe(|| {
        trainer.run(Some(&mut folder), &|| false, &mut |event| {
            done += usize::from(matches!(event, Event::Step { .. }));
            if done == steps {
                // Without the message of a panic.
                resume_unwind(Box::new("killed"));
            }
        })
    }));
    assert!(end.is_err(), "ended before step {steps}");
}

/// A run of so many steps, in one go and killed after each of these, leaves the same files.
fn assert_survives_kills(
    name: &str,
    recipe: &Recipe,
    data: &Dataset,
    steps: usize,
    kills: impl IntoIterator<Item = usize>,
) {
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("whole");
    whole(recipe, data, &run);
    let expected = run_files(&run);
    let last = Checkpoint::read(&run.join("last.safetensors")).unwrap();
    assert_eq!(last.progress.step, steps as u64, "{name}");
    for kill in kills {
        let run = out.path().join(kill.to_string());
        let mut folder = RunFolder::create(&run).unwrap();
        folder.save_every(every(3));
        let trainer = Trainer::new(recipe.clone(), data.clone(), Device::Cpu).unwrap();
        killed_after(kill, trainer, folder);
        // A second kill, soon after.
        let (trainer, folder, _) = resumed(&run, data).unwrap();
        let left = steps as u64 - trainer.progress().step;
        killed_after(left.min(2) as usize, trainer, folder);
        assert_eq!(go_on(&run, data), [""; 0]);
        for (file, content) in &expected {
            assert!(
                run_files(&run).get(file) == Some(content),
                "{name}, killed after step {kill}: {file} differs"
            );
        }
    }
}

#[test]
fn every_optimizer_and_schedule_survives_kills() {
    let data = dataset();
    let schedules = [
        "{kind='step', every=1, gamma=0.5, warmup_steps=2}",
        "{kind='step', every=5, unit='steps', gamma=0.7}",
        "{kind='cosine', final_fraction=0.1, warmup_steps=3}",
        "{kind='constant'}",
    ];
    let optimizers = [
        "{kind='sgd', lr=0.5}",
        "{kind='sgd', lr=0.1, momentum=0.9, nesterov=true, clip_norm=0.1}",
        "{kind='rmsprop', lr=0.01}",
        "{kind='rmsprop', lr=0.01, momentum=0.5, epsilon_inside=true}",
        "{kind='adadelta', lr=1.0}",
        "{kind='adam', lr=0.01}",
        "{kind='adamw', lr=0.01, weight_decay=0.1}",
    ];
    for (optimizer, schedule) in optimizers.iter().zip(schedules.iter().cycle()) {
        let recipe = tiny(&[
            &format!("optimizer={optimizer}"),
            &format!("schedule={schedule}"),
        ]);
        // Within an epoch, after one, in the second, and at the last step.
        assert_survives_kills(optimizer, &recipe, &data, 12, [2, 4, 7, 12]);
    }
}

#[test]
fn every_family_survives_a_kill_at_any_step() {
    let data = dataset();
    for (name, settings) in [
        (
            "conv-denoiser",
            &["network.encoder=[4,8]", "network.decoder=[8]"][..],
        ),
        (
            "vae",
            &[
                "network.encoder=[16]",
                "network.latent=3",
                "data.binarization=every-epoch",
                "objective.elbo.warmup_steps=5",
                "sampling.components=2",
            ],
        ),
        ("dense-32", &["training.report_every=2"]),
    ] {
        let settings = [
            settings,
            &["training.epochs=3", "training.batch_size=16"][..],
        ];
        let recipe = shipped(name, &settings.concat());
        assert_survives_kills(name, &recipe, &data, 12, 1..=12);
    }
}

#[test]
fn a_run_on_points_in_f64_survives_a_kill_at_any_step() {
    let recipe = shipped(
        "ellipse-leaky",
        &["training.epochs=8", "training.report_every=3"],
    );
    let points = Source::Points(recipe.data.points.unwrap());
    let data = data::load(&points, true).unwrap();
    assert_survives_kills("ellipse-leaky", &recipe, &data, 8, 1..=8);
}

#[test]
fn a_long_epoch_is_saved_by_the_clock_too() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    for (hours, saved) in [(0, 2), (1, 0)] {
        let run = out.path().join(hours.to_string());
        let mut folder = RunFolder::create(&run).unwrap();
        folder.save_every(SaveEvery::Time(Duration::from_secs(3600 * hours)));
        let trainer = Trainer::new(tiny(&[]), data.clone(), Device::Cpu).unwrap();
        killed_after(3, trainer, folder);
        let run = Resumable::open(&run).unwrap();
        assert_eq!(run.checkpoint.progress.step, saved);
    }
}

/// Settings under which no weight moves after two epochs, and the run stops when its patience is used up.
const STALLING: [&str; 4] = [
    "optimizer={kind='sgd', lr=0.5}",
    "schedule={kind='step', every=2, gamma=1e-30}",
    "training.epochs=9",
    "training.patience=3",
];

#[test]
fn a_run_that_stops_early_does_so_after_a_kill_at_any_step() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let recipe = tiny(&STALLING);
    assert_eq!(
        whole(&recipe, &data, &out.path().join("run")),
        Ending::StoppedEarly
    );
    assert_survives_kills("patience", &recipe, &data, 20, 1..=20);
    let patient = tiny(&[&STALLING[..], &["training.patience=8"]].concat());
    assert_eq!(
        whole(&patient, &data, &out.path().join("other")),
        Ending::Finished
    );
}

/// Takes a run up with changed settings and trains it to its end.
fn extend(run: &Path, data: &Dataset, settings: &[&str]) -> Result<Ending> {
    let (mut trainer, mut folder, _) = resumed(run, data)?;
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    trainer.change(&settings)?;
    trainer.run(Some(&mut folder), &|| false, &mut |_| {})
}

#[test]
fn a_run_that_is_made_longer_is_the_longer_run() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let folder = |name: &str| out.path().join(name);
    // Finished; finished with its best epoch long ago; stopped early.
    for (name, settings, change) in [
        ("finished", &["training.epochs=2"][..], "training.epochs=5"),
        (
            "stalled",
            &[&STALLING[..], &["training.patience=99"]].concat(),
            "training.epochs=11",
        ),
        ("stopped", &STALLING[..], "training.patience=5"),
    ] {
        let run = folder(name);
        whole(&tiny(settings), &data, &run);
        extend(&run, &data, &[change]).unwrap();
        let longer = folder(&format!("{name}-longer"));
        whole(&tiny(&[settings, &[change][..]].concat()), &data, &longer);
        assert_same(name, &run_files(&run), &run_files(&longer));
    }
}

fn assert_same(name: &str, left: &BTreeMap<String, Vec<u8>>, right: &BTreeMap<String, Vec<u8>>) {
    assert!(left.keys().eq(right.keys()), "{name}");
    for (file, content) in left {
        assert!(&right[file] == content, "{name}: {file} differs");
    }
}

#[test]
fn a_longer_run_goes_on_with_the_rates_of_a_cosine_of_its_length() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let settings = |epochs: &'static str| ["schedule={kind='cosine'}", epochs];
    let (run, longer) = (out.path().join("run"), out.path().join("longer"));
    whole(&tiny(&settings("training.epochs=2")), &data, &run);
    extend(&run, &data, &["training.epochs=4"]).unwrap();
    whole(&tiny(&settings("training.epochs=4")), &data, &longer);
    let rates = |run: &Path| -> Vec<f64> {
        let rows = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let rate = |row| {
            serde_json::from_str::<serde_json::Value>(row).unwrap()["learning_rate"]
                .as_f64()
                .unwrap()
        };
        rows.lines().map(rate).collect()
    };
    let (run, longer) = (rates(&run), rates(&longer));
    assert_eq!(run.len(), 4);
    assert!(run[1] < longer[1] / 2.0, "{run:?} {longer:?}");
    assert_eq!(run[2..], longer[2..]);
}

#[test]
fn only_the_length_of_a_run_can_be_changed() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    whole(&tiny(&[]), &data, &run);
    let before = run_files(&run);
    for (setting, parts) in [
        ("optimizer.lr=1", ["--set", "training.epochs"]),
        ("training.batch_size=8", ["--set", "training.epochs"]),
        ("seed=9", ["--set", "training.epochs"]),
        ("training.epochs=2", ["training.epochs", "at least 3"]),
        ("training.patience=0", ["training.patience", "1 to"]),
        ("training.epoch=4", ["training", "epoch"]),
    ] {
        let error = extend(&run, &data, &[setting]).unwrap_err();
        assert!(error.is_input(), "{setting}: {error}");
        for part in parts {
            assert!(error.to_string().contains(part), "{setting}: {error}");
        }
    }
    assert_same("refused", &run_files(&run), &before);
}

/// Flips one bit in the middle of a file.
fn damage(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// A run of three epochs, killed in its third, and one in one go.
fn killed_and_whole(data: &Dataset, out: &Path) -> (std::path::PathBuf, BTreeMap<String, Vec<u8>>) {
    let (run, reference) = (out.join("run"), out.join("whole"));
    whole(&tiny(&[]), data, &reference);
    let trainer = Trainer::new(tiny(&[]), data.clone(), Device::Cpu).unwrap();
    killed_after(10, trainer, RunFolder::create(&run).unwrap());
    (run, run_files(&reference))
}

#[test]
fn a_damaged_last_checkpoint_gives_way_to_the_one_before() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let (run, expected) = killed_and_whole(&data, out.path());
    let last = run.join("last.safetensors");
    damage(&last);
    let damaged = fs::read(&last).unwrap();
    let notes = go_on(&run, &data);
    assert_eq!(notes.len(), 1, "{notes:?}");
    for part in [
        "last.safetensors",
        "damaged or changed",
        "previous.safetensors",
        "epoch 2 after step 4",
    ] {
        assert!(notes[0].contains(part), "{notes:?}");
    }
    assert_eq!(fs::read(run.join("damaged.safetensors")).unwrap(), damaged);
    fs::remove_file(run.join("damaged.safetensors")).unwrap();
    assert_same("fallback", &run_files(&run), &expected);
}

#[test]
fn a_kill_between_the_renamings_leaves_a_run_that_goes_on() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let (run, expected) = killed_and_whole(&data, out.path());
    let last = run.join("last.safetensors");
    fs::rename(&last, run.join("previous.safetensors")).unwrap();
    // And what such a kill leaves unfinished.
    fs::write(run.join(".autoencode-x1y2.part"), "half").unwrap();
    fs::write(run.join("samples/.autoencode-x1y2.part"), "half").unwrap();
    let notes = go_on(&run, &data);
    for part in ["No such file", "going on from previous.safetensors"] {
        assert!(notes[0].contains(part), "{notes:?}");
    }
    assert_same("renamings", &run_files(&run), &expected);
}

#[test]
fn a_run_without_a_sound_checkpoint_is_refused_and_left_as_it_is() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let (run, _) = killed_and_whole(&data, out.path());
    damage(&run.join("last.safetensors"));
    damage(&run.join("previous.safetensors"));
    let before = run_files(&run);
    let error = Resumable::open(&run).unwrap_err();
    assert!(error.is_input());
    assert!(
        error.to_string().contains("previous.safetensors"),
        "{error}"
    );
    assert_same("refused", &run_files(&run), &before);
}

#[test]
fn a_checkpoint_of_a_newer_version_is_not_passed_over() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let (run, _) = killed_and_whole(&data, out.path());
    let last = run.join("last.safetensors");
    let text = fs::read(&last).unwrap();
    let mark = br#"\"format\":1,"#;
    let place = text.windows(mark.len()).position(|w| w == mark).unwrap();
    let mut newer = text.clone();
    newer[place + mark.len() - 2] = b'7';
    fs::write(&last, newer).unwrap();
    let error = Resumable::open(&run).unwrap_err();
    assert!(
        matches!(error, Error::NewerFormat { found: 7, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[test]
fn a_lost_best_checkpoint_is_made_again_or_chosen_anew() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let steps = |run: &Path| {
        Checkpoint::read(&run.join("best.safetensors"))
            .unwrap()
            .progress
    };

    // At the end of an epoch that was the best: the same bytes again.
    let finished = out.path().join("finished");
    whole(&tiny(&[]), &data, &finished);
    let expected = run_files(&finished);
    assert_eq!(steps(&finished).best.unwrap().epoch, 3);
    damage(&finished.join("best.safetensors"));
    let notes = go_on(&finished, &data);
    assert!(notes[0].contains("epoch 3 takes its place"), "{notes:?}");
    assert_same("made again", &run_files(&finished), &expected);

    // At the end of another epoch: that one.
    let stalled = out.path().join("stalled");
    whole(&tiny(&STALLING), &data, &stalled);
    assert_eq!(steps(&stalled).best.unwrap().epoch, 2);
    fs::remove_file(stalled.join("best.safetensors")).unwrap();
    let notes = go_on(&stalled, &data);
    assert!(notes[0].contains("epoch 5 takes its place"), "{notes:?}");
    assert_eq!(steps(&stalled).best.unwrap().epoch, 5);
    // The last checkpoint, which was not written again, knows no better.
    let again = Resumable::open(&stalled).unwrap();
    assert_eq!(again.checkpoint.progress.best.unwrap().epoch, 5);
    drop(again);

    // Within an epoch: the next one.
    let within = out.path().join("within");
    let mut folder = RunFolder::create(&within).unwrap();
    folder.save_every(every(1));
    let trainer = Trainer::new(tiny(&STALLING), data.clone(), Device::Cpu).unwrap();
    killed_after(15, trainer, folder);
    damage(&within.join("best.safetensors"));
    let notes = go_on(&within, &data);
    assert!(notes[0].contains("epoch 2 is lost"), "{notes:?}");
    assert_eq!(steps(&within).best.unwrap().epoch, 4);
}

#[test]
fn every_tensor_of_the_optimizer_that_does_not_fit_is_listed() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let (run, _) = killed_and_whole(&data, out.path());
    let last = run.join("last.safetensors");
    let mut checkpoint = Checkpoint::read(&last).unwrap();
    let state = &mut checkpoint.optimizer;
    let short = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
    state.insert("first.encoder.1.bias".into(), short.clone());
    state.insert("third.encoder.1.bias".into(), short);
    state.remove("second.decoder.0.weight");
    checkpoint.write(&last).unwrap();
    let error = resumed(&run, &data).map(drop).unwrap_err().to_string();
    for part in [
        "last.safetensors",
        "`first.encoder.1.bias` is [3] F32, expected [4] F32",
        "`third.encoder.1.bias`, [3] F32, belongs to no variable",
        "`second.decoder.0.weight` is missing",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn progress_that_does_not_fit_the_data_is_refused() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let (run, _) = killed_and_whole(&data, out.path());
    let last = run.join("last.safetensors");
    let sound = Checkpoint::read(&last).unwrap();
    for (epoch, position, step) in [
        (2, 5, 13),
        (2, 0, 9),
        (usize::MAX, 0, 8),
        (2, usize::MAX, 8),
    ] {
        let mut checkpoint = sound.clone();
        checkpoint.progress.epoch = epoch;
        checkpoint.progress.position = position;
        checkpoint.progress.step = step;
        checkpoint.write(&last).unwrap();
        let error = resumed(&run, &data).map(drop).unwrap_err();
        assert!(error.is_input());
        assert!(error.to_string().contains("epochs of 4 steps"), "{error}");
    }
}

#[test]
fn a_run_folder_is_for_one_at_a_time() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let folder = RunFolder::create(&run).unwrap();
    let mut trainer = Trainer::new(tiny(&[]), data.clone(), Device::Cpu).unwrap();
    let mut folder = {
        let mut folder = folder;
        trainer
            .run(Some(&mut folder), &|| true, &mut |_| {})
            .unwrap();
        folder
    };
    let error = Resumable::open(&run).unwrap_err();
    assert!(error.is_input());
    let process = format!("process {} is training in", std::process::id());
    assert!(error.to_string().contains(&process), "{error}");
    trainer
        .run(Some(&mut folder), &|| true, &mut |_| {})
        .unwrap();
    drop(folder);
    Resumable::open(&run).unwrap();
}

/// A network without activations, so that its hidden values can be as large as numbers go.
fn linear() -> Recipe {
    tiny(&[
        "network.activation=linear",
        "network.output_activation=linear",
        "objective.reconstruction=mse",
        "optimizer={kind='adam', lr=0.01}",
    ])
}

#[test]
fn a_gradient_that_is_not_finite_stops_the_run_though_the_loss_is() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let trainer = Trainer::new(linear(), data.clone(), Device::Cpu).unwrap();
    killed_after(5, trainer, RunFolder::create(&run).unwrap());
    let last = run.join("last.safetensors");
    let mut checkpoint = Checkpoint::read(&last).unwrap();
    for (name, value) in [
        ("encoder.1.weight", 1e36),
        ("encoder.1.bias", 0.0),
        ("decoder.0.weight", 1e-28),
        ("decoder.0.bias", 0.0),
    ] {
        let weight = checkpoint.weights.get_mut(name).unwrap();
        *weight = weight.affine(0.0, value).unwrap();
    }
    checkpoint.write(&last).unwrap();
    let before = fs::read(&last).unwrap();
    let (mut trainer, mut folder, _) = resumed(&run, &data).unwrap();
    let error = trainer
        .run(Some(&mut folder), &|| false, &mut |_| {})
        .unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    assert!(
        error.to_string().contains("norm of the gradient is"),
        "{error}"
    );
    assert!(fs::read(&last).unwrap() == before);
}

#[test]
fn a_state_that_is_not_finite_is_not_saved() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    // The optimiser's second moment at infinity: no step moves the weight, and no loss shows it.
    let (run, _) = killed_and_whole(&data, out.path());
    let last = run.join("last.safetensors");
    let mut checkpoint = Checkpoint::read(&last).unwrap();
    let moment = checkpoint.optimizer.get_mut("second.encoder.1.weight");
    let moment = moment.unwrap();
    *moment = moment.affine(0.0, f64::INFINITY).unwrap();
    checkpoint.write(&last).unwrap();
    let before = fs::read(&last).unwrap();
    for every in [every(1), SaveEvery::default()] {
        let (mut trainer, mut folder, _) = resumed(&run, &data).unwrap();
        folder.save_every(every);
        let error = trainer
            .run(Some(&mut folder), &|| false, &mut |_| {})
            .unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("sum of `optimizer.second.encoder.1.weight`"),
            "{message}"
        );
        assert!(fs::read(&last).unwrap() == before);
    }
}

#[test]
fn a_signal_in_the_last_validation_is_heard_and_the_run_ends_when_it_is_resumed() {
    let (data, out) = (dataset(), tempfile::tempdir().unwrap());
    let run = out.path().join("run");
    let mut folder = RunFolder::create(&run).unwrap();
    let mut trainer = Trainer::new(tiny(&[]), data.clone(), Device::Cpu).unwrap();
    let signal = std::cell::Cell::new(false);
    let ending = trainer.run(Some(&mut folder), &|| signal.get(), &mut |event| {
        signal.set(signal.get() || matches!(event, Event::Validating { epoch: 3 }));
    });
    assert_eq!(ending.unwrap(), Ending::Stopped);
    assert_eq!(trainer.ending(), Some(Ending::Finished));
    drop(folder);
    assert_eq!(extend(&run, &data, &[]).unwrap(), Ending::Finished);
}
