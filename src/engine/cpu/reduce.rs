//! Sums over the shards of a batch, in one order for any number of threads.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::flat::add;
use super::isa::Isa;
use super::lines::Lines;
use super::loss::LossSums;

/// Values that a thread adds at once.
const CHUNK: usize = 1 << 15;

/// Memory for gradients, which returns for the next shard as soon as its values have been added to another's.
#[derive(Debug, Default)]
pub(crate) struct Gradients(Mutex<Vec<Lines>>);

impl Gradients {
    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Lines>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, len: usize) -> Lines {
        let free = self.free().pop().filter(|gradient| !gradient.is_empty());
        free.unwrap_or_else(|| Lines::zeros(len))
    }

    pub fn put_back(&self, gradient: Lines) {
        self.free().push(gradient);
    }

    /// The sums of the gradients, `len` values, and of the losses of some shards, which `shard` computes: those of the
    /// first half and those of the second, added. A thread adds up what it has before it takes more, so there are never
    /// many gradients at once.
    pub fn sum(
        &self,
        isa: Isa,
        len: usize,
        shards: Range<usize>,
        shard: &(impl Fn(usize, &mut Lines) -> LossSums + Sync),
    ) -> (Lines, LossSums) {
        if shards.len() <= 1 {
            let mut gradient = self.take(len);
            let losses = shard(shards.start, &mut gradient);
            return (gradient, losses);
        }
        let middle = shards.start + shards.len() / 2;
        let half = |range| move || self.sum(isa, len, range, shard);
        let halves = (half(shards.start..middle), half(middle..shards.end));
        let ((mut total, mut losses), (other, more)) = rayon::join(halves.0, halves.1);
        let pairs = total.par_chunks_mut(CHUNK).zip(other.par_chunks(CHUNK));
        pairs.for_each(|(total, other)| isa.run(Add { total, other }));
        self.put_back(other);
        losses.distance += more.distance;
        losses.penalty += more.penalty;
        losses.kl += more.kl;
        (total, losses)
    }
}

struct Add<'a> {
    total: &'a mut [f32],
    other: &'a [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        add(simd, self.total, self.other);
    }
}
