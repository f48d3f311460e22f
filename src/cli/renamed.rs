//! Old names of flags: they keep working, with a note.

use std::ffi::OsString;

/// Command, old name, name.
const RENAMED: [(&str, &str, &str); 4] = [
    ("infer", "--add-noise", "--noise"),
    ("encode", "--add-noise", "--noise"),
    ("sample", "--grid", "--sheet"),
    ("decode", "--grid", "--steps"),
];

/// The command line with its old names replaced, and a note for each.
pub fn rename(arguments: impl Iterator<Item = OsString>) -> (Vec<OsString>, Vec<String>) {
    let mut notes = Vec::new();
    let mut command = None;
    let mut is_flag = true;
    let renamed = arguments.map(|argument| {
        let Some(text) = argument.to_str() else {
            return argument;
        };
        is_flag &= text != "--";
        let known = RENAMED.iter().find(|(of, ..)| *of == text);
        command = command.or(known.map(|(of, ..)| *of));
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let old = |entry: &&(&str, &str, &str)| Some(entry.0) == command && entry.1 == name;
        let Some((_, old, new)) = RENAMED.iter().find(old).filter(|_| is_flag) else {
            return argument;
        };
        notes.push(format!("{old} is the old name of {new}"));
        match value {
            Some(value) => format!("{new}={value}").into(),
            None => new.into(),
        }
    });
    (renamed.collect(), notes)
}
