//! Commands to paste into a shell.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Characters that mean themselves in every shell, anywhere in a word.
const PLAIN: &str = "-_./:,@+";

/// A command on one line that a shell takes apart into these words again.
pub fn line(words: &[OsString]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// A path as an argument, which must not look like a flag.
pub fn argument(path: &Path) -> OsString {
    match path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        true => PathBuf::from(".").join(path).into_os_string(),
        false => path.as_os_str().to_os_string(),
    }
}

/// A word for a POSIX shell. Control characters and bytes that are not UTF-8 can only be written as bash, zsh
/// and ksh do, in `$'...'`.
fn quoted(word: &OsStr) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_string(),
        Some(text) if !text.contains(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => escaped(word),
    }
}

fn escaped(word: &OsStr) -> String {
    let mut text = String::from("$'");
    let escape = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    };
    for chunk in word.as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '\'' => text.extend(['\\', c]),
                c if c.is_control() => escape(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => text.push(c),
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_they_must_be() {
        for (word, expected) in [
            ("runs/conv-denoiser", "runs/conv-denoiser"),
            ("my run", "'my run'"),
            ("it's $HOME", r"'it'\''s $HOME'"),
            ("", "''"),
            ("~", "'~'"),
            ("größe", "'größe'"),
            ("a\nb'\\\u{1b}[31m\u{9b}", r"$'a\x0ab\'\\\x1b[31m\xc2\x9b'"),
        ] {
            assert_eq!(quoted(OsStr::new(word)), expected);
        }
        assert_eq!(argument(Path::new("-run")), "./-run");
    }
}
