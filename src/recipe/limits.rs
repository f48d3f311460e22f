//! Limits of numbers in recipes, and the error message for each kind.

use std::ops::RangeInclusive;

use crate::{Error, Result};

/// The largest number of steps of a run; TOML holds no more than 2^63 - 1.
const MAX_STEPS: u64 = 1_000_000_000_000;

/// An error about the key, unless the condition holds.
pub(super) fn check(
    holds: bool,
    key: &str,
    expected: impl Into<String>,
    found: impl ToString,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::recipe(key, expected, found))
}

/// Neither bound admits NaN.
pub(super) fn within(key: &str, value: f64, range: RangeInclusive<f64>) -> Result<()> {
    let expected = format!("from {} to {}", range.start(), range.end());
    check(range.contains(&value), key, expected, value)
}

pub(super) fn positive(key: &str, value: f64, most: f64) -> Result<()> {
    let expected = format!("above 0, at most {most}");
    check(value > 0.0 && value <= most, key, expected, value)
}

pub(super) fn count(key: &str, value: usize, range: RangeInclusive<usize>) -> Result<()> {
    let expected = format!("{} to {}", range.start(), range.end());
    check(range.contains(&value), key, expected, value)
}

pub(super) fn steps(key: &str, steps: u64) -> Result<()> {
    let expected = format!("at most {MAX_STEPS}");
    check(steps <= MAX_STEPS, key, expected, steps)
}
