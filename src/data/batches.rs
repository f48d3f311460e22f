//! The order in which an epoch visits the samples.

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
    next: usize,
}

impl Batches {
    /// All samples as one batch, in their own order: the order within a batch does not matter.
    ///
    /// # Errors
    /// When `count` is above 2^32 - 1.
    pub fn whole(count: usize) -> Result<Self> {
        Ok(Self {
            order: (0..samples(count)?).collect(),
            batch_size: count.max(1),
            next: 0,
        })
    }

    /// The batches of `epoch` over `count` samples.
    ///
    /// # Errors
    /// When the batch size is zero or `count` is above 2^32 - 1.
    pub fn new(count: usize, batch_size: usize, seed: u64, epoch: u64) -> Result<Self> {
        if batch_size == 0 {
            return Err(Error::argument("batch size", "1 or more", batch_size));
        }
        Ok(Self {
            order: Stream::new(seed, Purpose::Shuffle, epoch, 0).permutation(samples(count)?),
            batch_size,
            next: 0,
        })
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
        let start = skipped
            .saturating_mul(self.batch_size)
            .saturating_add(self.next)
            .min(self.order.len());
        let end = start.saturating_add(self.batch_size).min(self.order.len());
        self.next = end;
        match self.order.get(start..end) {
            Some(batch) if !batch.is_empty() => Some(batch.to_vec()),
            _ => None,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.order.len().saturating_sub(self.next);
        let batches = left.div_ceil(self.batch_size);
        (batches, Some(batches))
    }
}

impl ExactSizeIterator for Batches {}
