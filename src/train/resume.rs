//! Resuming a run, whatever ended it.

use std::path::{Path, PathBuf};

use super::earlier::DAMAGED;
use super::edited::edited;
use super::run_folder::RunFolder;
use super::trainer::Trainer;
use crate::checkpoint::{Best, Checkpoint, LAST, PREVIOUS};
use crate::data::Dataset;
use crate::error::with_cause;
use crate::recipe::Recipe;
use crate::{Error, Result, file};
use candle_core::Device;

/// A run that can be resumed: its folder, locked for this process, and its newest sound checkpoint.
#[derive(Debug)]
pub struct Resumable {
    /// The folder, locked.
    pub folder: RunFolder,
    /// The newest sound checkpoint in it.
    pub checkpoint: Checkpoint,
    /// The file the checkpoint was read from.
    pub file: PathBuf,
    /// The recipe that a person left in the folder, for [`Trainer::change_to`]: it differs in nothing but keys
    /// that may change during a run. `None` if it does not differ.
    pub edited: Option<Recipe>,
    /// Each damaged file and its replacement, a sentence each.
    pub notes: Vec<String>,
}

impl Resumable {
    /// Opens a run folder, given by its path or that of its `last.safetensors`. If `last.safetensors` is damaged, it is renamed to `damaged.safetensors` and the
    /// previous checkpoint is used. If `best.safetensors` is damaged, the checkpoint's epoch replaces it;
    /// within an epoch, the next epoch will.
    ///
    /// # Errors
    /// If another process trains in the folder, it cannot be written to, no checkpoint in it is sound, one was
    /// written by a newer version, or the recipe file says what a run that goes on cannot do.
    pub fn open(run: &Path) -> Result<Self> {
        let run = folder_of(run)?;
        if ![LAST, PREVIOUS].iter().any(|name| run.join(name).is_file()) {
            let expected = format!("a run folder with {LAST}");
            return Err(Error::file(run, expected, "none"));
        }
        let mut folder = RunFolder::open(run)?;
        let mut notes = Vec::new();
        match take_up(&mut folder, &mut notes) {
            Ok((checkpoint, file, edited)) => Ok(Self {
                folder,
                checkpoint,
                file,
                edited,
                notes,
            }),
            Err(error) => {
                folder.discard();
                Err(error)
            }
        }
    }
}

/// The run folder for a path: the folder itself, or that of its last checkpoint.
fn folder_of(path: &Path) -> Result<&Path> {
    if !path.is_file() {
        return Ok(path);
    }
    if path.file_name().is_none_or(|name| name != LAST) {
        let expected = format!("a run folder, or the {LAST} in it");
        return Err(Error::file(path, expected, "another file"));
    }
    let folder = path.parent().unwrap_or(path);
    Ok(match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    })
}

fn take_up(
    folder: &mut RunFolder,
    notes: &mut Vec<String>,
) -> Result<(Checkpoint, PathBuf, Option<Recipe>)> {
    let (mut checkpoint, file) = newest(folder, notes)?;
    let edited = edited(&folder.recipe(), &checkpoint.recipe)?;
    folder.read_metrics(checkpoint.progress.epoch, checkpoint.recipe.objective)?;
    restore_best(folder, &mut checkpoint, notes)?;
    Ok((checkpoint, file, edited))
}

/// The last checkpoint, or the previous one if that is damaged or a kill came between two renames.
fn newest(folder: &RunFolder, notes: &mut Vec<String>) -> Result<(Checkpoint, PathBuf)> {
    let last = folder.last();
    let failure = match Checkpoint::read(&last) {
        Ok(checkpoint) => return Ok((checkpoint, last)),
        // Other errors are for the user to fix: no permission, a newer version.
        Err(error) if is_damage(&error) => error,
        Err(error) => return Err(error),
    };
    let previous = folder.previous();
    if !previous.is_file() {
        return Err(failure);
    }
    let checkpoint = Checkpoint::read(&previous)?;
    let at = &checkpoint.progress;
    notes.push(format!(
        "{}; going on from {PREVIOUS}, epoch {} after step {}",
        with_cause(&failure),
        at.epoch + 1,
        at.step
    ));
    // Otherwise the next save would replace the sound checkpoint with it.
    file::move_if_there(&last, &folder.file(DAMAGED))?;
    Ok((checkpoint, previous))
}

