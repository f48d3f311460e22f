//! `runs/<recipe>[-N]/`: everything that one run leaves.

use std::fs;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::history;
use super::metrics::{EpochMetrics, csv};
use crate::open::read_text;
use crate::picture::{Series, curves};
use crate::recipe::{Objective, Recipe};
use crate::{Error, Result};

/// The folder of a run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    rows: Vec<EpochMetrics>,
    /// Folders that did not exist before, outermost first.
    made: Vec<PathBuf>,
}

impl RunFolder {
    /// Makes the first of `parent/name`, `parent/name-2`, `parent/name-3`, ... that does not exist.
    ///
    /// # Errors
    /// If the folder cannot be made.
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
                    return Self::fill(path, made);
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(Error::io("create the folder", path, error)),
            }
        }
    }

    /// Makes this folder, which must not exist or be empty.
    ///
    /// # Errors
    /// If it holds something, or cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let made = make_dirs(path)?;
        let mut entries =
            fs::read_dir(path).map_err(|source| Error::io("read the folder", path, source))?;
        if entries.next().is_some() {
            return Err(Error::file(
                path,
                "a new or empty folder (or --resume to continue a run)",
                "a folder that holds files",
            ));
        }
        Self::fill(path.to_path_buf(), made)
    }

    fn fill(path: PathBuf, mut made: Vec<PathBuf>) -> Result<Self> {
        made.extend(make_dirs(&path.join("samples"))?);
        Ok(Self {
            path,
            rows: Vec::new(),
            made,
        })
    }

    /// Opens the folder of a run that goes on after `epoch`: rows of later epochs, which a kill may
    /// have left, are dropped.
    ///
    /// # Errors
    /// If its metrics cannot be read.
    pub fn reopen(path: &Path, epoch: usize, objective: Objective) -> Result<Self> {
        let mut folder = Self::fill(path.to_path_buf(), Vec::new())?;
        let file = folder.file("metrics.jsonl");
        if file.exists() {
            let text = read_text(&file, history::MAX_BYTES, "a file of metrics in JSON lines")?;
            folder.rows = text
                .lines()
                .filter_map(|line| EpochMetrics::from_columns(line, objective))
                .filter(|row| row.epoch <= epoch)
                .collect();
        }
        Ok(folder)
    }

    /// Takes a new folder away again when the run could not begin.
    pub fn discard(self) {
        for folder in self.made.iter().rev() {
            // Only empty folders are removed, so that nothing can be lost.
            let _ = fs::remove_dir(folder);
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The figures of every epoch so far.
    pub fn rows(&self) -> &[EpochMetrics] {
        &self.rows
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// All that resuming needs.
    pub fn last(&self) -> PathBuf {
        self.file("last.safetensors")
    }

    /// The weights of the epoch with the lowest validation loss.
    pub fn best(&self) -> PathBuf {
        self.file("best.safetensors")
    }

    /// The picture of an epoch.
    pub fn sample(&self, epoch: usize) -> PathBuf {
        self.path
            .join("samples")
            .join(format!("epoch-{epoch:03}.png"))
    }

    /// Keeps the resolved recipe.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_recipe(&self, recipe: &Recipe) -> Result<()> {
        self.write("recipe.toml", &recipe.to_toml()?)
    }

    /// Keeps what the checkpoint must not hold: versions, device, paths, times.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_environment(&self, environment: &Environment) -> Result<()> {
        self.write_json("environment.json", environment)
    }

    /// Keeps a value as readable JSON.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_json(&self, name: &str, value: &impl serde::Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|e| Error::io("write", self.file(name), e.into()))?;
        text.push('\n');
        self.write(name, &text)
    }

    /// Adds an epoch to the metrics files and draws the curves again.
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
        )?;
        chart.write_svg(self.file("curves.svg"))?;
        chart.write_png(self.file("curves.png"))
    }

    /// Whole or not at all: a reader never sees half a file.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        crate::file::replace(&self.file(name), text.as_bytes())
    }
}

/// Makes a folder and those around it; returns the ones that did not exist, outermost first.
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
