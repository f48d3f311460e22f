//! Lanes: the shards into which a kernel divides its work.
//!
//! The division depends only on the size of the work, never on the number of threads. One thread
//! computes each lane in order, and the results of lanes are added in index order, so the bits of a
//! result do not depend on the number of threads.

use candle_core::Result;
use rayon::prelude::*;

use super::real::Real;

const MAX_LANES: usize = 16;

/// Below this many operations, waking another thread takes longer than the work.
const WORTH_A_THREAD: usize = 1 << 16;

/// Number of items in each lane but the last, which may be shorter. Never 0.
fn lane_len(items: usize) -> usize {
    items.div_ceil(MAX_LANES).max(1)
}

/// Whether to use several threads for about `operations` arithmetic operations or moved elements.
fn spread(operations: usize) -> bool {
    operations >= WORTH_A_THREAD
}

/// Calls `work(first_item, chunk)` for each lane of `out`, which has `item_len` elements per item.
pub(in crate::ops) fn fill<T: Send>(
    out: &mut [T],
    item_len: usize,
    operations: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
) -> Result<()> {
    let lane = lane_len(out.len() / item_len.max(1));
    fill_lanes(out, item_len, lane, operations, work)
}

/// [`fill`] in lanes of at least 64 items, for matrix products with one row per item: shorter lanes
/// spend more time packing their operands than multiplying them.
pub(in crate::ops) fn fill_blocks<T: Send>(
    out: &mut [T],
    item_len: usize,
    operations: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
) -> Result<()> {
    let lane = lane_len(out.len() / item_len.max(1)).max(64);
    fill_lanes(out, item_len, lane, operations, work)
}

fn fill_lanes<T: Send>(
    out: &mut [T],
    item_len: usize,
    lane: usize,
    operations: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
) -> Result<()> {
    if item_len == 0 || out.is_empty() {
        return Ok(());
    }
    if spread(operations) {
        out.par_chunks_mut(lane * item_len)
            .enumerate()
            .try_for_each(|(index, chunk)| work(index * lane, chunk))
    } else {
        out.chunks_mut(lane * item_len)
            .enumerate()
            .try_for_each(|(index, chunk)| work(index * lane, chunk))
    }
}

/// Calls `work(range)` for each lane of `0..items` and returns the results in index order.
pub(in crate::ops) fn collect<R: Send>(
    items: usize,
    operations: usize,
    work: impl Fn(std::ops::Range<usize>) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let lane = lane_len(items);
    let run = |index: usize| work(index * lane..items.min((index + 1) * lane));
    let lanes = items.div_ceil(lane);
    if spread(operations) {
        (0..lanes).into_par_iter().map(run).collect()
    } else {
        (0..lanes).map(run).collect()
    }
}

/// The elementwise sum over lanes, in index order.
pub(in crate::ops) fn sum<T: Real>(lanes: Vec<Vec<T>>, len: usize) -> Result<Vec<T>> {
    let mut lanes = lanes.into_iter();
    let Some(mut total) = lanes.next() else {
        return Ok(vec![T::default(); len]);
    };
    let rest: Vec<Vec<T>> = lanes.collect();
    fill(&mut total, 1, len * rest.len(), |start, chunk| {
        for lane in &rest {
            for (sum, &value) in chunk.iter_mut().zip(lane.iter().skip(start)) {
                *sum += value;
            }
        }
        Ok(())
    })?;
    Ok(total)
}

/// `f` of each element; `cost` is its approximate number of operations.
pub(in crate::ops) fn map<T: Real>(
    x: &[T],
    cost: usize,
    f: impl Fn(T) -> T + Sync,
) -> Result<Vec<T>> {
    let mut out = vec![T::default(); x.len()];
    fill(&mut out, 1, x.len() * cost, |start, out| {
        for (out, &x) in out.iter_mut().zip(x.get(start..).unwrap_or_default()) {
            *out = f(x);
        }
        Ok(())
    })?;
    Ok(out)
}

/// `f` of each pair of elements.
pub(in crate::ops) fn zip<T: Real>(
    a: &[T],
    b: &[T],
    f: impl Fn(T, T) -> T + Sync,
) -> Result<Vec<T>> {
    let mut out = vec![T::default(); a.len()];
    fill(&mut out, 1, a.len(), |start, out| {
        let a = a.get(start..).unwrap_or_default();
        let b = b.get(start..).unwrap_or_default();
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = f(a, b);
        }
        Ok(())
    })?;
    Ok(out)
}
