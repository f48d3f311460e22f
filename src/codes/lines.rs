//! Reading codes from text.

use std::path::Path;

use super::heading::{Heading, expected};
use crate::data::table::Table;
use crate::{Error, Result};

/// A table of codes being read.
pub struct Lines {
    table: Table,
    heading: Heading,
}

/// What a table says of each code beside its values; empty without such columns.
#[derive(Debug, Default)]
pub struct Beside {
    pub files: Vec<String>,
    pub classes: Vec<String>,
}

impl Lines {
    /// Opens a table with codes of `size` values, or of any number.
    pub fn open(path: &Path, size: Option<usize>) -> Result<Self> {
        let table = Table::open(path)?;
        let heading = Heading::read(table.names(), size);
        let heading = heading.map_err(|found| Error::file(path, expected(size), found))?;
        Ok(Self { table, heading })
    }

    /// Number of values in a code.
    pub fn size(&self) -> usize {
        self.heading.values.len()
    }

    /// Whether the table names the pictures of the codes.
    pub fn has_files(&self) -> bool {
        self.heading.file.is_some()
    }

    /// The values of the next codes, at most `most`; appends what the table says of them.
    pub fn read(&mut self, most: usize, beside: &mut Beside) -> Result<Vec<f32>> {
        let mut values = Vec::new();
        for _ in 0..most {
            if !self.table.next()? {
                break;
            }
            for &column in &self.heading.values {
                let number = self.table.number(column);
                values.push(number.ok_or_else(|| self.table.wrong("numbers", column))?);
            }
            let text = |column: &usize| self.table.text(*column);
            beside.files.extend(self.heading.file.iter().map(text));
            // Where only some classes have names, the others have their labels.
            let mut classes = self.heading.classes.iter().map(text);
            let class = classes.find(|class| !class.is_empty());
            let has_classes = !self.heading.classes.is_empty();
            beside
                .classes
                .extend(has_classes.then(|| class.unwrap_or_default()));
        }
        Ok(values)
    }
}
