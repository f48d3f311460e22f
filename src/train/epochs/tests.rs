//! Compares asynchronous steps with steps that are waited for one by one.

use std::cell::Cell;
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;

use candle_core::Device;

use super::*;
use crate::Error;
use crate::data::{Source, load};
use crate::recipe::{NamedSet, Recipe};
use crate::train::SaveEvery;

/// A run of 6 steps an epoch.
fn trainer(in_background: bool, settings: &[&str]) -> Trainer {
    let small = [
        "network.encoder=[9]",
        "training.batch_size=7",
        "training.epochs=2",
    ];
    let settings = [&small, settings].concat();
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    let recipe = Recipe::load("dense-32", &settings).unwrap();
    let mut data = load(&Source::Set(NamedSet::Sample), true).unwrap();
    let first: Vec<u32> = (0..40).collect();
    data.train = data.train.subset(&first).unwrap();
    data.validation = data.validation.subset(&first).unwrap();
    let mut trainer = Trainer::new(recipe, data, Device::Cpu).unwrap();
    if in_background {
        trainer.engine = trainer.engine.in_background();
    }
    trainer
}

/// Trains in a folder until `stop` calls of the stop function; returns the last checkpoint, and the step counts of
/// the step events.
fn train(path: &Path, in_background: bool, every: SaveEvery, stop: usize) -> (Vec<u8>, Vec<u64>) {
    let mut trainer = trainer(in_background, &[]);
    let mut folder = RunFolder::create(path).unwrap();
    folder.save_every(every);
    let asked = Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) >= stop;
    let (mut seen, mut at) = (Vec::new(), 0);
    let mut observe = |event: Event| {
        if let Event::Step { done, .. } = event {
            at += done as u64;
            seen.push(at);
        }
    };
    trainer.run(Some(&mut folder), &stop, &mut observe).unwrap();
    (fs::read(folder.last()).unwrap(), seen)
}

#[test]
fn asynchronous_steps_lead_to_the_same_bits_and_are_seldom_waited_for() {
    let out = tempfile::tempdir().unwrap();
    let run = |name: &str, in_background, steps, stop| {
        let every = SaveEvery::Steps(NonZeroU64::new(steps).unwrap());
        train(&out.path().join(name), in_background, every, stop)
    };
    let never = usize::MAX;
    let (expected, seen) = run("each", false, 100, never);
    assert_eq!(seen, (1..=12).collect::<Vec<_>>());
    let (found, seen) = run("seldom", true, 100, never);
    assert!(found == expected);
    // Only the last step of an epoch has to be waited for.
    assert!(
        seen.len() < 12 && seen.contains(&6) && seen.contains(&12),
        "{seen:?}"
    );
    let (found, seen) = run("saved", true, 4, never);
    assert!(found == expected);
    assert!(
        [4, 6, 8, 12].iter().all(|step| seen.contains(step)),
        "{seen:?}"
    );
    // It asks after every step, and stops there.
    let (expected, _) = run("stopped", false, 100, 2);
    let (found, seen) = run("stopped-seldom", true, 100, 2);
    assert!(found == expected);
    assert_eq!(seen.last(), Some(&3));
}

#[test]
fn asynchronous_steps_end_at_the_one_that_is_not_finite() {
    let diverging = [
        "network.activation='linear'",
        "network.output_activation='linear'",
        "objective.reconstruction='mse'",
        "optimizer={kind='sgd', lr=100}",
    ];
    let [expected, found] = [false, true].map(|in_background| {
        let mut trainer = trainer(in_background, &diverging);
        let error = trainer.run(None, &|| false, &mut |_| {}).unwrap_err();
        let Error::NotFinite { what, step, .. } = error else {
            panic!("{error}");
        };
        let at = trainer.progress();
        assert_eq!((at.step, at.position as u64), (step - 1, (step - 1) % 6));
        assert_eq!(trainer.engine.optimizer().step_count(), at.step);
        let weights = trainer.state(true).unwrap();
        let tensors = weights
            .weights
            .into_values()
            .chain(weights.optimizer.into_values());
        let tensors = tensors.map(|tensor| {
            let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
            values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        });
        (what, step, tensors.collect::<Vec<_>>())
    });
    assert_eq!(found, expected);
}
