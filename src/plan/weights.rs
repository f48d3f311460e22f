//! The weights of fast convolutions: from taps to products, and gradients back.

use pulp::Simd;

use super::axis::Axis;
use super::isa::vectorize;
use super::lines::{LINE, padded};
use super::product::{PANEL, load, store};
use super::separable::column;
use super::tiles::Square;

/// Channels of a kernel: how many, and values from one to the next.
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
    /// For each product the panels of its weights, `outer` down and `inner` across.
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
                        let panel = place / PANEL * PANEL;
                        let width = PANEL.min(padded(inner.count) - panel);
                        let place = outer.count * panel + k * width + place - panel;
                        for lane in (0..LINE).step_by(S::F32_LANES) {
                            // SAFETY: lanes and LINE are multiples; the assertions above cover all panels, which
                            // are `stride` long.
                            unsafe {
                                let mut half = [[zero; PRODUCTS]; 3];
                                for (half, taps) in half.iter_mut().zip(taps.chunks_exact(3)) {
                                    let mut row = [zero; 3];
                                    for (value, tap) in row.iter_mut().zip(taps) {
                                        *value = load::<S>(tap.as_ptr().add(lane));
                                    }
                                    *half = Self::weigh(simd, row);
                                }
                                for j in 0..PRODUCTS {
                                    let values = Self::weigh(simd, column(zero, &half, j));
                                    for (i, value) in values.into_iter().enumerate() {
                                        let at = (i * PRODUCTS + j) * stride + place + lane;
                                        store::<S>(to.as_mut_ptr().add(at), value);
                                    }
                                }
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
                        let mut half = [[zero; 3]; PRODUCTS];
                        for (i, half) in half.iter_mut().enumerate() {
                            let mut row = [zero; PRODUCTS];
                            for (j, value) in row.iter_mut().enumerate() {
                                *value = load::<S>(
                                    weights.as_ptr().add((i * PRODUCTS + j) * len + place),
                                );
                            }
                            *half = Self::unweigh(simd, row);
                        }
                        for v in 0..3 {
                            let values = Self::unweigh(simd, column(zero, &half, v));
                            for (u, value) in values.into_iter().enumerate() {
                                store::<S>(taps.as_mut_ptr().add((3 * u + v) * len + place), value);
                            }
                        }
                    }
                }
            },
        );
    }
}
