//! Rust source as words, strings and punctuation, without comments and tests.

/// A word, a string with its quotes, a `::` or one character of punctuation, and the line it stands on.
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// The tokens of a source file.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => block_comment(rest),
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                let double_colon = rest.starts_with("::").then_some(2);
                let length = string(rest).or(word(rest)).or(double_colon);
                let length = length.unwrap_or(first.len_utf8());
                let text = rest[..length].to_string();
                tokens.push(Token { text, line });
                length
            }
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of the name or number that the text begins with.
fn word(text: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let length = text.find(|c| !is_part(c)).unwrap_or(text.len());
    (length > 0).then_some(length)
}

/// The length of a comment that may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = &text[at..];
        let (change, length) = match () {
            _ if rest.starts_with("/*") => (1, 2),
            _ if rest.starts_with("*/") => (-1, 2),
            _ => (0, rest.chars().next().map_or(0, char::len_utf8)),
        };
        depth += change;
        at += length;
        if depth == 0 || length == 0 {
            return at;
        }
    }
}

/// The length of the string, of any kind, or of the character that the text begins with.
fn string(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""]
        .into_iter()
        .find(|prefix| text.starts_with(prefix))?;
    let after = &text[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = after.len() - after.trim_start_matches('#').len();
        if after[hashes..].starts_with('"') {
            let end = format!("\"{}", &after[..hashes]);
            let begin = prefix.len() + hashes + 1;
            let length = text[begin..].find(&end)?;
            return Some(begin + length + end.len());
        }
        return None;
    }
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut inside = after[1..].char_indices();
    let (_, first) = inside.next()?;
    // A lifetime is no character: 'a, but not 'a'.
    if quote == '\'' && first != '\\' && inside.clone().next()?.1 != '\'' {
        return None;
    }
    let mut characters = after[1..].char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            _ if character == quote => return Some(prefix.len() + 1 + at + 1),
            _ => {}
        }
    }
    None
}

/// The tokens without the items that only tests are compiled with.
pub fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if token.text != "#" || tokens.peek().is_none_or(|next| next.text != "[") {
            kept.push(token);
            continue;
        }
        let mut attribute = vec![token];
        let mut depth = 0;
        for token in tokens.by_ref() {
            depth += i32::from(token.text == "[") - i32::from(token.text == "]");
            attribute.push(token);
            if depth == 0 {
                break;
            }
        }
        let text: String = attribute.iter().map(|token| token.text.as_str()).collect();
        if !text.starts_with("#[cfg(test") && !text.starts_with("#[cfg(all(test") {
            kept.extend(attribute);
            continue;
        }
        // The item ends with its first block, or without one.
        let mut depth = 0;
        for token in tokens.by_ref() {
            depth += i32::from(token.text == "{") - i32::from(token.text == "}");
            if depth == 0 && matches!(token.text.as_str(), ";" | "}") {
                break;
            }
        }
    }
    kept
}
