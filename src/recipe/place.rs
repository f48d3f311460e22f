//! Reading a table, such as a recipe, with the exact key of an error.

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// An error and its key.
#[derive(PartialEq)]
pub(super) struct Wrong {
    pub key: String,
    pub message: String,
}

/// The keys that determine which other keys a table has.
const TAGS: [&str; 2] = ["family", "kind"];
/// More keys than any recipe table has.
const MOST_KEYS: usize = 64;

/// Reads a recipe, or what holds one, from a table.
pub(super) fn read<T: DeserializeOwned>(table: &Table) -> Result<T, Wrong> {
    let mut wrong = match try_read::<T>(table) {
        Ok(read) => return Ok(read),
        Err(wrong) => wrong,
    };
    // For a table with a tag, serde buffers the keys and then knows only the path of the table, not of the
    // key. Remove one key at a time to find the cause.
    let mut copy = table.clone();
    let Some(inside) = find(&mut copy, &wrong.key) else {
        return Err(wrong);
    };
    let mut keys: Vec<String> = inside.keys().cloned().collect();
    if keys.len() > MOST_KEYS {
        return Err(wrong);
    }
    // A table without its tag is always invalid, so tags come last.
    keys.sort_by_key(|key| TAGS.contains(&key.as_str()));
    let is_missing = wrong.message.starts_with("missing field");
    let culprit = keys.into_iter().find(|key| {
        let mut without = table.clone();
        if let Some(inside) = find(&mut without, &wrong.key) {
            inside.remove(key);
        }
        match try_read::<T>(&without) {
            Ok(_) => true,
            // What one key lacks, another cannot give.
            Err(other) => !is_missing && other != wrong,
        }
    });
    if let Some(key) = culprit {
        wrong.key = format!("{}.{key}", wrong.key);
    }
    Err(wrong)
}

fn try_read<T: DeserializeOwned>(table: &Table) -> Result<T, Wrong> {
    serde_path_to_error::deserialize(Value::Table(table.clone())).map_err(|error| Wrong {
        key: error.path().to_string(),
        message: super::one_line(error.inner().message()),
    })
}

/// The table at a dotted key.
fn find<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Table> {
    key.split('.').try_fold(table, |table, key| {
        table.get_mut(key).and_then(Value::as_table_mut)
    })
}
