//! Memory that the system refuses.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;

thread_local! {
    /// Whether this thread handles a refusal itself.
    static HANDLES: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator for a program that ends with one line and exit code 1 if there is no memory, where Rust
/// would abort it.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: autoencode::memory::OrExit = autoencode::memory::OrExit;
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct OrExit;

// SAFETY: all calls go to the system's allocator as they are.
unsafe impl GlobalAlloc for OrExit {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that System asks for; likewise below.
        granted(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        granted(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        granted(unsafe { System.realloc(old, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// The memory, unless there is none and nobody handles that.
fn granted(memory: *mut u8, bytes: usize) -> *mut u8 {
    if !memory.is_null() || HANDLES.get() {
        return memory;
    }
    // Should printing or exiting ask for memory in vain, Rust aborts.
    HANDLES.set(true);
    let _ = writeln!(
        std::io::stderr(),
        "error: no memory for another {bytes} bytes: fewer --threads and smaller inputs take less, and in training a \
         smaller training.batch_size (--batch-size); checkpoints that were saved are whole"
    );
    std::process::exit(1)
}

/// An empty vector with room for `len` values; none if there is no memory for them.
pub(crate) fn room<T>(len: usize) -> Option<Vec<T>> {
    let mut values = Vec::new();
    HANDLES.set(true);
    let reserved = values.try_reserve_exact(len);
    HANDLES.set(false);
    reserved.is_ok().then_some(values)
}
