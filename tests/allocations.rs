//! A steady training step allocates nothing large.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use autoencode::data::{Source, load};
use autoencode::device::DeviceChoice;
use autoencode::recipe::{NamedSet, Recipe};
use autoencode::train::Trainer;

/// Remembers the largest request.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watched = Watched;

#[test]
fn a_steady_step_allocates_nothing_large() {
    for name in ["conv-denoiser", "dense-32", "conv-vae"] {
        let recipe = Recipe::load(name, &[]).unwrap();
        let device = DeviceChoice::Auto.open().unwrap().device;
        let mut trainer = Trainer::new(
            recipe,
            load(&Source::Set(NamedSet::Sample), true).unwrap(),
            device,
        )
        .unwrap();
        let batches: Vec<_> = trainer.batches(1).unwrap().take(6).collect();
        let mut largest = Vec::new();
        for batch in &batches {
            LARGEST.store(0, Ordering::Relaxed);
            trainer.step(batch).unwrap();
            largest.push(LARGEST.load(Ordering::Relaxed));
        }
        // The first step makes its memory; a thread may join in a little later.
        let steady = largest[3..].iter().min().unwrap();
        assert!(largest[0] > 1 << 16, "{name}: {largest:?}");
        assert!(*steady < 1 << 16, "{name}: {largest:?}");
    }
}
