//! The metrics of a run, read back for charts.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::open::read_text;
use crate::{Error, Result};

/// The columns of a run's `metrics.jsonl` that hold numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The file that was read.
    pub file: PathBuf,
    columns: Vec<String>,
    rows: Vec<Map<String, Value>>,
}

/// The column that counts the rows.
const EPOCH: &str = "epoch";
/// The size limit of the file: three times that of a million epochs.
pub(super) const MAX_BYTES: u64 = 1 << 30;
/// The longest column name, as it appears in the picture.
const MAX_NAME: usize = 100;

impl History {
    /// Reads a run folder's `metrics.jsonl`, or such a file itself, even during the run.
    ///
    /// # Errors
    /// If there is no such file, it holds no row, or a row is not a JSON object with an epoch
    /// number.
    pub fn read(run: &Path) -> Result<Self> {
        let file = match run.is_dir() {
            true => run.join("metrics.jsonl"),
            false => run.to_path_buf(),
        };
        let text = read_text(&file, MAX_BYTES, "a file of metrics in JSON lines")?;
        let mut rows: Vec<Map<String, Value>> = Vec::new();
        for (number, line) in (1usize..).zip(text.lines()) {
            let row = serde_json::from_str(line).ok();
            let row = row.filter(|row: &Map<_, _>| row.get(EPOCH).is_some_and(Value::is_number));
            rows.push(row.ok_or_else(|| {
                let expected = "metrics in JSON lines, a row with `epoch` for each";
                Error::file(&file, expected, format!("another line {number}"))
            })?);
        }
        let Some(first) = rows.first() else {
            return Err(Error::file(
                &file,
                "the figures of at least one epoch",
                "none",
            ));
        };
        let is_number = |row: &Map<_, _>, name: &str| row.get(name).is_some_and(Value::is_number);
        let columns = first
            .keys()
            .filter(|name| {
                *name != EPOCH
                    && name.len() <= MAX_NAME
                    && rows.iter().any(|row| is_number(row, name))
            })
            .cloned()
            .collect();
        Ok(Self {
            file,
            columns,
            rows,
        })
    }

    /// The names of the numeric columns except the epoch.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The loss that the run minimises, such as `bce_per_pixel`: it has columns with the prefixes
    /// `train_` and `val_`.
    pub fn loss(&self) -> Option<&str> {
        let mut names = self.columns.iter().filter_map(|c| c.strip_prefix("train_"));
        names.find(|name| self.has(&format!("val_{name}")))
    }

    /// Whether the column exists.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    /// A column as `(epoch, value)`.
    ///
    /// # Errors
    /// If no column has that name; the message lists the existing ones.
    pub fn column(&self, name: &str) -> Result<Vec<(f64, f64)>> {
        if !self.has(name) {
            let expected = format!("one of the columns {}", self.columns.join(", "));
            return Err(Error::file(&self.file, expected, format!("no `{name}`")));
        }
        let number = |row: &Map<String, Value>, name: &str| row.get(name).and_then(Value::as_f64);
        let point = |row| Some((number(row, EPOCH)?, number(row, name).unwrap_or(f64::NAN)));
        Ok(self.rows.iter().filter_map(point).collect())
    }
}
