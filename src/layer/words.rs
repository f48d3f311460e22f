//! The text form of layers: `conv 3x3, 32, stride 2, no bias`.

use std::collections::VecDeque;

/// The parts after a layer's name, separated by commas, each read once.
pub(super) struct Words<'a> {
    rest: VecDeque<&'a str>,
}

/// The largest width or channel count of a layer: far above any use, far below a typing mistake that would exhaust
/// memory.
pub(crate) const MAX_UNITS: usize = 1 << 20;

impl<'a> Words<'a> {
    /// Reads a layer of that name: `layer` must take all its parts. None if the text is another layer's.
    pub fn read<T>(
        text: &'a str,
        name: &str,
        layer: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Option<Result<T, String>> {
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
        let mut words = Self {
            rest: rest.collect(),
        };
        Some(layer(&mut words).and_then(|read| match words.rest.front() {
            None => Ok(read),
            Some(part) => Err(format!("nothing more than that in place of `{part}`")),
        }))
    }

    /// The next part, as `read` understands it.
    fn next<T>(
        &mut self,
        expected: impl Into<String>,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, String> {
        let part = self.rest.pop_front();
        part.and_then(read).ok_or_else(|| expected.into())
    }

    /// A number of units or channels.
    pub fn size(&mut self) -> Result<usize, String> {
        self.at_most(MAX_UNITS)
    }

    /// A number of at least 1.
    pub fn at_most(&mut self, most: usize) -> Result<usize, String> {
        let expected = format!("a number from 1 to {most}");
        self.next(expected, |part| number(part, most))
    }

    /// A square: `3x3`.
    pub fn square(&mut self, most: usize) -> Result<usize, String> {
        let expected = format!("a square kernel from 1x1 to {most}x{most}");
        self.next(expected, |part| {
            let (height, width) = part.split_once('x')?;
            let side = number(height, most)?;
            (number(width, most)? == side).then_some(side)
        })
    }

    /// A list: `[1, 28, 28]`.
    pub fn list(&mut self) -> Result<Vec<usize>, String> {
        self.next("sizes from 1, as [1, 28, 28]", |part| {
            let sizes = part.strip_prefix('[')?.strip_suffix(']')?.split(',');
            sizes.map(|size| number(size, usize::MAX)).collect()
        })
    }

    /// A number after its name, if it is given: `stride 2`.
    pub fn named(&mut self, name: &str, most: usize) -> Result<Option<usize>, String> {
        let value = |part: &'a str| part.strip_prefix(name).filter(|v| v.starts_with(' '));
        let Some(place) = self.rest.iter().position(|part| value(part).is_some()) else {
            return Ok(None);
        };
        let part = self.rest.remove(place);
        let number = part.and_then(value).and_then(|word| number(word, most));
        let expected = || format!("{name} from 1 to {most}");
        number.map(Some).ok_or_else(expected)
    }

    /// Whether these words are given.
    pub fn has(&mut self, words: &str) -> bool {
        let place = self.rest.iter().position(|part| *part == words);
        place.and_then(|place| self.rest.remove(place)).is_some()
    }
}

fn number(word: &str, most: usize) -> Option<usize> {
    let number = word.trim().parse().ok()?;
    (1..=most).contains(&number).then_some(number)
}
