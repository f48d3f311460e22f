//! `runs/<recipe>[-N]/`: the files of one run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::earlier;
use super::environment::{ENVIRONMENT, Environment};
use super::lock::Lock;
use super::metrics::{self, EpochMetrics, chart, csv};
use super::save_every::SaveEvery;
use crate::checkpoint::{BEST, Checkpoint, LAST, PREVIOUS};
use crate::file::{self, Publish};
use crate::recipe::{Objective, Recipe};
use crate::run_files::{CURVES, RECIPE, SAMPLES};
use crate::{Error, Result};

/// Whose checkpoint a run folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// None yet.
    Nothing,
    /// That of a run which is to be replaced.
    Earlier,
    /// This run's.
    Own,
}

/// The folder of a run. Only one process at a time can hold it.
///
/// ```
/// use autoencode::train::RunFolder;
///
/// # let temporary = tempfile::tempdir().unwrap();
/// # let runs = temporary.path();
/// # /*
/// let runs = std::path::Path::new("runs");
/// # */
/// let first = RunFolder::create_in(runs, "dense-32")?;
/// let second = RunFolder::create_in(runs, "dense-32")?;
/// assert_eq!(second.path(), runs.join("dense-32-2"));
/// assert_eq!(first.best(), runs.join("dense-32").join("best.safetensors"));
/// // A run is going on in the first: nobody else may write there.
/// assert!(RunFolder::open(first.path()).is_err());
/// # Ok::<(), autoencode::Error>(())
/// ```
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    lock: Lock,
    rows: Vec<EpochMetrics>,
    every: SaveEvery,
    saved: Instant,
    holds: Holds,
    /// Folders created for this run, outermost first.
    made: Vec<PathBuf>,
}

impl RunFolder {
    /// Creates the first of `parent/name`, `parent/name-2`, `parent/name-3`, ... that does not
    /// exist.
    ///
    /// # Errors
    /// If the folder cannot be created.
    pub fn create_in(parent: &Path, name: &str) -> Result<Self> {
        let mut made = make_dirs(parent)?;
        let mut number = 1usize;
        loop {
            let path = match number {
                1 => parent.join(name),
                _ => parent.join(format!("{name}-{number}")),
            };
            match fs::create_dir(&path) {
                Ok(()) => {
                    made.push(path.clone());
                    return Self::fill(&path, made, Holds::Nothing);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(Error::io("create the folder", path, error)),
            }
        }
    }

    /// Creates this folder, which must be missing or empty, or hold only what a run left that ended before
    /// its first save.
    ///
    /// # Errors
    /// If the folder holds anything else, or cannot be created or written to.
    pub fn create(path: &Path) -> Result<Self> {
        let made = make_dirs(path)?;
        if !earlier::is_unsaved(path)? {
            let (expected, found) = match earlier::is_run(path) {
                true => (
                    "a new or empty folder (or --resume to continue the run, --force to replace it)",
                    "one that holds a run",
                ),
                false => ("a new or empty folder", "one that holds files, but no run"),
            };
            return Err(Error::file(path, expected, found));
        }
        let folder = Self::fill(path, made, Holds::Nothing)?;
        earlier::remove(path)?;
        Ok(folder)
    }

    /// Like [`RunFolder::create`], but also takes the folder of an earlier run, whose files stay until they are
    /// [cleared](Self::clear).
    ///
    /// # Errors
    /// If the folder holds files but no run, another process trains in it, or it cannot be written to.
    pub fn replace(path: &Path) -> Result<Self> {
        match earlier::is_run(path) {
            true => Self::fill(path, Vec::new(), Holds::Earlier),
            false => Self::create(path),
        }
    }

    /// Removes the files of the earlier run that this one replaces, and no others. [`super::Trainer::run`] does so
    /// before it writes anything.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn clear(&mut self) -> Result<()> {
        if self.holds == Holds::Earlier {
            earlier::remove(&self.path)?;
            self.holds = Holds::Nothing;
        }
        Ok(())
    }

