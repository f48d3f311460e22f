//! Python literals, as they stand in NumPy headers and in messages about arrays.

/// The most dimensions of an array in NumPy.
const MAX_DIMENSIONS: usize = 64;

/// A shape in Python's notation.
pub fn tuple(shape: &[impl ToString]) -> String {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    match sides.as_slice() {
        [one] => format!("({one},)"),
        sides => format!("({})", sides.join(", ")),
    }
}

/// The start of a text for a message: one line, printable.
pub fn excerpt(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut short: String = text.trim().chars().take(60).collect();
    if short.len() < text.trim().len() {
        short.push_str("...");
    }
    short.escape_debug().to_string()
}

/// A Python literal, parsed from its start; blanks are ignored.
pub struct Literal<'a> {
    rest: &'a [u8],
}

impl<'a> Literal<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    pub fn next_is(&mut self, text: &[u8]) -> bool {
        self.rest = self.rest.trim_ascii_start();
        self.rest.starts_with(text)
    }

    pub fn is_at_end(&mut self) -> bool {
        self.rest = self.rest.trim_ascii_start();
        self.rest.is_empty()
    }

    pub fn take(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.trim_ascii_start().strip_prefix(text)?;
        Some(())
    }

    /// A string in single or double quotes, without escapes.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let quote = if self.next_is(b"\"") { b'"' } else { b'\'' };
        self.take(&[quote])?;
        let end = self.rest.iter().position(|&byte| byte == quote)?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..)?;
        (!text.contains(&b'\\')).then_some(text)
    }

    pub fn boolean(&mut self) -> Option<bool> {
        let is_true = self.take(b"True").is_some();
        (is_true || self.take(b"False").is_some()).then_some(is_true)
    }

    /// A tuple of numbers: `()`, `(3,)`, `(3, 4)`.
    pub fn shape(&mut self) -> Option<Vec<u64>> {
        self.take(b"(")?;
        let mut shape = Vec::new();
        while self.take(b")").is_none() {
            shape.push(self.number()?);
            let comma = self.take(b",").is_some();
            // `(3)` is a number in Python, not a tuple.
            let closes = self.next_is(b")") && shape.len() > 1;
            if (!comma && !closes) || shape.len() > MAX_DIMENSIONS {
                return None;
            }
        }
        Some(shape)
    }

    fn number(&mut self) -> Option<u64> {
        self.rest = self.rest.trim_ascii_start();
        let digits = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        std::str::from_utf8(number).ok()?.parse().ok()
    }
}
