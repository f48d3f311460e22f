//! Loops compiled for the vectors of the processor at hand.

/// Runs `work` as compiled for the widest vectors that this processor has (on x86 AVX-512, AVX2 or
/// SSE2), found at run time, so that the program needs no compiler flags to be fast.
///
/// Only what is inlined into `work` is compiled so: write `#[inline(always)]` before the closure and on
/// the functions that it calls. The compiler neither reorders floating-point sums nor fuses products with
/// them, so the bits of a result do not depend on the processor.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
