//! `autoencode plot curves`.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::Error;
use autoencode::data::counted;
use autoencode::picture::{Scale, Series, curves};
use autoencode::train::History;
use clap::Args;
use serde_json::json;

use super::{drawing, write};
use crate::cli::files::{claim, lossy};
use crate::cli::shared::Shared;
use crate::cli::wording::FORCE;

/// Draw the curves of one run, or of several in one chart.
///
/// For one run, this draws the training and validation loss; for several, the validation loss of each
/// (from the eleventh run on, lines are dashed). All runs must have the same loss.
#[derive(Debug, Args)]
pub struct Curves {
    /// Run folders, or files metrics.jsonl or metrics.csv, wherever they are.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,

    /// The picture to write; its extension, .svg or .png, sets the format.
    #[arg(long, short, value_name = "FILE", default_value = "curves.png", value_parser = drawing)]
    output: PathBuf,

    /// Draw this column of the metrics instead, such as val_psnr_db; a name without train_ or val_ is
    /// drawn like the loss.
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,

    /// Draw on a logarithmic y axis.
    #[arg(long)]
    log: bool,

    #[arg(long, help = FORCE)]
    force: bool,
}

/// A run and its name in the legend.
struct Run {
    name: String,
    history: History,
}

impl Curves {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let histories = self.runs.iter().map(|path| History::read(path));
        let histories = histories.collect::<autoencode::Result<Vec<_>>>()?;
        // Where another run has the same name, the path as typed.
        let name = |(history, path): (&History, &PathBuf)| {
            let same = histories.iter().filter(|other| other.name == history.name);
            match same.count() {
                1 => history.name.clone(),
                _ => path.to_string_lossy().into_owned(),
            }
        };
        let names: Vec<String> = histories.iter().zip(&self.runs).map(name).collect();
        let runs = names.into_iter().zip(histories);
        let runs: Vec<Run> = runs.map(|(name, history)| Run { name, history }).collect();
        let read = runs.iter().map(|run| &run.history.file);
        claim([&self.output], read, self.force)?;
        let metric = match &self.metric {
            Some(name) => name.clone(),
            None => common_loss(&runs)?,
        };
        let drawn = self.series(&runs, &metric)?;
        if self.log {
            refuse_non_positive(&drawn)?;
        }
        let series: Vec<Series> = drawn.iter().map(|(_, series)| series.clone()).collect();
        let title = match runs.as_slice() {
            [one] => one.name.clone(),
            _ => String::new(),
        };
        let scale = match self.log {
            true => Scale::Logarithmic,
            false => Scale::Linear,
        };
        let mut columns: Vec<&str> = drawn.iter().map(|(column, _)| column.as_str()).collect();
        columns.dedup();
        let label = match columns.as_slice() {
            [one] => words(one),
            _ => words(&metric),
        };
        let chart = curves(&title, "epoch", &label, &series, scale);
        write(&chart, &self.output, self.force, shared)?;
        let epochs = series.iter().map(|one| one.points.len()).max();
        let json = json!({
            "runs": lossy(&self.runs),
            "columns": columns,
            "epochs": epochs,
            "output": self.output,
        });
        shared.report(&json, || {
            let of = match runs.len() {
                1 => String::new(),
                count => format!(" of {count} runs"),
            };
            let epochs = counted(epochs.unwrap_or(0), "epochs");
            format!("{label}{of} over {epochs} -> {}", self.output.display())
        })
    }

    /// The series to draw, each with the name of its column.
    fn series(&self, runs: &[Run], metric: &str) -> Result<Vec<(String, Series)>> {
        let line = |run: &Run, column: &str, name: &str| -> Result<(String, Series)> {
            let points = run.history.column(column)?;
            Ok((column.to_string(), Series::new(name, points)))
        };
        let of_each = |column| {
            runs.iter()
                .map(|run| line(run, column, &run.name))
                .collect()
        };
        let [train, validation] = ["train_", "val_"].map(|part| format!("{part}{metric}"));
        match runs {
            // A full column name, or a name that does not exist, for which `line` reports the error.
            _ if !runs.iter().any(|run| run.history.has(&validation)) => of_each(metric),
            [run] if run.history.has(&train) => Ok(vec![
                line(run, &train, "training")?,
                line(run, &validation, "validation")?,
            ]),
            _ => of_each(&validation),
        }
    }
}

/// The loss that all runs minimise.
fn common_loss(runs: &[Run]) -> Result<String> {
    let mut first: Option<(&str, &History)> = None;
    for run in runs {
        let loss = run.history.loss().ok_or_else(|| {
            let expected = "columns train_ and val_ of a loss (or --metric NAME)";
            let found = run.history.columns().join(", ");
            Error::file(&run.history.file, expected, found)
        })?;
        let (common, other) = *first.get_or_insert((loss, &run.history));
        if common != loss {
            let expected = format!(
                "the loss of {}, {common} (or --metric NAME for a column that both have)",
                other.file.display()
            );
            return Err(Error::file(&run.history.file, expected, loss).into());
        }
    }
    Ok(first.map_or(String::new(), |(loss, _)| loss.to_string()))
}

fn refuse_non_positive(drawn: &[(String, Series)]) -> Result<()> {
    for (column, series) in drawn {
        if let Some((epoch, value)) = series.points.iter().find(|(_, value)| *value <= 0.0) {
            let expected = format!("positive values in {column}");
            let found = format!("{value} in epoch {epoch} of {}", series.name);
            return Err(Error::argument("--log", expected, found).into());
        }
    }
    Ok(())
}

/// A readable column name: `validation PSNR (dB)` for `val_psnr_db`.
fn words(column: &str) -> String {
    let word = |word: &str| match word {
        "train" => "training".to_string(),
        "val" => "validation".to_string(),
        "neg" => "negative".to_string(),
        "bce" | "mse" | "kl" | "elbo" | "psnr" | "ssim" => word.to_uppercase(),
        "db" => "(dB)".to_string(),
        other => other.to_string(),
    };
    let words: Vec<String> = column.split('_').map(word).collect();
    words
        .join(" ")
        .replace(" per ", " a ")
        .replace(" nats", ", nats")
}
