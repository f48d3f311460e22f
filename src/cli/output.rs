//! Printing; a closed output pipe is not an error.

use std::io::{ErrorKind, Write};

use anyhow::Result;
use serde::Serialize;

/// Prints the result of a query on standard output.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}

/// Prints a result as one line of JSON.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    print(&serde_json::to_string(value)?)
}

/// Prints during longer work, which continues if nobody reads the output.
pub fn say(text: &str) {
    let _ = print(text);
}

/// Prints on standard error.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
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

/// Whether the reader of standard output has closed it, as `head` does when it has enough.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

/// Left-aligned first column, right-aligned others, two spaces between.
pub fn table(rows: &[Vec<String>]) -> String {
    columns(rows, 1)
}

/// The first `left` columns left-aligned, the others right-aligned, two spaces between.
pub fn columns(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, &width))| match column < left {
                    true => format!("{cell:<width$}"),
                    false => format!("{cell:>width$}"),
                })
                .collect();
            cells.join("  ").trim_end().to_string()
        })
        .collect();
    lines.join("\n")
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
    let with = |value: f64, unit: &str| {
        let text = if value < 9.95 {
            format!("{value:.1}")
        } else {
            format!("{value:.0}")
        };
        let text = text.strip_suffix(".0").unwrap_or(&text).to_string();
        let plural = if text == "1" { "" } else { "s" };
        format!("{text} {unit}{plural}")
    };
    if seconds < 90.0 {
        with(seconds.round().max(1.0), "second")
    } else if seconds < 5400.0 {
        with(seconds / 60.0, "minute")
    } else {
        with(seconds / 3600.0, "hour")
    }
}

/// A shape as `64x14x14`.
pub fn shape(dims: &[usize]) -> String {
    let dims: Vec<String> = dims.iter().map(usize::to_string).collect();
    dims.join("x")
}