    /// Opens the folder of a run to resume, and removes unfinished files that a kill left.
    ///
    /// # Errors
    /// If another process holds it, or it cannot be written to.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Self::fill(path, Vec::new(), Holds::Own)?;
        file::sweep(path);
        file::sweep(&folder.samples());
        Ok(folder)
    }

    fn fill(path: &Path, mut made: Vec<PathBuf>, holds: Holds) -> Result<Self> {
        let lock = Lock::take(path)?;
        made.extend(make_dirs(&path.join(SAMPLES))?);
        Ok(Self {
            path: path.to_path_buf(),
            lock,
            rows: Vec::new(),
            every: SaveEvery::default(),
            saved: Instant::now(),
            holds,
            made,
        })
    }

    /// Reads the metrics of a run resumed after `epoch`: rows of later epochs, which a kill may have
    /// left, are dropped.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn read_metrics(&mut self, epoch: usize, objective: Objective) -> Result<()> {
        self.rows = metrics::read(&self.file("metrics.jsonl"), epoch, objective)?;
        Ok(())
    }

    /// Whether the run has been saved, so that it can be resumed.
    pub fn is_saved(&self) -> bool {
        self.holds == Holds::Own
    }

    /// Removes what was created for a run that was not saved; saved files stay, also those of another run.
    pub fn discard(self) {
        if self.holds == Holds::Nothing {
            let _ = earlier::remove(&self.path);
        }
        self.lock.remove();
        for folder in self.made.iter().rev() {
            // Only empty folders are removed, so that nothing can be lost.
            let _ = fs::remove_dir(folder);
        }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The metrics of every epoch so far.
    pub fn rows(&self) -> &[EpochMetrics] {
        &self.rows
    }

    /// The path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The resolved recipe.
    pub fn recipe(&self) -> PathBuf {
        self.file(RECIPE)
    }

    /// The checkpoint with the resume state.
    pub fn last(&self) -> PathBuf {
        self.file(LAST)
    }

    /// The checkpoint before the last.
    pub fn previous(&self) -> PathBuf {
        self.file(PREVIOUS)
    }

    /// The weights of the epoch with the lowest validation loss.
    pub fn best(&self) -> PathBuf {
        self.file(BEST)
    }

    /// The picture of an epoch.
    pub fn sample(&self, epoch: usize) -> PathBuf {
        self.samples().join(earlier::sample(epoch))
    }

    fn samples(&self) -> PathBuf {
        self.path.join(SAMPLES)
    }

    /// Sets when the state is saved within an epoch.
    pub fn save_every(&mut self, every: SaveEvery) {
        self.every = every;
    }

    /// Whether to save the state after this step.
    pub(super) fn is_due(&self, step: u64) -> bool {
        self.every.is_due(step, self.saved)
    }

    /// Saves the resume state, and keeps the previous checkpoint.
    ///
    /// # Errors
    /// If it cannot be written; the last checkpoint then stays.
    pub(super) fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint.write_keeping(&self.last(), &self.previous())?;
        self.saved = Instant::now();
        self.holds = Holds::Own;
        Ok(())
    }

    /// Saves the resolved recipe; a file that says the same stays as it is, with its comments.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_recipe(&self, recipe: &Recipe) -> Result<()> {
        let file = self.recipe();
        if Recipe::read(&file, &[]).is_ok_and(|kept| kept == *recipe) {
            return Ok(());
        }
        // Durably, as resuming compares it with the checkpoint.
        file::replace_durably(&file, recipe.to_toml()?.as_bytes(), None)
    }

    /// Saves facts that do not belong in a checkpoint: versions, device, paths, times.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_environment(&self, environment: &Environment) -> Result<()> {
        self.write_json(ENVIRONMENT, environment)
    }

    /// Saves a value as readable JSON.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_json(&self, name: &str, value: &impl serde::Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|e| Error::io("write", self.file(name), e.into()))?;
        text.push('\n');
        self.write(name, &text)
    }

    /// Adds an epoch to the metrics files and redraws the curves.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn record(&mut self, metrics: &EpochMetrics, recipe: &Recipe) -> Result<()> {
        self.rows.push(metrics.clone());
        let lines: String = self.rows.iter().map(|row| row.json_line() + "\n").collect();
        self.write("metrics.jsonl", &lines)?;
        self.write("metrics.csv", &csv(&self.rows))?;
        let chart = chart(&self.rows, recipe);
        chart.write(self.file("curves.svg"), Publish::Replace)?;
        chart.write(self.file(CURVES), Publish::Replace)
    }

    /// Writes the whole file or nothing: a reader never sees half a file.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        file::write(&self.file(name), text.as_bytes(), Publish::Replace)
    }
}

/// Creates a folder and its parents; returns those that did not exist, outermost first.
fn make_dirs(path: &Path) -> Result<Vec<PathBuf>> {
    let mut missing: Vec<PathBuf> = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .map(Path::to_path_buf)
        .collect();
    missing.reverse();
    fs::create_dir_all(path).map_err(|source| Error::io("create the folder", path, source))?;
    Ok(missing)
}
