//! The metrics of a run, read back for charts.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::data::python::excerpt;
use crate::data::table::Table;
use crate::error::listed;
use crate::open::read_text;
use crate::run_files::is_run;
use crate::{Error, Result};

/// The columns of a run's `metrics.jsonl` or `metrics.csv` that hold numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The file that was read.
    pub file: PathBuf,
    /// The name of the run folder, else of the file.
    pub name: String,
    columns: Vec<String>,
    rows: Vec<Row>,
}

/// The column that counts the rows.
const EPOCH: &str = "epoch";
/// The size limit of the file: three times that of a million epochs.
pub(super) const MAX_BYTES: u64 = 1 << 30;
/// The longest column name, as it appears in the picture.
const MAX_NAME: usize = 100;
/// The most columns that an error lists.
const LISTED: usize = 8;

impl History {
    /// Reads a run folder's `metrics.jsonl`, or that file or a `metrics.csv` itself, wherever it is, even during the
    /// run.
    ///
    /// # Errors
    /// If there is no such file, it holds no row, or a row has no epoch number.
    pub fn read(run: &Path) -> Result<Self> {
        let file = match run.is_dir() {
            true => run.join("metrics.jsonl"),
            false => run.to_path_buf(),
        };
        let is_table = file
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("csv"));
        let rows = match is_table {
            true => table(&file)?,
            false => lines(&file)?,
        };
        let Some(first) = rows.first() else {
            return Err(Error::file(
                &file,
                "the figures of at least one epoch",
                "none",
            ));
        };
        let is_number = |row: &Row, name: &str| row.get(name).is_some_and(Value::is_number);
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
            name: name(run),
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
        let number = |row: &Row, name: &str| row.get(name).and_then(Value::as_f64);
        let point = |row| Some((number(row, EPOCH)?, number(row, name).unwrap_or(f64::NAN)));
        Ok(self.rows.iter().filter_map(point).collect())
    }
}

/// The name of a run by its folder or a file in it; of a file outside of a run, its own.
fn name(run: &Path) -> String {
    let path = std::path::absolute(run).unwrap_or_else(|_| run.to_path_buf());
    let named = match path.parent() {
        Some(folder) if !path.is_dir() && is_run(folder) => folder,
        _ => path.as_path(),
    };
    let name = named.file_name().unwrap_or(run.as_os_str());
    name.to_string_lossy().into_owned()
}

type Row = Map<String, Value>;

/// The rows of a file in JSON lines.
fn lines(file: &Path) -> Result<Vec<Row>> {
    let text = read_text(file, MAX_BYTES, "a file of metrics in JSON lines")?;
    let mut rows = Vec::new();
    for (number, line) in (1usize..).zip(text.lines()) {
        let row = serde_json::from_str(line).ok();
        let row = row.filter(|row: &Row| row.get(EPOCH).is_some_and(Value::is_number));
        rows.push(row.ok_or_else(|| {
            let expected = "metrics in JSON lines, a row with `epoch` for each";
            Error::file(file, expected, format!("another line {number}"))
        })?);
    }
    Ok(rows)
}

/// The rows of a table, with the fields that are numbers.
fn table(file: &Path) -> Result<Vec<Row>> {
    let mut table = Table::open(file)?;
    let names = table.names().to_vec();
    let epoch = names.iter().position(|name| name == EPOCH).ok_or_else(|| {
        let found = listed(
            names.iter().map(|name| excerpt(name.as_bytes())),
            LISTED,
            ", ",
        );
        Error::file(
            file,
            "metrics with a column `epoch`",
            format!("columns {found}"),
        )
    })?;
    let mut rows = Vec::new();
    while table.next()? {
        if !table.number(epoch).is_some_and(f64::is_finite) {
            return Err(table.wrong("a number of an epoch", epoch));
        }
        let fields = names.iter().enumerate();
        let number = |column| table.number::<f64>(column);
        let fields = fields.map(|(column, name)| (name.clone(), number(column).into()));
        rows.push(fields.collect());
    }
    Ok(rows)
}
