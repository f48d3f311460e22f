//! Holding validation images out of a training set.

use super::Images;
use crate::random::{Purpose, Stream};
use crate::{Error, Result};

/// The split does not follow the seed of a run, so figures of different seeds can be compared.
const SEED: u64 = 0;

/// Splits a training set into training and validation images, drawn without a look at the labels:
/// one tenth, at most 5,000 and at least one, is held out. Both parts keep their order.
pub fn hold_out(images: &Images) -> Result<(Images, Images)> {
    let too_few = || Error::argument("training images", "2 or more", images.len());
    let count = u32::try_from(images.len()).map_err(|_| too_few())?;
    if count < 2 {
        return Err(too_few());
    }
    let held_out = (count / 10).clamp(1, 5_000) as usize;
    let mut train = Stream::new(SEED, Purpose::Split, 0, 0).permutation(count);
    let mut validation = train.split_off(images.len().saturating_sub(held_out));
    train.sort_unstable();
    validation.sort_unstable();
    Ok((images.subset(&train)?, images.subset(&validation)?))
}
