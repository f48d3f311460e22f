//! The order in which an epoch visits the samples.

use std::iter::StepBy;
use std::ops::Range;

use crate::random::{Purpose, Stream};
use crate::{Error, Result};

/// The batches of one epoch as vectors of sample indices: every sample once, in an order that depends
/// only on the seed and the epoch. The last batch may be smaller.
///
/// To resume an epoch at a batch, use [`Iterator::skip`].
#[derive(Debug, Clone)]
pub struct Batches {
    order: Vec<u32>,
    batch_size: usize,
    /// The starts of the batches that are still to come.
    starts: StepBy<Range<usize>>,
}

impl Batches {
    /// All samples as one batch, in their own order: the order within a batch does not matter.
    ///
    /// # Errors
    /// When `count` is above 2^32 - 1.
    pub fn whole(count: usize) -> Result<Self> {
        Ok(Self::of((0..samples(count)?).collect(), count.max(1)))
    }

    /// The batches of `epoch` over `count` samples.
    ///
    /// # Errors
    /// When the batch size is zero or `count` is above 2^32 - 1.
    pub fn new(count: usize, batch_size: usize, seed: u64, epoch: u64) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::argument("batch size", "1 or more", batch_size));
        }
        let mut stream = Stream::new(seed, Purpose::Shuffle, epoch, 0);
        Ok(Self::of(stream.permutation(samples(count)?), batch_size))
    }

    fn of(order: Vec<u32>, batch_size: usize) -> Self {
        Self {
            starts: (0..order.len()).step_by(batch_size),
            order,
            batch_size,
        }
    }
}

fn samples(count: usize) -> Result<u32> {
    u32::try_from(count)
        .map_err(|_| Error::argument("number of samples", "at most 4,294,967,295", count))
}

impl Iterator for Batches {
    type Item = Vec<u32>;

    fn next(&mut self) -> Option<Self::Item> {
        self.nth(0)
    }

    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        let start = self.starts.nth(skipped)?;
        let end = start.saturating_add(self.batch_size).min(self.order.len());
        self.order.get(start..end).map(<[u32]>::to_vec)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.starts.size_hint()
    }
}

impl ExactSizeIterator for Batches {}
