//! `autoencode train`.

mod begin;
mod report;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use autoencode::train::{Ending, Environment, Interrupt, RunFolder, SaveEvery, Trainer};
use clap::Args;

use super::data::Data;
use super::progress::Progress;
use super::shared::Shared;
use report::{conclude, introduce, why_early};

/// Train an autoencoder; without a recipe, the convolutional denoiser for MNIST digits.
///
/// Writes a run folder with the resolved recipe, metrics, curves, a picture per epoch, best.safetensors for use
/// and last.safetensors for --resume. Ctrl-C finishes the current step, saves and stops.
#[derive(Debug, Args)]
pub struct Train {
    /// A recipe by name (see `autoencode recipes`) or a TOML file.
    #[arg(default_value = "conv-denoiser")]
    recipe: String,

    #[command(flatten)]
    data: Data,

    /// Number of passes over the training set (training.epochs).
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,

    /// Samples per step (training.batch_size).
    #[arg(long, value_name = "N")]
    batch_size: Option<u32>,

    /// Number type: f32; f64; or tf32 or bf16, which use the tensor cores of a CUDA device for products
    /// (training.precision).
    #[arg(long, value_name = "TYPE")]
    precision: Option<String>,

    /// Seed of everything random: initial weights, order, noise (seed).
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Set any key of the recipe, for example --set optimizer.lr=3e-4; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Folder for the run, new or empty [default: runs/RECIPE, runs/RECIPE-2, ...].
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Resume a run from its last checkpoint; --epochs extends it, even if it has finished. A cosine schedule
    /// then follows the new length.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "batch_size", "precision", "seed", "output"])]
    resume: Option<PathBuf>,

    /// Steps between saves for --resume [default: every 5 minutes, and after each epoch].
    #[arg(long, value_name = "STEPS")]
    checkpoint_every: Option<NonZeroU64>,
}

impl Train {
    pub fn run(&self, shared: &Shared) -> Result<ExitCode> {
        let chosen = shared.device_to_name()?;
        let interrupt = Interrupt::install()?;
        let begun = match &self.resume {
            Some(run) => self.resume(run, &chosen, shared, &interrupt)?,
            None => self.start(&chosen, shared, &interrupt)?,
        };
        let Some((mut trainer, mut folder)) = begun else {
            return Ok(ExitCode::from(interrupt.exit_code()));
        };
        if let Some(steps) = self.checkpoint_every {
            folder.save_every(SaveEvery::Steps(steps));
        }
        introduce(&mut trainer, &chosen, shared)?;
        let device = format!("{} ({})", chosen.name, chosen.reason);
        let mut environment = Environment::start(&device, shared.threads(), folder.path());
        folder.write_environment(&environment)?;

        let mut progress = Progress::new(shared, &trainer);
        let ending = trainer.run(Some(&mut folder), &|| interrupt.requested(), &mut |event| {
            progress.show(&event)
        });
        drop(progress);
        let ending = ending.with_context(|| how_to_go_on(&folder))?;
        environment.finish(&chosen.device);
        folder.write_environment(&environment)?;
        if ending == Ending::Stopped {
            shared.remark(&where_stopped(&trainer, &folder));
            return Ok(ExitCode::from(interrupt.exit_code()));
        }
        if ending == Ending::StoppedEarly {
            shared.remark(&why_early(&trainer));
        }
        conclude(&trainer, &folder, &chosen, shared)?;
        Ok(match interrupt.requested() {
            true => ExitCode::from(interrupt.exit_code()),
            false => ExitCode::SUCCESS,
        })
    }

    /// The recipe settings, including those with their own flags.
    fn settings(&self) -> Vec<String> {
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let flags = [
            ("training.epochs", number(self.epochs)),
            ("training.batch_size", number(self.batch_size)),
            ("seed", self.seed.map(|seed| seed.to_string())),
            ("training.precision", self.precision.clone()),
        ];
        let flags = flags.into_iter();
        let flags = flags.filter_map(|(key, value)| Some(format!("{key}={}", value?)));
        self.settings.iter().cloned().chain(flags).collect()
    }
}

/// The advice for a run that ended with an error.
fn how_to_go_on(folder: &RunFolder) -> String {
    let path = folder.path().display();
    match folder.last().is_file() {
        true => format!(
            "the run stopped; what is saved goes on with `autoencode train --resume {path}`"
        ),
        false => "the run stopped".to_string(),
    }
}

/// Where a run was when it was stopped.
fn where_stopped(trainer: &Trainer, folder: &RunFolder) -> String {
    let at = trainer.progress();
    let place = match trainer.ending() {
        None => format!("in epoch {} after step {}", at.epoch + 1, at.step),
        Some(_) => "after the last epoch, before the report".to_string(),
    };
    format!(
        "stopped {place}; everything is saved. To go on: autoencode train --resume {}",
        folder.path().display()
    )
}
