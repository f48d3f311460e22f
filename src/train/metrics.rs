//! One row per epoch, as JSON lines and as CSV.

use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::history::MAX_BYTES;
use crate::open::open;
use crate::picture::{Chart, Scale, Series, curves};
use crate::recipe::{Objective, Recipe};
use crate::{Error, Result};

const TRAIN_KL: &str = "train_kl_nats_per_image";
const VALIDATION_KL: &str = "val_kl_nats_per_image";

/// The figures of one epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochMetrics {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Optimiser steps since the start of the run.
    pub step: u64,
    /// The rate of the epoch's last step.
    pub learning_rate: f64,
    /// The unit of the two losses, such as `bce_per_pixel`.
    pub metric: &'static str,
    /// Mean over the epoch's steps, during which the weights change.
    pub train_loss: f64,
    /// At the end of the epoch, on the validation images.
    pub validation_loss: f64,
    /// `None` unless the network is variational.
    pub kl: Option<Kl>,
    /// `None` unless the data are images.
    pub validation_psnr_db: Option<f64>,
    /// Whether no earlier epoch had a lower validation loss.
    pub is_best: bool,
    /// Time for training, validation and files.
    pub seconds: f64,
    /// Training throughput.
    pub images_per_second: f64,
}

/// The KL divergence from the prior in nats per image, before weighting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kl {
    pub train: f64,
    pub validation: f64,
}

impl EpochMetrics {
    /// Column names and values; names include the unit.
    pub fn columns(&self) -> Map<String, Value> {
        let mut columns = Map::new();
        let mut add = |name: &str, value: Value| columns.insert(name.to_string(), value);
        add("epoch", json!(self.epoch));
        add("step", json!(self.step));
        add("learning_rate", json!(self.learning_rate));
        add(&format!("train_{}", self.metric), json!(self.train_loss));
        add(&format!("val_{}", self.metric), json!(self.validation_loss));
        if let Some(kl) = self.kl {
            add(TRAIN_KL, json!(kl.train));
            add(VALIDATION_KL, json!(kl.validation));
        }
        add("val_psnr_db", json!(self.validation_psnr_db));
        add("is_best", json!(self.is_best));
        add("seconds", json!(self.seconds));
        add("images_per_second", json!(self.images_per_second));
        columns
    }

    /// Reads a row back; `None` if it is truncated or has another objective.
    pub fn from_columns(row: &str, objective: Objective) -> Option<Self> {
        let row: Map<String, Value> = serde_json::from_str(row).ok()?;
        let metric = objective.metric();
        let number = |name: &str| row.get(name)?.as_f64();
        Some(Self {
            epoch: usize::try_from(row.get("epoch")?.as_u64()?).ok()?,
            step: row.get("step")?.as_u64()?,
            learning_rate: number("learning_rate")?,
            metric,
            train_loss: number(&format!("train_{metric}"))?,
            validation_loss: number(&format!("val_{metric}"))?,
            kl: number(TRAIN_KL)
                .zip(number(VALIDATION_KL))
                .map(|(train, validation)| Kl { train, validation }),
            validation_psnr_db: number("val_psnr_db"),
            is_best: row.get("is_best")?.as_bool()?,
            seconds: number("seconds")?,
            images_per_second: number("images_per_second")?,
        })
    }

    /// The row as one line of JSON, without the newline.
    pub fn json_line(&self) -> String {
        Value::Object(self.columns()).to_string()
    }
}

/// All rows as CSV with a header.
pub(super) fn csv(rows: &[EpochMetrics]) -> String {
    let names = rows
        .first()
        .map(|row| row.columns().keys().cloned().collect());
    let values = rows.iter().map(|row| {
        let columns = row.columns();
        columns.values().map(Value::to_string).collect()
    });
    let lines = names.into_iter().chain(values);
    lines
        .map(|cells: Vec<String>| cells.join(",") + "\n")
        .collect()
}

/// The rows of a file up to `epoch`; those of later epochs, which a kill may have left, are dropped. None if there is no
/// file.
///
/// # Errors
/// If it cannot be read.
pub(super) fn read(file: &Path, epoch: usize, objective: Objective) -> Result<Vec<EpochMetrics>> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    let (content, _) = open(file)?;
    content
        .take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|source| Error::io("read", file, source))?;
    // Damaged rows must not stop the run.
    let text = String::from_utf8_lossy(&bytes);
    let rows = text
        .lines()
        .filter_map(|line| EpochMetrics::from_columns(line, objective));
    Ok(rows.filter(|row| row.epoch <= epoch).collect())
}

/// The losses over the epochs.
pub(super) fn chart(rows: &[EpochMetrics], recipe: &Recipe) -> Chart {
    let series = |name: &str, value: fn(&EpochMetrics) -> f64| {
        let points = rows.iter().map(|row| (row.epoch as f64, value(row)));
        Series::new(name, points.collect())
    };
    curves(
        &recipe.name,
        "epoch",
        &format!("{} ({})", recipe.objective.label(), recipe.loss_unit()),
        &[
            series("training", |row| row.train_loss),
            series("validation", |row| row.validation_loss),
        ],
        Scale::Linear,
    )
}
