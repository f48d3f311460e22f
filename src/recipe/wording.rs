//! What is wrong with a recipe, in the words of its reader: serde's messages name types of Rust.

use toml::{Table, Value};

use super::one_line;
use super::place::Wrong;
use crate::Error;

/// The most characters of a value that a message shows.
const MAX_SHOWN: usize = 60;

/// The parser's message, without the excerpt of the file.
pub(super) fn located(error: &toml::de::Error, text: &str) -> String {
    let message = one_line(error.message());
    let message = match message.split_once(", expected ") {
        _ if message.contains("too large") || message.contains(" as i128") => {
            format!("a number above {}, the largest in TOML", i64::MAX)
        }
        Some(("invalid mantissa", _)) => "a point without digits before and after it".to_string(),
        Some((problem, expected)) => format!("{problem} (expected {expected})"),
        None => message,
    };
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return message;
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{message} in line {line}, column {column}")
}

/// The error for a key of a table that serde refuses.
pub(super) fn worded(wrong: &Wrong, table: &Table) -> Error {
    let Wrong { key, message } = wrong;
    if let Some(name) = message.strip_prefix("missing field `") {
        let name = name.trim_end_matches('`');
        let key = match key.as_str() {
            "." => name.to_string(),
            key => format!("{key}.{name}"),
        };
        return Error::recipe(key, "a value", "none");
    }
    let value = at(table, key);
    let shown = || value.map_or("nothing".to_string(), shown);
    let Some((problem, expected)) = message.split_once("expected ") else {
        // The message of a type that takes several forms names those only.
        return Error::recipe(key, message, shown());
    };
    let problem = problem.trim_end_matches([' ', ',', ':']);
    let names = expected.replace('`', "");
    if let Some(field) = problem.strip_prefix("unknown field ") {
        return Error::recipe(key, format!("a key of this table, {names}"), field);
    }
    if problem.starts_with("unknown variant ") {
        return Error::recipe(key, names, shown());
    }
    if !problem.starts_with("invalid ") {
        // The recipe's own types say what they found.
        return Error::recipe(key, expected, problem);
    }
    // Within a table with a tag, serde does not know the place of what it found.
    let found = match (value, problem.split_once(": ")) {
        (Some(Value::Array(_) | Value::Table(_)), Some((_, found)))
            if !matches!(found, "sequence" | "map") =>
        {
            plain(found)
        }
        _ => shown(),
    };
    Error::recipe(key, type_of(expected, key, value), found)
}

/// What serde found, without the name of its type.
fn plain(found: &str) -> String {
    let quoted = found.split_once('`').or(found.split_once(' '));
    let value = quoted.map_or(found, |(_, value)| value.trim_end_matches('`'));
    value.to_string()
}

/// A type of serde's in words.
fn type_of(expected: &str, key: &str, value: Option<&Value>) -> String {
    let text = value.and_then(Value::as_str);
    let table = |tag: &str| match text {
        Some(name) if !tag.is_empty() => format!("a table of keys, as in {key}.{tag}={name}"),
        _ => format!("a table of keys, each set by {key}.KEY=VALUE"),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_quoted = text.is_some_and(|text| text.parse::<i64>().is_ok());
    match expected {
        "u32" | "u64" | "usize" if is_quoted => "a whole number, without quotes".to_string(),
        "f64" => "a number".to_string(),
        "u32" | "u64" | "usize" if text.is_some_and(is_digits) => {
            format!(
                "a whole number of at most {}, the largest in TOML",
                i64::MAX
            )
        }
        "u32" | "u64" | "usize" => "a whole number from 0 on".to_string(),
        "a boolean" => "true or false".to_string(),
        "a string" => "text".to_string(),
        "a sequence" => match value {
            Some(Value::Table(_)) | None => "a list".to_string(),
            Some(value) => format!("a list, as in {key}=[{}]", shown(value)),
        },
        "string or map" => "a name or a table".to_string(),
        "internally tagged enum NetworkConfig" => table("family"),
        _ if expected.starts_with("internally tagged enum ") => table("kind"),
        _ if expected.starts_with("struct ") => table(""),
        _ => match expected.strip_prefix("an array of length ") {
            Some(length) => format!("a list of {length} numbers"),
            None => expected.to_string(),
        },
    }
}

/// The value at a key, as in `data.classes[0]`.
fn at<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split(['.', '[']);
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| match value {
        Value::Array(values) => values.get(part.trim_end_matches(']').parse::<usize>().ok()?),
        value => value.get(part),
    })
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Table(_) => "a table".to_string(),
        // Debug writes exponents and quotes.
        Value::Float(number) => format!("{number:?}"),
        Value::String(text) => format!("{text:?}"),
        value => one_line(&value.to_string()),
    };
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
