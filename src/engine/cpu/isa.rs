//! Instruction sets, chosen at run time.

use pulp::{Simd, WithSimd};

/// An instruction set for the kernels.
///
/// Kernels are generic over [`pulp::Simd`]; each is compiled once for every set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// Every CPU of the architecture: on x86 SSE2.
    Portable,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, CD, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// The best that pulp supports on other architectures: NEON on ARM.
    #[cfg(not(target_arch = "x86_64"))]
    Native,
}

impl Isa {
    /// All that this CPU supports, the best last.
    pub fn available() -> Vec<Self> {
        let mut sets = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if pulp::x86::V3::try_new().is_some() {
                sets.push(Self::Avx2);
            }
            if pulp::x86::V4::try_new().is_some() {
                sets.push(Self::Avx512);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        sets.push(Self::Native);
        sets
    }

    /// The best that this CPU supports.
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// Runs an operation compiled for this set, or for the portable one if the CPU lacks this one.
    pub fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self {
            Self::Portable => op.with_simd(pulp::Scalar),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => match pulp::x86::V3::try_new() {
                Some(simd) => Simd::vectorize(simd, op),
                None => op.with_simd(pulp::Scalar),
            },
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => match pulp::x86::V4::try_new() {
                Some(simd) => Simd::vectorize(simd, op),
                None => op.with_simd(pulp::Scalar),
            },
            #[cfg(not(target_arch = "x86_64"))]
            Self::Native => pulp::Arch::new().dispatch(op),
        }
    }
}

/// Calls `work`, a kernel generic over the same `simd`, in a function that is compiled for its instructions.
///
/// Everything that `work` calls must be inlined into it, or it is compiled without these instructions: `work` is a
/// closure with `#[inline(always)]` and calls functions with the same attribute.
#[inline(always)]
pub(crate) fn vectorize<S: Simd>(simd: S, work: impl FnMut()) {
    simd.vectorize(Kernel(work));
}

/// [`Simd::vectorize`] takes a closure too, but through a call that is not always inlined.
struct Kernel<F>(F);

impl<F: FnMut()> WithSimd for Kernel<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        (self.0)();
    }
}
