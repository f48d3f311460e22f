//! `autoencode train`.

mod begin;
mod paste;
mod report;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use autoencode::device::Chosen;
use autoencode::train::{Ending, Environment, Interrupt, RunFolder, SaveEvery, Trainer};
use clap::Args;

use super::data::Data;
use super::progress::Progress;
use super::shared::Shared;
use crate::cli::wording::{FORCE, PRECISION, SET};
use paste::to_go_on;
use report::{conclude, introduce, why_early};

/// Train an autoencoder; without a recipe, the convolutional denoiser for MNIST digits.
///
/// Writes a run folder with the resolved recipe, metrics, curves, a picture per epoch, best.safetensors for use
/// and last.safetensors for --resume. Ctrl-C finishes the current step, saves and stops.
///
/// --force replaces the run in --output, or in runs/RECIPE: when the new one is ready to start, it removes what a run
/// writes there and nothing else: best, last, previous and damaged.safetensors, recipe.toml, metrics.csv and .jsonl,
/// curves.png and .svg, report.json, environment.json, samples/epoch-NNN.png. It is refused while another process
/// trains there.
#[derive(Debug, Args)]
pub struct Train {
    /// A recipe: a name (see `autoencode recipes`), a TOML file, a run folder (whose data is the default of --data),
    /// or `-` for standard input.
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

    #[arg(long, value_name = "TYPE", help = PRECISION)]
    precision: Option<String>,

    /// Seed of everything random: initial weights, order, noise (seed).
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    #[arg(long = "set", value_name = "KEY=VALUE", help = SET)]
    settings: Vec<String>,

    /// Folder for the run, new or empty [default: runs/RECIPE, runs/RECIPE-2, ...].
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    #[arg(long, help = FORCE)]
    force: bool,

    /// Resume a run, given by its folder or the last.safetensors in it, on the data that it was trained on;
    /// --epochs extends it, even if it has finished. A cosine schedule then follows the new length.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["recipe", "batch_size", "precision", "seed", "output", "force"])]
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
        let ended = self.train(&mut trainer, &mut folder, &chosen, shared, &interrupt);
        // Without a save there is nothing to resume, and the folder is free for another try.
        if ended.is_err() && !folder.is_saved() {
            folder.discard();
        }
        ended
    }

    fn train(
        &self,
        trainer: &mut Trainer,
        folder: &mut RunFolder,
        chosen: &Chosen,
        shared: &Shared,
        interrupt: &Interrupt,
    ) -> Result<ExitCode> {
        introduce(trainer, chosen, shared)?;
        folder.clear()?;
        let device = format!("{} ({})", chosen.name, chosen.reason);
        let mut environment = Environment::start(
            &device,
            rayon::current_num_threads(),
            folder.path(),
            &trainer.dataset().origin,
        );
        folder.write_environment(&environment)?;

        let mut progress = Progress::new(shared, trainer);
        let ending = trainer.run(Some(folder), &|| interrupt.requested(), &mut |event| {
            progress.show(&event)
        });
        drop(progress);
        let ending = ending.with_context(|| self.how_to_go_on(folder, shared))?;
        environment.finish(&chosen.device);
        folder.write_environment(&environment)?;
        if ending == Ending::Stopped {
            shared.remark(&self.where_stopped(trainer, folder, shared));
            return Ok(ExitCode::from(interrupt.exit_code()));
        }
        if ending == Ending::StoppedEarly {
            shared.remark(&why_early(trainer));
        }
        conclude(trainer, folder, chosen, shared)?;
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

    /// The advice for a run that ended with an error.
    fn how_to_go_on(&self, folder: &RunFolder, shared: &Shared) -> String {
        match folder.is_saved() && folder.last().is_file() {
            true => format!(
                "the run stopped; what is saved goes on with `{}`",
                to_go_on(self, folder, shared)
            ),
            false => "the run stopped".to_string(),
        }
    }

    /// Where a run was when it was stopped.
    fn where_stopped(&self, trainer: &Trainer, folder: &RunFolder, shared: &Shared) -> String {
        let at = trainer.progress();
        let place = match trainer.ending() {
            None => format!("in epoch {} after step {}", at.epoch + 1, at.step),
            Some(_) => "after the last epoch, before the report".to_string(),
        };
        let command = to_go_on(self, folder, shared);
        format!("stopped {place}; everything is saved. To go on: {command}")
    }
}
