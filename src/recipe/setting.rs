//! One key of a recipe, set by text.

use super::one_line;
use crate::{Error, Result};

/// The largest number of parts in a dotted key, more than any key has.
const MAX_DEPTH: usize = 8;

/// Sets `dotted.key=value` in the table. The value is TOML; text that is not valid TOML is a string.
pub(super) fn put(table: &mut toml::Table, setting: &str) -> Result<()> {
    let wrong = || {
        Error::argument(
            "--set",
            "KEY=VALUE, as in optimizer.lr=3e-4",
            format!("`{}`", one_line(setting)),
        )
    };
    let (path, value) = setting.split_once('=').ok_or_else(wrong)?;
    let value = value.trim();
    let value = format!("value = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut parsed| parsed.remove("value"))
        .unwrap_or_else(|| toml::Value::String(value.to_string()));
    let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
    if keys.iter().any(|key| key.is_empty()) || keys.len() > MAX_DEPTH {
        return Err(wrong());
    }
    let last = keys.pop().ok_or_else(wrong)?;
    let mut inner = table;
    for key in keys {
        inner = inner
            .entry(key)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(wrong)?;
    }
    inner.insert(last.to_string(), value);
    Ok(())
}
