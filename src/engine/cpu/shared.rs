//! Work of one step that several threads take parts of.

use std::cell::RefCell;
use std::marker::PhantomData;

use rayon::prelude::*;

use super::lines::Lines;

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

/// Memory that several threads write, each at places of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Divided<'a> {
    first: *mut f32,
    len: usize,
    memory: PhantomData<&'a mut [f32]>,
}

// SAFETY: the values can be reached only through the pointer, by unsafe code that has to see to it that no two threads
// use the same place.
unsafe impl Send for Divided<'_> {}
// SAFETY: as above.
unsafe impl Sync for Divided<'_> {}

impl<'a> Divided<'a> {
    pub fn new(memory: &'a mut [f32]) -> Self {
        Self {
            first: memory.as_mut_ptr(),
            len: memory.len(),
            memory: PhantomData,
        }
    }

    /// The memory from a place on.
    pub fn after(self, place: usize) -> Self {
        assert!(place <= self.len);
        Self {
            // SAFETY: the place lies inside of the memory or at its end.
            first: unsafe { self.first.add(place) },
            len: self.len - place,
            ..self
        }
    }

    pub fn len(self) -> usize {
        self.len
    }

    pub fn as_ptr(self) -> *mut f32 {
        self.first
    }
}

/// Lends this thread's working memory of at least `len` values. `work` must not wait for other parts of a shared work,
/// which this thread could take up meanwhile.
pub(crate) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    thread_local! {
        static SCRATCH: RefCell<Lines> = RefCell::default();
    }
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.reserve(len);
        work(&mut scratch[..len])
    })
}
