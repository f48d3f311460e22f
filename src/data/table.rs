//! Tables of text (`.csv`), as this program, spreadsheets and pandas write them: names of columns, then a line per
//! row.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use csv::{ByteRecord, ErrorKind, Position, Reader, ReaderBuilder, Trim};

use super::python::excerpt;
use crate::open::open;
use crate::{Error, Result};

/// The separators of columns: the one that the line of names has most of is the table's.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// A table being read, a row at a time.
pub(crate) struct Table {
    path: PathBuf,
    lines: Reader<BufReader<File>>,
    names: Vec<String>,
    /// Whether `0,5` is a number: spreadsheets separate columns by semicolons where the comma is decimal.
    decimal_comma: bool,
    row: ByteRecord,
}

impl Table {
    /// Opens a table and reads the names of its columns.
    ///
    /// # Errors
    /// If the file cannot be read, or is UTF-16 text.
    pub fn open(path: &Path) -> Result<Self> {
        let (mut file, _) = open(path)?;
        let start = file.fill_buf();
        let start = start.map_err(|source| Error::io("read", path, source))?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            let expected = "text in UTF-8 (spreadsheets call it CSV UTF-8)";
            return Err(Error::file(path, expected, "text in UTF-16"));
        }
        let separator = separator(start);
        let mut lines = ReaderBuilder::new()
            .delimiter(separator)
            .trim(Trim::Headers)
            .from_reader(file);
        let names = lines.byte_headers().map_err(|error| refused(path, error))?;
        let names = names.iter().map(String::from_utf8_lossy);
        Ok(Self {
            path: path.to_path_buf(),
            names: names.map(|name| name.into_owned()).collect(),
            lines,
            decimal_comma: separator == b';',
            row: ByteRecord::new(),
        })
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Reads the next row; false after the last. Rows of empty fields, which spreadsheets leave below a table, are
    /// skipped.
    ///
    /// # Errors
    /// If the file cannot be read, or the row has more or fewer columns than there are names.
    pub fn next(&mut self) -> Result<bool> {
        loop {
            let more = self.lines.read_byte_record(&mut self.row);
            if !more.map_err(|error| refused(&self.path, error))? {
                return Ok(false);
            }
            if self.row.len() == 1 || self.row.iter().any(|field| !field.trim_ascii().is_empty()) {
                return Ok(true);
            }
        }
    }

    /// A field of the row.
    pub fn text(&self, column: usize) -> String {
        String::from_utf8_lossy(self.row.get(column).unwrap_or_default()).into_owned()
    }

    /// A field of the row as a number.
    pub fn number<T: FromStr>(&self, column: usize) -> Option<T> {
        let text = str::from_utf8(self.row.get(column)?.trim_ascii()).ok()?;
        match self.decimal_comma && !text.contains('.') {
            true => text.replacen(',', ".", 1).parse().ok(),
            false => text.parse().ok(),
        }
    }

    /// The error for a field of the row.
    pub fn wrong(&self, expected: &str, column: usize) -> Error {
        let line = self.row.position().map_or(0, Position::line);
        let field = excerpt(self.row.get(column).unwrap_or_default());
        let name = self.names.get(column).map_or("", String::as_str);
        let name = excerpt(name.as_bytes());
        let found = format!("`{field}` in line {line}, column `{name}`");
        Error::file(&self.path, expected, found)
    }
}

/// The separator of a table that starts with these bytes: the comma where no line of names tells.
fn separator(start: &[u8]) -> u8 {
    let mut counts = SEPARATORS.map(|separator| (0, separator));
    let mut quoted = false;
    for &byte in start {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'\n' | b'\r' => break,
            _ => {
                for (count, separator) in &mut counts {
                    *count += usize::from(byte == *separator);
                }
            }
        }
    }
    let most = counts.into_iter().rev().max_by_key(|(count, _)| *count);
    most.map_or(b',', |(_, separator)| separator)
}

fn refused(path: &Path, error: csv::Error) -> Error {
    let line = error.position().map_or(0, Position::line);
    match error.into_kind() {
        ErrorKind::Io(source) => Error::io("read", path, source),
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            let expected = format!("{expected_len} columns in every line");
            Error::file(path, expected, format!("{len} in line {line}"))
        }
        other => Error::file(path, "a table of text", format!("{other:?}")),
    }
}
