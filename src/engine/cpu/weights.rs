//! The weights of fast convolutions: from taps to products, and gradients back.

use pulp::Simd;

use super::axis::Axis;
use super::isa::vectorize;
use super::lines::LINE;
use super::product::panel_place;
use super::separable::{both, read, write};
use super::tiles::Square;

/// Channels of a kernel: their number, and the distance from one to the next.
#[derive(Clone, Copy)]
pub(crate) struct Walk {
    pub count: usize,
    pub stride: usize,
}

impl<A, const IN: usize, const PLANES: usize, const PRODUCTS: usize, const OUT: usize>
    Square<A, IN, PLANES, PRODUCTS, OUT>
where
    A: Axis<IN, PLANES, PRODUCTS, OUT>,
{
    /// Panels of the weights of each product, `outer` down and `inner` across.
    pub fn weights<S: Simd>(
        simd: S,
        weight: &[f32],
        outer: Walk,
        inner: Walk,
        to: &mut [f32],
        stride: usize,
    ) {
        assert!(
            (outer.count - 1) * outer.stride + (inner.count - 1) * inner.stride + 9 <= weight.len()
        );
        assert!(PRODUCTS * PRODUCTS * stride <= to.len());
        let zero = simd.splat_f32s(0.0);
        vectorize(
            simd,
            #[inline(always)]
            || {
                for k in 0..outer.count {
                    for place in (0..inner.count).step_by(LINE) {
                        let mut taps = [[0.0; LINE]; 9];
                        for lane in 0..LINE.min(inner.count - place) {
                            let from = k * outer.stride + (place + lane) * inner.stride;
                            for (tap, &value) in taps.iter_mut().zip(&weight[from..from + 9]) {
                                tap[lane] = value;
                            }
                        }
                        let place = panel_place(outer.count, inner.count, k, place);
                        for lane in (0..LINE).step_by(S::F32_LANES) {
                            // SAFETY: lanes and LINE are multiples; the assertions above cover all panels, which
                            // are `stride` long.
                            unsafe {
                                let taps = taps.as_ptr().cast::<f32>().add(lane);
                                let values = both(
                                    zero,
                                    &read::<S, 3>(zero, taps, 3 * LINE, LINE),
                                    #[inline(always)]
                                    |row| Self::weigh(simd, row),
                                    #[inline(always)]
                                    |column| Self::weigh(simd, column),
                                );
                                let to = to.as_mut_ptr().add(place + lane);
                                write::<S, PRODUCTS>(&values, to, PRODUCTS * stride, stride);
                            }
                        }
                    }
                }
            },
        );
    }

    /// Three taps to the weights of the products.
    #[inline(always)]
    fn weigh<S: Simd>(simd: S, taps: [S::f32s; 3]) -> [S::f32s; PRODUCTS] {
        let mut products = [simd.splat_f32s(0.0); PRODUCTS];
        for (product, factors) in products.iter_mut().zip(A::WEIGHTS) {
            for (factor, tap) in factors.into_iter().zip(taps) {
                *product = simd.mul_add_e_f32s(simd.splat_f32s(factor), tap, *product);
            }
        }
        products
    }

    /// The transposed map of [`Self::weigh`].
    #[inline(always)]
    fn unweigh<S: Simd>(simd: S, products: [S::f32s; PRODUCTS]) -> [S::f32s; 3] {
        let mut taps = [simd.splat_f32s(0.0); 3];
        for (factors, product) in A::WEIGHTS.into_iter().zip(products) {
            for (factor, tap) in factors.into_iter().zip(&mut taps) {
                *tap = simd.mul_add_e_f32s(simd.splat_f32s(factor), product, *tap);
            }
        }
        taps
    }

    /// Gradients of the products' weights, `len` values each, to those of the nine taps.
    pub fn taps<S: Simd>(simd: S, weights: &[f32], len: usize, taps: &mut [f32]) {
        assert!(PRODUCTS * PRODUCTS * len <= weights.len() && 9 * len <= taps.len());
        let zero = simd.splat_f32s(0.0);
        vectorize(
            simd,
            #[inline(always)]
            || {
                for place in (0..len).step_by(S::F32_LANES) {
                    // SAFETY: the assertion covers all products and taps; `len` is a multiple of every vector's.
                    unsafe {
                        let weights = weights.as_ptr().add(place);
                        let values = both(
                            zero,
                            &read::<S, PRODUCTS>(zero, weights, PRODUCTS * len, len),
                            #[inline(always)]
                            |row| Self::unweigh(simd, row),
                            #[inline(always)]
                            |column| Self::unweigh(simd, column),
                        );
                        let taps = taps.as_mut_ptr().add(place);
                        write::<S, 3>(&values, taps, 3 * len, len);
                    }
                }
            },
        );
    }
}
