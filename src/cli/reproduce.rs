//! `autoencode reproduce`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use autoencode::Error;
use autoencode::data::{Source, counted};
use autoencode::experiments::{Experiment, Lab, Options, Outcome, Verdict, all, choose};
use autoencode::file::{Publish, write};
use autoencode::recipe::NamedSet;
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;

use super::data::{check, source};
use super::files::{claim, file_name, make_folders};
use super::output::{duration, print, print_json};
use super::shared::Shared;
use super::status::Status;
use super::wording::{FORCE, OFFLINE};

/// Run the systems of published tutorials and compare the results with the published figures.
///
/// Writes a folder with the table, all numbers as JSON, and the pictures of each experiment. A full run
/// takes up to two hours on 2 cores, most of it for MNIST; --quick takes minutes.
#[derive(Debug, Args)]
pub struct Reproduce {
    /// The experiments to run [default: all; --list names them].
    #[arg(value_name = "ID")]
    ids: Vec<String>,

    /// List the experiments and exit.
    #[arg(long)]
    list: bool,

    /// Use fewer seeds, fewer epochs, and the built-in sample instead of MNIST: the MNIST figures are
    /// then not judged.
    #[arg(long)]
    quick: bool,

    /// Number of seeds for experiments that take minutes per seed [default: 3; with --quick 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    seeds: Option<u16>,

    /// MNIST: mnist from the Hugging Face hub, the built-in sample, or the path of mnist.npz or of a
    /// folder with MNIST's IDX files [default: mnist; the sample if that cannot be downloaded].
    #[arg(long, value_name = "SET|PATH", conflicts_with = "quick", value_parser = source())]
    data: Option<Source>,

    #[arg(long, help = OFFLINE)]
    offline: bool,

    /// Folder for the table and the pictures.
    #[arg(long, short, value_name = "DIR", default_value = "reproduction")]
    output: PathBuf,

    #[arg(long, help = FORCE)]
    force: bool,
}

/// The interval between lines printed without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// One experiment's result, as saved.
#[derive(Serialize)]
struct Row {
    id: &'static str,
    what: &'static str,
    seconds: f64,
    #[serde(flatten)]
    outcome: Outcome,
}