/// Makes sure that the best checkpoint exists if there should be one.
fn restore_best(
    folder: &RunFolder,
    checkpoint: &mut Checkpoint,
    notes: &mut Vec<String>,
) -> Result<()> {
    let Some(known) = checkpoint.progress.best else {
        return Ok(());
    };
    let failure = match Checkpoint::read(&folder.best()) {
        Ok(found) => {
            // Another epoch may have become the best since. One later than this checkpoint was saved just
            // before a kill, and will be saved again.
            let done = checkpoint.progress.epoch;
            let there = found.progress.best.filter(|best| best.epoch <= done);
            checkpoint.progress.best = there.or(Some(known));
            return Ok(());
        }
        Err(error) if is_damage(&error) => error,
        Err(error) => return Err(error),
    };
    let at = &checkpoint.progress;
    let row = folder.rows().last().filter(|row| row.epoch == at.epoch);
    let Some(row) = row.filter(|_| at.position == 0) else {
        checkpoint.progress.best = None;
        notes.push(format!(
            "{}; epoch {} is lost as the best one, which is chosen anew from here on",
            with_cause(&failure),
            known.epoch
        ));
        return Ok(());
    };
    let best = Best {
        epoch: row.epoch,
        loss: row.validation_loss,
    };
    checkpoint.progress.best = Some(best);
    let mut weights = checkpoint.clone();
    weights.optimizer.clear();
    weights.write(&folder.best())?;
    notes.push(format!(
        "{}; epoch {} takes its place{}",
        with_cause(&failure),
        best.epoch,
        match best.epoch == known.epoch {
            true => ", whose weights are those of the last checkpoint",
            false => " as the best one",
        }
    ));
    Ok(())
}

/// Whether a file is missing, unreadable, or not as it was written.
fn is_damage(error: &Error) -> bool {
    match error {
        Error::File { .. } | Error::Damaged { .. } | Error::NotACheckpoint { .. } => true,
        Error::Io { source, .. } => source.kind() != std::io::ErrorKind::PermissionDenied,
        _ => false,
    }
}

impl Trainer {
    /// Restores a run from a checkpoint; `origin` names its file in errors.
    ///
    /// # Errors
    /// If the checkpoint does not fit its own recipe or the data; the error lists every tensor that is
    /// missing, unexpected, misshapen or of another type.
    pub fn resume(
        checkpoint: Checkpoint,
        origin: &Path,
        dataset: Dataset,
        device: Device,
    ) -> Result<Self> {
        let keeps_state = !checkpoint.recipe.optimizer.state_names().is_empty();
        if keeps_state && checkpoint.optimizer.is_empty() {
            return Err(Error::file(
                origin,
                format!("a checkpoint to resume from, {LAST}"),
                "one without the optimiser's state",
            ));
        }
        let content = dataset.content();
        if checkpoint.data != content {
            return Err(Error::file(
                origin,
                format!("the data of the run, {} (see --data)", checkpoint.data),
                content,
            ));
        }
        // Check every tensor before anything is changed.
        checkpoint.model(origin, &device)?;
        let kind = checkpoint.recipe.data.kind;
        let mut trainer = Self::new(checkpoint.recipe, dataset, device)?;
        // A run keeps its recipe, also an earlier one that does not say what its images are.
        trainer.recipe.data.kind = kind;
        let at = &checkpoint.progress;
        let steps = trainer.steps_per_epoch();
        // In 128 bits, in which no count of a file can overflow.
        let done = at.epoch as u128 * steps as u128 + at.position as u128;
        if at.position > steps || done != u128::from(at.step) {
            return Err(Error::file(
                origin,
                format!("epochs of {steps} steps"),
                format!(
                    "step {} at step {} of epoch {}",
                    at.step,
                    at.position,
                    at.epoch.saturating_add(1)
                ),
            ));
        }
        trainer
            .engine
            .optimizer_mut()
            .restore(&checkpoint.optimizer, at.step)
            .map_err(|error| match error {
                Error::Argument {
                    expected, found, ..
                } => Error::file(origin, expected, found),
                other => other,
            })?;
        trainer.parameters.set(&checkpoint.weights)?;
        trainer.progress = checkpoint.progress;
        trainer.is_saved = true;
        Ok(trainer)
    }
}
