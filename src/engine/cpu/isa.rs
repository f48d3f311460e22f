//! Instruction sets, picked while the program runs.

use pulp::{Simd, WithSimd};

/// An instruction set that the kernels can be run with.
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
    /// The best that pulp knows of other architectures: NEON on ARM.
    #[cfg(not(target_arch = "x86_64"))]
    Native,
}

impl Isa {
    /// All that this CPU has, the best last.
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

    /// The best that this CPU has.
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// Runs an operation compiled for this set, or the portable one where the CPU lacks it.
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
/// All that `work` calls has to be inlined into it, or it is compiled without them: `work` is a closure with
/// `#[inline(always)]` and calls functions with the same attribute.
#[inline(always)]
pub(crate) fn vectorize<S: Simd>(simd: S, work: impl FnMut()) {
    simd.vectorize(Kernel(work));
}

/// [`Simd::vectorize`] takes a closure too, but by a call that is not always inlined.
struct Kernel<F>(F);

impl<F: FnMut()> WithSimd for Kernel<F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        (self.0)();
    }
}
