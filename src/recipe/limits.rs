//! Limits of numbers in recipes, and the error message for each kind.

use std::ops::RangeInclusive;

use crate::{Error, Result};

/// The largest number of steps of a run; TOML holds no more than 2^63 - 1.
const MAX_STEPS: u64 = 1_000_000_000_000;

pub(super) fn check(key: &str, value: f64, expected: &str, holds: bool) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::recipe(key, expected, value))
    }
}

/// Neither bound admits NaN.
pub(super) fn within(key: &str, value: f64, range: RangeInclusive<f64>) -> Result<()> {
    let expected = format!("from {} to {}", range.start(), range.end());
    check(key, value, &expected, range.contains(&value))
}

pub(super) fn positive(key: &str, value: f64, most: f64) -> Result<()> {
    let expected = format!("above 0, at most {most}");
    check(key, value, &expected, value > 0.0 && value <= most)
}

pub(super) fn count(key: &str, value: usize, range: RangeInclusive<usize>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("{} to {}", range.start(), range.end());
    Err(Error::recipe(key, expected, value))
}

pub(super) fn steps(key: &str, steps: u64) -> Result<()> {
    match steps {
        0..=MAX_STEPS => Ok(()),
        _ => Err(Error::recipe(key, format!("at most {MAX_STEPS}"), steps)),
    }
}
