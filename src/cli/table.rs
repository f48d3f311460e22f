//! The table of all flags in docs/commands.md, from the definitions that the program parses with.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Arg, Command};

use super::definition;

const START: &str = "<!-- flags: begin -->\n";
const END: &str = "<!-- flags: end -->\n";

/// Flags by name; for each meaning, the commands that take it so.
type Flags = BTreeMap<String, Vec<(String, Vec<String>)>>;

fn add(flags: &mut Flags, command: &Command, path: &str) {
    let is_shown = |argument: &&Arg| !argument.is_hide_set() && argument.get_id() != "help";
    for argument in command.get_arguments().filter(is_shown) {
        let Some(long) = argument.get_long() else {
            continue;
        };
        let short = argument.get_short().map(|short| format!("-{short}, "));
        let values = argument.get_value_names().unwrap_or_default();
        let value = match argument.get_action().takes_values() {
            true => values.iter().map(|value| format!(" {value}")).collect(),
            false => String::new(),
        };
        let name = format!("`{}--{long}{value}`", short.unwrap_or_default());
        let help = argument.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let first = help
            .split_once(". ")
            .map_or(help.as_str(), |(first, _)| first);
        let (name, help) = (escaped(&name), escaped(first));
        let meanings = flags.entry(format!("{long} {name}")).or_default();
        match meanings.iter_mut().find(|(meaning, _)| *meaning == help) {
            Some((_, commands)) => commands.push(path.to_string()),
            None => meanings.push((help, vec![path.to_string()])),
        }
    }
    for inner in command
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help")
    {
        add(flags, inner, format!("{path} {}", inner.get_name()).trim());
    }
}

/// Text in a cell of a Markdown table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

fn table() -> String {
    let mut flags = Flags::new();
    add(&mut flags, &definition(), "");
    let mut text = "| flag | commands | meaning |\n|---|---|---|\n".to_string();
    for (name, meanings) in &flags {
        let name = name.split_once(' ').map_or(name.as_str(), |(_, name)| name);
        for (meaning, commands) in meanings {
            let commands = match commands.join(", ") {
                all if all.is_empty() => "all".to_string(),
                some => some,
            };
            text += &format!("| {name} | {commands} | {meaning} |\n");
        }
    }
    text
}

/// AUTOENCODE_WRITE_COMMANDS=1 writes the table in place of comparing it.
#[test]
fn docs_show_every_flag() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(START).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("AUTOENCODE_WRITE_COMMANDS").is_some() {
        let text = format!("{before}{START}{}{END}{after}", table());
        std::fs::write(&path, text).unwrap();
        return;
    }
    assert_eq!(
        found,
        table(),
        "AUTOENCODE_WRITE_COMMANDS=1 cargo test docs_show writes it"
    );
}

#[test]
fn flags_with_one_meaning_have_one_wording() {
    let mut flags = Flags::new();
    add(&mut flags, &definition(), "");
    for flag in ["force", "offline", "part", "precision", "set"] {
        let mut named = flags.iter();
        let wordings = named.find(|(name, _)| name.starts_with(&format!("{flag} ")));
        let wordings: Vec<_> = wordings.unwrap().1.iter().map(|(text, _)| text).collect();
        assert_eq!(wordings.len(), 1, "{flag}: {wordings:?}");
    }
}
