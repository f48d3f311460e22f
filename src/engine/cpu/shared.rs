//! Work of one step that several threads take parts of.

use rayon::prelude::*;

/// Multiplications that take longer than waking a thread.
pub(crate) const WORTH_A_THREAD: usize = 1 << 19;

/// Calls `work` for each part, which takes `cost` multiplications: on this thread, or, if `is_shared`, also on those that
/// wait for work.
pub(crate) fn in_parts<I: IndexedParallelIterator>(
    is_shared: bool,
    cost: usize,
    parts: I,
    work: impl Fn(I::Item) + Sync + Send,
) {
    let least = match is_shared {
        true => WORTH_A_THREAD.div_ceil(cost.max(1)),
        false => usize::MAX,
    };
    parts.with_min_len(least).for_each(work);
}
