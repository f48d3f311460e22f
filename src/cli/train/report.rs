//! Messages before and after training.

use anyhow::{Context, Result};
use autoencode::checkpoint::Checkpoint;
use autoencode::codes::Mixture;
use autoencode::data::counted;
use autoencode::device::Chosen;
use autoencode::train::{RunFolder, Trainer};
use serde_json::json;

use super::super::evaluate::quality_table;
use super::super::output::{duration, figure, one_line, print_json, say};
use super::super::shared::Shared;
use super::paste::next;
use crate::cli::part::Part;

/// The opening lines: the number of epochs, the estimated time and how to shorten it; the data, network
/// and device.
pub fn introduce(trainer: &mut Trainer, chosen: &Chosen, shared: &Shared) -> Result<()> {
    let step = trainer.time_step()?.as_secs_f64();
    let recipe = trainer.recipe();
    let progress = trainer.progress();
    let epochs = recipe.training.epochs;
    let steps = trainer.steps_per_epoch();
    // Validation is a forward pass, about a third of a training step's work per image.
    let data = trainer.dataset();
    let images = trainer.samples_per_epoch() as f64 + data.validation.len() as f64 / 3.0;
    let epoch_seconds = step * images / recipe.training.batch_size as f64;
    let left = (epochs - progress.epoch.min(epochs)) as f64
        - progress.position as f64 / steps.max(1) as f64;
    let name = &recipe.name;
    let length = format!(
        "{} of {}",
        counted(epochs, "epochs"),
        counted(trainer.samples_per_epoch(), recipe.data.noun()),
    );
    let left = duration(epoch_seconds * left.max(0.0));
    let line = match (trainer.ending(), progress.step) {
        (Some(_), _) => format!("{name}: {length}, done (--epochs N makes the run longer)"),
        (None, 0) if epochs > 1 => format!(
            "{name}: {length}, about {left} (--epochs 1 takes {})",
            duration(epoch_seconds)
        ),
        (None, 0) => format!("{name}: {length}, about {left}"),
        (None, step) => format!(
            "resuming {name} in epoch {} after step {step}: {length}, about {left} left",
            progress.epoch + 1
        ),
    };
    let samples = match recipe.corruption.is_none() {
        true => format!("data: {}", data.origin),
        false => format!("data: {}, {}", data.origin, recipe.corruption),
    };
    let network = format!(
        "network: {}, batches of {}, on {} ({})",
        counted(trainer.model().summary().parameters, "parameters"),
        recipe.training.batch_size,
        chosen.name,
        match chosen.name.as_str() {
            "cpu" => format!(
                "{}; {}",
                counted(rayon::current_num_threads(), "threads"),
                chosen.reason
            ),
            _ => chosen.reason.clone(),
        },
    );
    if shared.talks() {
        say(&line);
        say(&samples);
        say(&network);
    }
    for note in trainer.notes() {
        shared.note(note);
    }
    shared.note_origin(trainer.dataset());
    if let Some(note) = trainer.fewer_components(None) {
        shared.note(note);
    }
    Ok(())
}

/// Why the run ended before its last epoch.
pub fn why_early(trainer: &Trainer) -> String {
    let (at, training) = (trainer.progress(), trainer.recipe().training);
    let best = at.best.map_or(0, |best| best.epoch);
    format!(
        "stopped early after epoch {} of {}: no lower validation loss since epoch {best} \
         (training.patience = {})",
        at.epoch,
        training.epochs,
        training.patience.unwrap_or(0),
    )
}

/// The closing lines: test figures of the best epoch, the files, and commands to try next.
pub fn conclude(
    trainer: &Trainer,
    folder: &RunFolder,
    chosen: &Chosen,
    shared: &Shared,
) -> Result<()> {
    let (path, recipe, at) = (folder.path(), trainer.recipe(), trainer.progress());
    let best = Checkpoint::read(&folder.best()).context("the best epoch cannot be read back")?;
    let network = best.inference(&folder.best(), &chosen.device)?;
    let report = trainer.evaluate(&network, Part::Test.measured())?;
    let code_len = network.model().code_shape().iter().product();
    let mixture = Mixture::of(&best, code_len, &folder.best())?;
    let fewer = trainer.fewer_components(mixture.as_ref());
    if let Some(note) = fewer
        .clone()
        .filter(|note| trainer.fewer_components(None).as_ref() != Some(note))
    {
        shared.note(note);
    }
    let summary = json!({
        "run": path.to_string_lossy(),
        "recipe": recipe.name,
        "epochs": at.epoch,
        "stopped_early": at.epoch < recipe.training.epochs,
        "steps": at.step,
        "best_epoch": at.best.map(|best| best.epoch),
        "best_validation_loss": at.best.map(|best| best.loss),
        "sampling": mixture.map(|mixture| json!({
            "components": mixture.components(),
            "fewer_because": fewer,
        })),
        "test": report,
    });
    folder.write_json("report.json", &summary)?;
    if shared.json {
        return print_json(&summary);
    }
    if !shared.talks() {
        return Ok(());
    }
    if let Some(best) = at.best {
        say(&format!(
            "best epoch: {} of {}, validation {} {} {}; on {}:",
            best.epoch,
            at.epoch,
            recipe.objective.label(),
            figure(best.loss),
            recipe.loss_unit(),
            Part::Test.the(report.images, recipe.data.noun()),
        ));
    }
    say(&quality_table(&report, None));
    let pictures = match trainer.dataset().test.are_points() {
        true => "",
        false => ", samples/",
    };
    say(&format!(
        "files in {}: best.safetensors, last.safetensors, metrics.csv, curves.png{pictures}",
        one_line(&path.to_string_lossy())
    ));
    say(&format!("next: {}", next(trainer, path, shared)));
    Ok(())
}
