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

/// `rows` rows of `columns` elements, written by `work(first_row, chunk)` for each lane of at least 64 rows: shorter
/// lanes spend more time packing the operands of a matrix product than multiplying them.
pub(in crate::ops) fn fill_rows<T: Real>(
    rows: usize,
    columns: usize,
    operations: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
) -> Result<Vec<T>> {
    fill(rows, columns, lane_len(rows).max(64), operations, work)
}

/// `len` elements, written by `work(first, chunk)` for each lane.
fn fill_elements<T: Real>(
    len: usize,
    operations: usize,
    work: impl Fn(usize, &mut [T]) + Sync,
) -> Result<Vec<T>> {
    fill(len, 1, lane_len(len), operations, |first, chunk| {
        work(first, chunk);
        Ok(())
    })
}

/// `items` of `item_len` elements, written by `work(first_item, chunk)` for each `lane` of them.
fn fill<T: Real>(
    items: usize,
    item_len: usize,
    lane: usize,
    operations: usize,
    work: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
) -> Result<Vec<T>> {
    let mut out = vec![T::default(); items * item_len];
    let chunk_len = (lane * item_len).max(1);
    let run = |(index, chunk): (usize, &mut [T])| work(index * lane, chunk);
    if spread(operations) {
        let chunks = out.par_chunks_mut(chunk_len);
        chunks.enumerate().try_for_each(run)?;
    } else {
        out.chunks_mut(chunk_len).enumerate().try_for_each(run)?;
    }
    Ok(out)
}

/// Calls `work(range)` for each lane of `0..items` and returns the results in index order.
pub(in crate::ops) fn collect<R: Send>(
    items: usize,
    operations: usize,
    work: impl Fn(std::ops::Range<usize>) -> R + Sync,
) -> Vec<R> {
    let lane = lane_len(items);
    let run = |index: usize| work(index * lane..items.min((index + 1) * lane));
    let lanes = items.div_ceil(lane);
    if spread(operations) {
        (0..lanes).into_par_iter().map(run).collect()
    } else {
        (0..lanes).map(run).collect()
    }
}

/// The elementwise sum over lanes of `len` elements, in index order.
pub(in crate::ops) fn sum<T: Real>(lanes: &[Vec<T>], len: usize) -> Result<Vec<T>> {
    fill_elements(len, len * lanes.len(), |start, out| {
        for lane in lanes {
            for (sum, &value) in out.iter_mut().zip(lane.iter().skip(start)) {
                *sum += value;
            }
        }
    })
}

/// `f` of each element; `cost` is its approximate number of operations.
pub(in crate::ops) fn map<T: Real>(
    x: &[T],
    cost: usize,
    f: impl Fn(T) -> T + Sync,
) -> Result<Vec<T>> {
    fill_elements(x.len(), x.len() * cost, |start, out| {
        for (out, &x) in out.iter_mut().zip(x.get(start..).unwrap_or_default()) {
            *out = f(x);
        }
    })
}

/// `f` of each pair of elements.
pub(in crate::ops) fn zip<T: Real>(
    a: &[T],
    b: &[T],
    f: impl Fn(T, T) -> T + Sync,
) -> Result<Vec<T>> {
    fill_elements(a.len(), a.len(), |start, out| {
        let a = a.get(start..).unwrap_or_default();
        let b = b.get(start..).unwrap_or_default();
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = f(a, b);
        }
    })
}
