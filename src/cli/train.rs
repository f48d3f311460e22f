//! `autoencode train`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use autoencode::Error;
use autoencode::checkpoint::Checkpoint;
use autoencode::data::grouped;
use autoencode::device::Chosen;
use autoencode::evaluate::{Part, Report};
use autoencode::model::Code;
use autoencode::recipe::Recipe;
use autoencode::train::{Ending, Environment, Interrupt, RunFolder, Trainer};
use clap::Args;
use serde_json::json;

use super::evaluate::quality_table;
use super::output::{duration, figure, print_json, say};
use super::progress::Progress;
use super::shared::{Data, Shared};

/// Train an autoencoder; without a recipe, the convolutional denoiser of MNIST digits.
///
/// Leaves a run folder with the resolved recipe, metrics, curves, a picture an epoch,
/// best.safetensors for use and last.safetensors for --resume. Ctrl-C finishes the step and saves.
#[derive(Debug, Args)]
pub struct Train {
    /// A recipe by name (see `autoencode recipes`) or a TOML file.
    #[arg(default_value = "conv-denoiser")]
    recipe: String,

    #[command(flatten)]
    data: Data,

    /// Passes over the training set (training.epochs).
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,

    /// Samples a step (training.batch_size).
    #[arg(long, value_name = "N")]
    batch_size: Option<u32>,

    /// Key of everything random: initial weights, order, noise (seed).
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Set any key of the recipe, as in --set optimizer.lr=3e-4; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Folder for the run, new or empty [default: runs/RECIPE, runs/RECIPE-2, ...].
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Go on with an unfinished run.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "epochs", "batch_size", "seed", "settings", "output"])]
    resume: Option<PathBuf>,
}

impl Train {
    pub fn run(&self, shared: &Shared) -> Result<ExitCode> {
        let chosen = shared.device()?;
        let (mut trainer, mut folder) = match &self.resume {
            Some(run) => self.resume(run, &chosen, shared)?,
            None => self.start(&chosen, shared)?,
        };
        let interrupt = Interrupt::install()?;
        introduce(&mut trainer, &chosen, shared)?;
        let device = format!("{} ({})", chosen.name, chosen.reason);
        let mut environment = Environment::start(&device, shared.threads(), folder.path());
        folder.write_environment(&environment)?;

        let mut progress = Progress::new(shared, &trainer);
        let ending = trainer.run(Some(&mut folder), &|| interrupt.requested(), &mut |event| {
            progress.show(&event)
        });
        progress.finish();
        environment.finish();
        folder.write_environment(&environment)?;
        let ending = ending?;
        match ending {
            Ending::Finished | Ending::StoppedEarly => {
                if ending == Ending::StoppedEarly {
                    shared.remark(&why_early(&trainer));
                }
                conclude(&trainer, &folder, &chosen, shared)?;
                Ok(ExitCode::SUCCESS)
            }
            Ending::Stopped => {
                let at = trainer.progress();
                let place = match trainer.ending() {
                    None => format!("in epoch {} after step {}", at.epoch + 1, at.step),
                    Some(_) => "before a density of the codes was fitted".to_string(),
                };
                shared.remark(&format!(
                    "stopped {place}; everything is saved. To go on: autoencode train --resume {}",
                    folder.path().display()
                ));
                Ok(ExitCode::from(interrupt.exit_code()))
            }
        }
    }

    fn start(&self, chosen: &Chosen, shared: &Shared) -> Result<(Trainer, RunFolder)> {
        let mut settings = self.settings.clone();
        let mut flag = |key: &str, value: Option<u64>| {
            if let Some(value) = value {
                settings.push(format!("{key}={value}"));
            }
        };
        flag("training.epochs", self.epochs.map(u64::from));
        flag("training.batch_size", self.batch_size.map(u64::from));
        flag("seed", self.seed);
        let recipe = Recipe::load(&self.recipe, &settings)?;
        // Before the data is loaded, which may take a while: a folder that cannot be written to is
        // better known at once.
        let folder = match &self.output {
            Some(path) => RunFolder::create(path)?,
            None => RunFolder::create_in(Path::new("runs"), &recipe.name)?,
        };
        let begun = self
            .data
            .load(&recipe.data, shared)
            .and_then(|dataset| Trainer::new(recipe, dataset, chosen.device.clone()));
        match begun {
            Ok(trainer) => {
                folder.write_recipe(trainer.recipe())?;
                Ok((trainer, folder))
            }
            Err(error) => {
                folder.discard();
                Err(error.into())
            }
        }
    }

    fn resume(&self, run: &Path, chosen: &Chosen, shared: &Shared) -> Result<(Trainer, RunFolder)> {
        let last = run.join("last.safetensors");
        if !last.is_file() {
            return Err(Error::file(run, "a run folder with last.safetensors", "none").into());
        }
        let checkpoint = Checkpoint::read(&last)?;
        let folder =
            RunFolder::reopen(run, checkpoint.progress.epoch, checkpoint.recipe.objective)?;
        let dataset = self.data.load(&checkpoint.recipe.data, shared)?;
        let trainer = Trainer::resume(checkpoint, &last, dataset, chosen.device.clone())?;
        Ok((trainer, folder))
    }
}

