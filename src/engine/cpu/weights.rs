//! The weights of fast convolutions: from taps to products, and gradients back.

use pulp::Simd;

use super::axis::Axis;
use super::conv::{FastConv, panels_stride};
use super::isa::vectorize;
use super::lines::{LINE, Lines};
use super::product::panel_place;
use super::separable::{both, inlined, read, write};
use crate::arithmetic::{Number, Vector};

/// Channels of a kernel: their number, and the distance from one to the next.
#[derive(Clone, Copy)]
pub(crate) struct Walk {
    pub count: usize,
    pub stride: usize,
}

impl<
    A,
    const TAPS: usize,
    const IN: usize,
    const PLANES: usize,
    const PRODUCTS: usize,
    const OUT: usize,
> FastConv<A, TAPS, IN, PLANES, PRODUCTS, OUT>
where
    A: Axis<TAPS, IN, PLANES, PRODUCTS, OUT>,
{
    /// Panels of the weights of each product, `outer` down and `inner` across.
    pub(super) fn weights<S: Simd>(
        simd: S,
        weight: &[f32],
        (outer, inner): (Walk, Walk),
        to: &mut Lines,
    ) {
        let last = (outer.count - 1) * outer.stride + (inner.count - 1) * inner.stride;
        assert!(last + TAPS * TAPS <= weight.len());
        let stride = panels_stride(outer.count, inner.count);
        to.reserve(PRODUCTS * PRODUCTS * stride);
        let to = to.as_mut_ptr();
        vectorize(
            simd,
            #[inline(always)]
            || {
                for k in 0..outer.count {
                    for place in (0..inner.count).step_by(LINE) {
                        let mut taps = [[[0.0; LINE]; TAPS]; TAPS];
                        for lane in 0..LINE.min(inner.count - place) {
                            let from = k * outer.stride + (place + lane) * inner.stride;
                            let kernel = &weight[from..from + TAPS * TAPS];
                            for (tap, &value) in taps.as_flattened_mut().iter_mut().zip(kernel) {
                                tap[lane] = value;
                            }
                        }
                        let place = panel_place(outer.count, inner.count, k, place);
                        for lane in (0..LINE).step_by(S::F32_LANES) {
                            // SAFETY: lanes and LINE are multiples; all panels, which are `stride` long, have room.
                            unsafe {
                                let taps = taps.as_ptr().cast::<f32>().add(lane);
                                let taps = read::<S, TAPS>(simd, taps, TAPS * LINE, LINE);
                                let values = both(simd, &taps, inlined!(Self::weigh), (OUT, OUT));
                                let to = to.add(place + lane);
                                write::<S, PRODUCTS>(&values, to, PRODUCTS * stride, stride);
                            }
                        }
                    }
                }
            },
        );
    }

    /// Taps to the weights of the products.
    #[inline(always)]
    fn weigh<S: Simd>(_: usize, taps: [Vector<S>; TAPS]) -> [Vector<S>; PRODUCTS] {
        let mut products = [taps[0].constant(0.0); PRODUCTS];
        for (product, factors) in products.iter_mut().zip(A::WEIGHTS) {
            for (factor, tap) in factors.into_iter().zip(taps) {
                *product = product.plus(factor, tap);
            }
        }
        products
    }

    /// The transposed map of [`Self::weigh`].
    #[inline(always)]
    fn unweigh<S: Simd>(_: usize, products: [Vector<S>; PRODUCTS]) -> [Vector<S>; TAPS] {
        let mut taps = [products[0].constant(0.0); TAPS];
        for (factors, product) in A::WEIGHTS.into_iter().zip(products) {
            for (factor, tap) in factors.into_iter().zip(&mut taps) {
                *tap = tap.plus(factor, product);
            }
        }
        taps
    }

    /// Gradients of the products' weights, `len` values each, to those of the taps.
    pub(super) fn taps<S: Simd>(simd: S, weights: &[f32], len: usize, taps: &mut [f32]) {
        assert!(PRODUCTS * PRODUCTS * len <= weights.len() && TAPS * TAPS * len <= taps.len());
        vectorize(
            simd,
            #[inline(always)]
            || {
                for place in (0..len).step_by(S::F32_LANES) {
                    // SAFETY: the assertion covers all products and taps; `len` is a multiple of every vector's.
                    unsafe {
                        let weights = weights.as_ptr().add(place);
                        let weights = read::<S, PRODUCTS>(simd, weights, PRODUCTS * len, len);
                        let values = both(simd, &weights, inlined!(Self::unweigh), (OUT, OUT));
                        let taps = taps.as_mut_ptr().add(place);
                        write::<S, TAPS>(&values, taps, TAPS * len, len);
                    }
                }
            },
        );
    }
}
