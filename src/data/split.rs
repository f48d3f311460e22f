//! Holding images out of a set, regardless of their labels.

use super::Images;
use crate::Result;
use crate::random::{Purpose, Stream};

/// The split is independent of a run's seed, so that figures of different seeds are comparable.
const SEED: u64 = 0;
/// The keys of the two splits, which makes them independent.
const VALIDATION: u64 = 0;
const TEST: u64 = 1;

/// Splits a training set into training and validation images: one tenth, at most 5,000 and at least one, is
/// held out, but not the only one. Both parts keep their order.
pub fn hold_out(images: &Images) -> Result<(Images, Images)> {
    let held_out = match images.len() {
        0 | 1 => 0,
        count => (count / 10).clamp(1, 5_000),
    };
    draw(images, held_out, VALIDATION)
}

/// Splits a set without test images into training and test images: `fraction` of all, rounded, at least one
/// and leaving at least two; of fewer than three images, all are test images. Both parts keep their order.
pub fn hold_out_test(images: &Images, fraction: f64) -> Result<(Images, Images)> {
    let held_out = match images.len() {
        count @ ..3 => count,
        // A cast from a float saturates.
        count => ((count as f64 * fraction).round() as usize).clamp(1, count - 2),
    };
    draw(images, held_out, TEST)
}

fn draw(images: &Images, held_out: usize, split: u64) -> Result<(Images, Images)> {
    // Images are no more than fit into 32 bits.
    let count = images.len() as u32;
    let mut kept = Stream::new(SEED, Purpose::Split, 0, split).permutation(count);
    let mut held_out = kept.split_off(images.len().saturating_sub(held_out));
    kept.sort_unstable();
    held_out.sort_unstable();
    Ok((images.subset(&kept)?, images.subset(&held_out)?))
}
