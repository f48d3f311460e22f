//! Printing; a closed output pipe is not an error.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use serde::Serialize;

/// The context of an error in printing.
const CANNOT: &str = "standard output: cannot write";
/// The first error of [`say`], apart from closed pipes.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Prints the result of a query on standard output.
pub fn print(text: &str) -> Result<()> {
    write(text).context(CANNOT)
}

/// Writes a result that is no text on standard output.
pub fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.context(CANNOT)
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Prints a result as one line of JSON.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    print(&serde_json::to_string(value)?)
}

/// Prints during longer work, which continues if that fails; the program [tells](lost) at its end.
pub fn say(text: &str) {
    match write(text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => drop(LOST.set(error)),
        _ => {}
    }
}

/// Why something that the work did not stop for was not printed.
pub fn lost() -> Option<&'static io::Error> {
    LOST.get()
}

/// The exit code of a program that could not print; says why, unless the reader has closed the pipe.
pub fn not_printed(error: &io::Error) -> ExitCode {
    if error.kind() == ErrorKind::BrokenPipe {
        return ExitCode::SUCCESS;
    }
    complain(&format!("error: {CANNOT}: {error}"));
    ExitCode::FAILURE
}

/// Prints on standard error.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A message on one line, without the control characters that a file might have put into it.
pub fn one_line(text: &str) -> String {
    let printable = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(printable).collect()
}

/// Whether the program that reads standard output has closed it, as `head` does after its last line.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

/// Left-aligned first column, right-aligned others, two spaces between.
pub fn table(rows: &[Vec<String>]) -> String {
    columns(rows, 1)
}

/// The first `left` columns left-aligned, the others right-aligned, two spaces between.
pub fn columns(rows: &[Vec<String>], left: usize) -> String {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(row.len().max(widths.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| match column < left {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        line.trim_end().to_string()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The paths in a line of text.
pub fn listed<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> String {
    let paths = paths.into_iter().map(|path| path.display().to_string());
    paths.collect::<Vec<_>>().join(", ")
}

/// A loss with four decimals, or with four significant digits if it is below 0.01.
pub fn figure(loss: f64) -> String {
    match loss.abs() {
        size if size != 0.0 && size < 0.01 => format!("{loss:.3e}"),
        _ => format!("{loss:.4}"),
    }
}

/// A readable duration: `40 seconds`, `1.5 minutes`, `3 hours`.
pub fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        ..90.0 => (seconds.round().max(1.0), "second"),
        ..5400.0 => (seconds / 60.0, "minute"),
        _ => (seconds / 3600.0, "hour"),
    };
    let decimals = if value < 9.95 { 1 } else { 0 };
    let text = format!("{value:.decimals$}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    let plural = if text == "1" { "" } else { "s" };
    format!("{text} {unit}{plural}")
}

/// A shape as `64x14x14`.
pub fn shape(dims: &[usize]) -> String {
    let dims: Vec<String> = dims.iter().map(usize::to_string).collect();
    dims.join("x")
}