/// The first line: which data, how many epochs, about how long, how to shorten it.
fn introduce(trainer: &mut Trainer, chosen: &Chosen, shared: &Shared) -> Result<()> {
    let step = trainer.time_step()?.as_secs_f64();
    let recipe = trainer.recipe();
    let progress = trainer.progress();
    let epochs = recipe.training.epochs;
    let steps = trainer.steps_per_epoch();
    // Validation is a forward pass, about a third of a step's work for each image.
    let data = trainer.dataset();
    let images = trainer.samples_per_epoch() as f64 + data.validation.len() as f64 / 3.0;
    let epoch_seconds = step * images / recipe.training.batch_size as f64;
    let left = (epochs - progress.epoch.min(epochs)) as f64
        - progress.position as f64 / steps.max(1) as f64;
    let shorter = if epochs > 1 && progress.step == 0 {
        format!(" (--epochs 1 takes {})", duration(epoch_seconds))
    } else {
        String::new()
    };
    let line = format!(
        "{}{} on {}: {epochs} epoch{} of {} {}, about {}{shorter}",
        if progress.step > 0 { "resuming " } else { "" },
        recipe.name,
        data.origin,
        if epochs == 1 { "" } else { "s" },
        grouped(trainer.samples_per_epoch()),
        recipe.data.noun(),
        duration(epoch_seconds * left.max(0.0)),
    );
    let parameters = trainer.model().summary().parameters;
    let network = format!(
        "{} parameters, batches of {}, {}, on {} ({})",
        grouped(parameters),
        recipe.training.batch_size,
        recipe.corruption,
        chosen.name,
        match chosen.name.as_str() {
            "cpu" => format!("{} threads; {}", shared.threads(), chosen.reason),
            _ => chosen.reason.clone(),
        },
    );
    if shared.talks() {
        say(&line);
        say(&network);
    }
    shared.note_origin(trainer.dataset());
    Ok(())
}

/// Why the run ended before its last epoch.
fn why_early(trainer: &Trainer) -> String {
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

/// The last lines: the figures of the best epoch on the test set, the files, what to type next.
fn conclude(trainer: &Trainer, folder: &RunFolder, chosen: &Chosen, shared: &Shared) -> Result<()> {
    let path = folder.path().display();
    let best = Checkpoint::read(&folder.best()).context("the best epoch cannot be read back")?;
    let model = best.model(&folder.best(), &chosen.device)?;
    let report: Report = trainer.evaluate(&model, Part::Test)?;
    let summary = json!({
        "run": folder.path(),
        "recipe": trainer.recipe().name,
        "epochs": trainer.progress().epoch,
        "stopped_early": trainer.progress().epoch < trainer.recipe().training.epochs,
        "steps": trainer.progress().step,
        "best_epoch": trainer.progress().best.map(|best| best.epoch),
        "best_validation_loss": trainer.progress().best.map(|best| best.loss),
        "test": report,
    });
    folder.write_json("report.json", &summary)?;
    if shared.json {
        return print_json(&summary);
    }
    if !shared.talks() {
        return Ok(());
    }
    if let Some(best) = trainer.progress().best {
        say(&format!(
            "best epoch: {} of {}, validation {} {} {}; on the {} test {}:",
            best.epoch,
            trainer.progress().epoch,
            trainer.recipe().objective.label(),
            figure(best.loss),
            trainer.recipe().loss_unit(),
            grouped(report.images),
            trainer.recipe().data.noun(),
        ));
    }
    say(&quality_table(&report, None));
    let pictures = match trainer.dataset().test.are_points() {
        true => "",
        false => ", samples/",
    };
    say(&format!(
        "files in {path}: best.safetensors, last.safetensors, metrics.csv, curves.png{pictures}"
    ));
    say(&format!("next: {}", next_command(trainer, folder.path())));
    Ok(())
}

/// What to do with the network.
fn next_command(trainer: &Trainer, run: &Path) -> String {
    let run = run.display();
    if trainer.dataset().test.are_points() {
        return format!("autoencode summary {run}");
    }
    let has_prior = matches!(trainer.model().code(), Code::Gaussian { .. });
    if has_prior || trainer.recipe().sampling.is_some() {
        return format!("autoencode sample --checkpoint {run} --grid samples.png");
    }
    let digits = match Path::new("assets/digits").is_dir() {
        true => "assets/digits",
        false => "DIGIT.png",
    };
    let (name, folder) = match trainer.recipe().corruption.evaluated().is_none() {
        true => ("reconstructed.png", "reconstructed"),
        false => ("denoised.png", "denoised"),
    };
    format!("autoencode infer --checkpoint {run} {digits} --output {folder} --sheet {name}")
}
