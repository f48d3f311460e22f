//! How a batch is cut into shards.

use std::ops::Range;

use super::program::Program;
use super::shared::WORTH_A_THREAD;

/// The largest number of shards, and the number from which on shards grow to whole micro-batches first.
const MOST: usize = 64;
const MANY: usize = 32;
/// A batch in consecutive shards that differ by a sample at most. It depends on the sizes of the network and the batch
/// only, never on the number of threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub samples: usize,
    /// A power of two.
    pub shards: usize,
}

impl Cut {
    /// For a batch of this many samples.
    pub fn new(program: &Program, samples: usize) -> Self {
        let whole = Self { samples, shards: 1 };
        if samples < 2 || program.shares_products() {
            return whole;
        }
        let least = WORTH_A_THREAD.div_ceil(program.work);
        let least = least.max(program.worth_a_gradient);
        let fitting = (samples / least).min(MANY.max(samples / program.samples));
        // Even where half a batch is less than that, two threads take less time than one.
        let is_worth = program.has_convolutions && samples * program.work >= 2 * WORTH_A_THREAD;
        let shards = fitting.clamp(if is_worth { 2 } else { 1 }, MOST);
        Self {
            shards: 1 << shards.ilog2(),
            ..whole
        }
    }

    /// The samples of a shard.
    pub fn range(self, shard: usize) -> Range<usize> {
        let first = |shard: usize| shard * self.samples / self.shards;
        first(shard)..first(shard + 1)
    }
}

#[cfg(test)]
mod tests;
