//! The text form of layers: `conv 3x3, 32, stride 2, no bias`.

/// The parts after a layer's name, separated by commas, each read once.
pub(super) struct Words<'a> {
    rest: Vec<&'a str>,
}

/// The largest width or channel count of a layer: far above any use, far below a typing mistake that would exhaust
/// memory.
pub(crate) const MAX_UNITS: usize = 1 << 20;

impl<'a> Words<'a> {
    /// The parts of a layer of that name; None if the text is another layer's.
    pub fn of(text: &'a str, name: &str) -> Option<Self> {
        let rest = text.trim().strip_prefix(name)?;
        if !rest.is_empty() && !rest.starts_with(' ') {
            return None;
        }
        // Commas in brackets do not separate parts.
        let mut depth = 0;
        let parts = rest.split(|c| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        });
        let rest = parts.map(str::trim).filter(|part| !part.is_empty());
        Some(Self {
            rest: rest.collect(),
        })
    }

    fn next(&mut self, expected: &str) -> Result<&'a str, String> {
        if self.rest.is_empty() {
            return Err(expected.to_string());
        }
        Ok(self.rest.remove(0))
    }

    /// A number of units or channels.
    pub fn size(&mut self) -> Result<usize, String> {
        self.at_most(MAX_UNITS)
    }

    /// A number of at least 1.
    pub fn at_most(&mut self, most: usize) -> Result<usize, String> {
        let expected = format!("a number from 1 to {most}");
        let word = self.next(&expected)?;
        number(word, most).ok_or(expected)
    }

    /// A square: `3x3`.
    pub fn square(&mut self, most: usize) -> Result<usize, String> {
        let expected = format!("a square kernel from 1x1 to {most}x{most}");
        let sides = self.next(&expected)?.split_once('x');
        match sides.map(|(height, width)| (number(height, most), number(width, most))) {
            Some((Some(height), Some(width))) if height == width => Ok(height),
            _ => Err(expected),
        }
    }

    /// A list: `[1, 28, 28]`.
    pub fn list(&mut self) -> Result<Vec<usize>, String> {
        let expected = "sizes from 1, as [1, 28, 28]";
        let word = self.next(expected)?;
        let inner = word
            .strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'));
        let sizes = inner.map(|inner| inner.split(',').map(|size| number(size, usize::MAX)));
        sizes
            .and_then(Iterator::collect)
            .ok_or_else(|| expected.to_string())
    }

    /// A number after its name, if it is given: `stride 2`.
    pub fn named(&mut self, name: &str, most: usize) -> Result<Option<usize>, String> {
        let value = |part: &&str| part.strip_prefix(name).is_some_and(|v| v.starts_with(' '));
        let Some(place) = self.rest.iter().position(value) else {
            return Ok(None);
        };
        let word = self
            .rest
            .remove(place)
            .get(name.len()..)
            .unwrap_or_default();
        let expected = || format!("{name} from 1 to {most}");
        number(word, most).map(Some).ok_or_else(expected)
    }

    /// Whether these words are given.
    pub fn has(&mut self, words: &str) -> bool {
        let place = self.rest.iter().position(|part| *part == words);
        place.map(|place| self.rest.remove(place)).is_some()
    }

    /// Returns the value read, if no part is left over.
    pub fn end<T>(self, read: T) -> Result<T, String> {
        match self.rest.as_slice() {
            [] => Ok(read),
            [part, ..] => Err(format!("nothing more than that in place of `{part}`")),
        }
    }
}

fn number(word: &str, most: usize) -> Option<usize> {
    let number = word.trim().parse().ok()?;
    (1..=most).contains(&number).then_some(number)
}