impl Reproduce {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        if self.list {
            return list(shared);
        }
        let chosen = choose(&self.ids)?;
        let source = self.source(shared)?;
        let table = self.output.join("table.md");
        let results = self.output.join("results.json");
        let pictures = chosen
            .iter()
            .map(|experiment| self.output.join(experiment.id));
        let mut places = [table.clone(), results.clone()].into_iter().chain(pictures);
        if let Some(there) = places.find(|place| !self.force && place.symlink_metadata().is_ok()) {
            let expected = "a folder without results of these experiments (or --force)";
            return Err(Error::file(&self.output, expected, file_name(&there)).into());
        }
        claim([&table, &results], [""; 0], true)?;
        make_folders([&table])?;
        let options = Options {
            source,
            offline: self.offline,
            quick: self.quick,
            seeds: usize::from(self.seeds.unwrap_or(if self.quick { 1 } else { 3 })),
            folder: self.output.clone(),
            device: shared.device()?.device,
        };
        let status = Status::new(shared, LINE_EVERY, "{spinner} {prefix} {wide_msg}", || {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let mut tell = |text: &str| {
            let line = || text.to_string();
            status.tell(|bar| bar.set_message(line()), line);
        };
        let mut lab = Lab::new(options, &mut tell);
        let mut rows: Vec<Row> = Vec::new();
        for (number, experiment) in chosen.iter().enumerate() {
            if let Status::Bar(bar) = &status {
                bar.set_prefix(format!("{}/{}", number + 1, chosen.len()));
            }
            let start = Instant::now();
            let outcome = experiment.run(&mut lab)?;
            let row = Row {
                id: experiment.id,
                what: experiment.what,
                seconds: start.elapsed().as_secs_f64(),
                outcome,
            };
            if shared.talks() {
                status.say(&text(&row));
            }
            rows.push(row);
            // Written after each experiment, so that an interrupted run keeps its results.
            write(&table, markdown(&rows).as_bytes(), Publish::Replace)?;
            let json = serde_json::to_string_pretty(&rows)? + "\n";
            write(&results, json.as_bytes(), Publish::Replace)?;
        }
        drop(status);
        if shared.json {
            return print_json(&rows);
        }
        if shared.talks() {
            print(&summary(&rows, &table))?;
        }
        Ok(())
    }

    /// The source of MNIST.
    fn source(&self, shared: &Shared) -> autoencode::Result<Source> {
        let Some(source) = &self.data else {
            return Ok(Source::Set(match self.quick {
                true => NamedSet::Sample,
                false => NamedSet::Mnist,
            }));
        };
        if *source == Source::Set(NamedSet::FashionMnist) {
            let expected = "mnist, sample or a path, as what was published is of MNIST";
            return Err(Error::argument("--data", expected, "fashion-mnist"));
        }
        check(source, shared)?;
        Ok(source.clone())
    }
}

fn list(shared: &Shared) -> Result<()> {
    if shared.json {
        let ids: Vec<&str> = all().iter().map(|experiment| experiment.id).collect();
        return print_json(&ids);
    }
    let lengths = all().iter().map(|experiment| experiment.id.len());
    let width = lengths.max().unwrap_or(0);
    for Experiment { id, what, .. } in all() {
        print(&format!("{id:<width$}  {what}"))?;
    }
    Ok(())
}

/// An experiment as lines of text.
fn text(row: &Row) -> String {
    let mut text = format!(
        "{}: {}\n  {} ({})\n",
        row.id,
        row.what,
        row.outcome.protocol,
        duration(row.seconds)
    );
    for figure in &row.outcome.figures {
        text += &format!("  {}: {}", figure.what, figure.obtained);
        if figure.published != "-" {
            text += &format!("; published {}", figure.published);
        }
        if !figure.tolerance.is_empty() {
            let verdict = figure.verdict.word();
            text += &format!("; tolerance {}: {verdict}", figure.tolerance);
        }
        text += "\n";
    }
    for note in &row.outcome.notes {
        text += &format!("  note: {note}\n");
    }
    text
}

/// The closing lines: how many figures lie inside the tolerance.
fn summary(rows: &[Row], table: &Path) -> String {
    let count = |verdict: Verdict| {
        let figures = rows.iter().flat_map(|row| &row.outcome.figures);
        figures.filter(|figure| figure.verdict == verdict).count()
    };
    let seconds: f64 = rows.iter().map(|row| row.seconds).sum();
    format!(
        "{} in {}: {} inside the tolerance, {} outside, {} without one\ntable and pictures: {}",
        counted(rows.len(), "experiments"),
        duration(seconds),
        counted(count(Verdict::Inside), "figures"),
        count(Verdict::Outside),
        count(Verdict::NotJudged),
        table.display()
    )
}

/// All experiments as a table in Markdown, with notes and pictures below.
fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| id | figure | obtained | published | tolerance | |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        for figure in &row.outcome.figures {
            let cells = [
                row.id,
                &figure.what,
                &figure.obtained,
                &figure.published,
                &figure.tolerance,
                figure.verdict.word(),
            ];
            let cells = cells.map(|cell| cell.replace('|', "\\|"));
            text += &format!("| {} |\n", cells.join(" | "));
        }
    }
    for row in rows {
        text += &format!(
            "\n## {}\n\n{} ({}).\n",
            row.id,
            row.outcome.protocol,
            duration(row.seconds)
        );
        for note in &row.outcome.notes {
            text += &format!("\n{note}\n");
        }
        for picture in &row.outcome.pictures {
            let Some(name) = picture.file_name().map(|name| name.to_string_lossy()) else {
                continue;
            };
            let is_picture = picture.extension().is_some_and(|e| e == "png");
            let mark = if is_picture { "!" } else { "" };
            text += &format!("\n{mark}[{name}]({}/{name})\n", row.id);
        }
    }
    text
}
