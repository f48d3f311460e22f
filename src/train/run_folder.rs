//! `runs/<recipe>[-N]/`: the files of one run.

use std::fs;
use std::io::Read;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::environment::Environment;
use super::history;
use super::lock::Lock;
use super::metrics::{EpochMetrics, csv};
use crate::checkpoint::{BEST, Checkpoint, LAST, PREVIOUS};
use crate::open::open;
use crate::picture::{Scale, Series, curves};
use crate::recipe::{Objective, Recipe};
use crate::{Error, Result, file};

/// The subfolder of the pictures.
const SAMPLES: &str = "samples";

/// When the state is saved within an epoch; it is always saved at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveEvery {
    /// After this many steps, counted from the start of the run.
    Steps(NonZeroU64),
    /// When this much time has passed since the last save.
    Time(Duration),
}

impl Default for SaveEvery {
    /// Five minutes: the most training that a kill can lose.
    fn default() -> Self {
        Self::Time(Duration::from_secs(300))
    }
}

/// The folder of a run. Only one process at a time can hold it.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    lock: Lock,
    rows: Vec<EpochMetrics>,
    every: SaveEvery,
    saved: Instant,
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
                    return Self::fill(&path, made);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(Error::io("create the folder", path, error)),
            }
        }
    }

    /// Creates this folder, which must be missing or empty.
    ///
    /// # Errors
    /// If the folder is not empty, or cannot be created or written to.
    pub fn create(path: &Path) -> Result<Self> {
        let made = make_dirs(path)?;
        let entries = fs::read_dir(path);
        let entries = entries.map_err(|source| Error::io("read the folder", path, source))?;
        let mut entries = entries.flatten().map(|entry| entry.path());
        if entries.any(|entry| !Lock::is_file_of_lock(&entry)) {
            return Err(Error::file(
                path,
                "a new or empty folder (or --resume to continue a run)",
                "a folder that holds files",
            ));
        }
        Self::fill(path, made)
    }

    /// Opens the folder of a run to resume, and removes unfinished files that a kill left.
    ///
    /// # Errors
    /// If another process holds it, or it cannot be written to.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Self::fill(path, Vec::new())?;
        file::sweep(path)?;
        file::sweep(&folder.samples())?;
        Ok(folder)
    }

    fn fill(path: &Path, mut made: Vec<PathBuf>) -> Result<Self> {
        let lock = Lock::take(path)?;
        made.extend(make_dirs(&path.join(SAMPLES))?);
        Ok(Self {
            path: path.to_path_buf(),
            lock,
            rows: Vec::new(),
            every: SaveEvery::default(),
            saved: Instant::now(),
            made,
        })
    }

    /// Reads the metrics of a run resumed after `epoch`: rows of later epochs, which a kill may have
    /// left, are dropped.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn read_metrics(&mut self, epoch: usize, objective: Objective) -> Result<()> {
        let file = self.file("metrics.jsonl");
        if file.exists() {
            let mut bytes = Vec::new();
            let (content, _) = open(&file)?;
            content
                .take(history::MAX_BYTES)
                .read_to_end(&mut bytes)
                .map_err(|source| Error::io("read", &file, source))?;
            // Damaged rows must not stop the run.
            self.rows = String::from_utf8_lossy(&bytes)
                .lines()
                .filter_map(|line| EpochMetrics::from_columns(line, objective))
                .filter(|row| row.epoch <= epoch)
                .collect();
        }
        Ok(())
    }

    /// Removes what was created for a run that could not start.
    pub fn discard(self) {
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
        self.samples().join(format!("epoch-{epoch:03}.png"))
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
        match self.every {
            SaveEvery::Steps(steps) => step.is_multiple_of(steps.get()),
            SaveEvery::Time(time) => self.saved.elapsed() >= time,
        }
    }

    /// Saves the resume state, and keeps the previous checkpoint.
    ///
    /// # Errors
    /// If it cannot be written; the last checkpoint then stays.
    pub(super) fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint.write_keeping(&self.last(), &self.previous())?;
        self.saved = Instant::now();
        Ok(())
    }

    /// Saves the resolved recipe.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_recipe(&self, recipe: &Recipe) -> Result<()> {
        self.write("recipe.toml", &recipe.to_toml()?)
    }

    /// Saves facts that do not belong in a checkpoint: versions, device, paths, times.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_environment(&self, environment: &Environment) -> Result<()> {
        self.write_json("environment.json", environment)
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
        let series = |name: &str, value: fn(&EpochMetrics) -> f64| {
            Series::new(
                name,
                self.rows
                    .iter()
                    .map(|row| (row.epoch as f64, value(row)))
                    .collect(),
            )
        };
        let chart = curves(
            &recipe.name,
            "epoch",
            &format!("{} ({})", recipe.objective.label(), recipe.loss_unit()),
            &[
                series("training", |row| row.train_loss),
                series("validation", |row| row.validation_loss),
            ],
            Scale::Linear,
        );
        chart.write(self.file("curves.svg"))?;
        chart.write(self.file("curves.png"))
    }

    /// Writes the whole file or nothing: a reader never sees half a file.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        file::replace(&self.file(name), text.as_bytes())
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
