//! One key of a recipe, set by text.

use toml::{Table, Value};

use super::one_line;
use crate::{Error, Result};

/// The largest number of parts in a dotted key, more than any key has.
const MAX_DEPTH: usize = 8;

/// The key that `dotted.key=value` sets.
pub(super) fn key(setting: &str) -> &str {
    let key = setting.split_once('=').map_or(setting, |(key, _)| key);
    key.trim()
}

/// Sets `dotted.key=value` in the table.
pub(super) fn put(table: &mut Table, setting: &str) -> Result<()> {
    let wrong =
        |expected: &str| Error::argument("--set", expected, format!("`{}`", one_line(setting)));
    let form = "KEY=VALUE, as in optimizer.lr=3e-4";
    let (path, text) = setting.split_once('=').ok_or_else(|| wrong(form))?;
    let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
    if keys.iter().any(|key| key.is_empty()) || keys.len() > MAX_DEPTH {
        return Err(wrong(form));
    }
    let last = keys.pop().ok_or_else(|| wrong(form))?;
    let mut inner = table;
    for key in keys {
        inner = inner
            .entry(key)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .ok_or_else(|| wrong(&format!("nothing after `{key}`, which is no table")))?;
    }
    let text = text.trim();
    let value = match (inner.get(last), value(text)) {
        // Text in place of text needs no quotes.
        (Some(Value::String(_)), Value::Integer(_) | Value::Float(_) | Value::Boolean(_)) => {
            Value::String(text.to_string())
        }
        (Some(Value::String(_)), value) => value,
        (_, Value::String(read)) if read == text && text.starts_with(['[', '{']) => {
            let form = "a list or a table in TOML, as [0.1, 0.5] or { kind = \"sgd\", lr = 0.1 }";
            return Err(wrong(form));
        }
        (_, value) => value,
    };
    inner.insert(last.to_string(), value);
    Ok(())
}

/// A value as TOML writes it, except that text and names in a list need no quotes, and that numbers may begin with zeros
/// or a point.
fn value(text: &str) -> Value {
    let toml = format!("value = {text}").parse::<Table>().ok();
    let number = || {
        let decimal = || text.contains('.').then(|| text.parse().ok()).flatten();
        let whole = text.parse().ok().map(Value::Integer);
        whole.or_else(|| decimal().map(Value::Float))
    };
    let list = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        let parts = inner.split(',').map(|part| value(part.trim()));
        (!inner.contains(['[', '{', '"', '\''])).then(|| Value::Array(parts.collect()))
    };
    toml.and_then(|mut table| table.remove("value"))
        .or_else(number)
        .or_else(list)
        .unwrap_or_else(|| Value::String(text.to_string()))
}
