//! Holding images out of a set, regardless of their labels.

use std::path::Path;

use super::Images;
use crate::random::{Purpose, Stream};
use crate::{Error, Result};

/// The split is independent of a run's seed, so that figures of different seeds are comparable.
const SEED: u64 = 0;
/// The keys of the two splits, which makes them independent.
const VALIDATION: u64 = 0;
const TEST: u64 = 1;

/// Splits a training set into training and validation images: one tenth, at most 5,000 and at least one, is
/// held out. Both parts keep their order. `path` is the source if it is a file or folder.
pub fn hold_out(images: &Images, path: Option<&Path>) -> Result<(Images, Images)> {
    let count = count(images, "training images", 2, path)?;
    draw(images, count, (count / 10).clamp(1, 5_000), VALIDATION)
}

/// Splits a set without test images into training and test images: `fraction` of all, rounded, at least one
/// and leaving at least two. Both parts keep their order.
pub fn hold_out_test(images: &Images, fraction: f64, path: &Path) -> Result<(Images, Images)> {
    let count = count(images, "images", 3, Some(path))?;
    // A cast from a float saturates.
    let held_out = (f64::from(count) * fraction).round() as u32;
    draw(images, count, held_out.clamp(1, count - 2), TEST)
}

fn count(images: &Images, what: &str, least: u32, path: Option<&Path>) -> Result<u32> {
    match (u32::try_from(images.len()), path) {
        (Ok(count), _) if count >= least => Ok(count),
        (_, Some(path)) => {
            let expected = format!("{least} or more {what}");
            Err(Error::file(path, expected, images.len().to_string()))
        }
        (_, None) => {
            let expected = format!("{least} or more");
            Err(Error::argument(what, expected, images.len()))
        }
    }
}

fn draw(images: &Images, count: u32, held_out: u32, split: u64) -> Result<(Images, Images)> {
    let mut kept = Stream::new(SEED, Purpose::Split, 0, split).permutation(count);
    let mut held_out = kept.split_off(images.len().saturating_sub(held_out as usize));
    kept.sort_unstable();
    held_out.sort_unstable();
    Ok((images.subset(&kept)?, images.subset(&held_out)?))
}
