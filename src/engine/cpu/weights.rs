//! The weights of fast convolutions: from taps to products, and gradients back.

use pulp::Simd;

use super::axis::Axis;
use super::conv::{FastConv, panels_stride};
use super::isa::vectorize;
use super::lines::{LINE, Lines};
use super::product::panel_place;
use super::separable::{Square, both};

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
    /// Panels of the weights of each product for the middle taps of kernels, `outer` down and `inner` across.
    pub(super) fn weights<S: Simd>(
        simd: S,
        (weight, kernel): (&[f32], usize),
        (outer, inner): (Walk, Walk),
        to: &mut Lines,
    ) {
        let last = (outer.count - 1) * outer.stride + (inner.count - 1) * inner.stride;
        assert!(TAPS <= kernel && last + kernel * kernel <= weight.len());
        let before = (kernel - TAPS) / 2;
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
                            let rows = weight[from..].chunks_exact(kernel).skip(before);
                            for (taps, row) in taps.iter_mut().zip(rows) {
                                for (tap, &value) in taps.iter_mut().zip(&row[before..]) {
                                    tap[lane] = value;
                                }
                            }
                        }
                        let place = panel_place(outer.count, inner.count, k, place);
                        for lane in (0..LINE).step_by(S::F32_LANES) {
                            // SAFETY: lanes and LINE are multiples; all panels, which are `stride` long, have room.
                            unsafe {
                                let taps = Square::new(
                                    taps.as_ptr().cast::<f32>().add(lane),
                                    (TAPS * LINE, LINE),
                                );
                                let weights =
                                    Square::new(to.add(place + lane), (PRODUCTS * stride, stride));
                                both(
                                    simd,
                                    #[inline(always)]
                                    |place| taps.read(simd, place),
                                    #[inline(always)]
                                    |_, taps| A::weigh(taps),
                                    (OUT, OUT),
                                    #[inline(always)]
                                    |place, value| weights.write(place, value),
                                );
                            }
                        }
                    }
                }
            },
        );
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
                        let weights =
                            Square::new(weights.as_ptr().add(place), (PRODUCTS * len, len));
                        let taps = Square::new(taps.as_mut_ptr().add(place), (TAPS * len, len));
                        both(
                            simd,
                            #[inline(always)]
                            |place| weights.read(simd, place),
                            #[inline(always)]
                            |_, products| A::unweigh(products),
                            (OUT, OUT),
                            #[inline(always)]
                            |place, value| taps.write(place, value),
                        );
                    }
                }
            },
        );
    }
}
