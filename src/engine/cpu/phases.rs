//! Convolutions of values repeated twice along one axis, as two convolutions of half as many taps.

use pulp::Simd;

use super::axis::Axis;
use crate::arithmetic::{Number, Vector};

/// Convolutions of an odd number of taps on values that are each repeated twice, without repeating them: the results at
/// even and at odd places are convolutions of T = (taps + 1) / 2 taps, whose weights are sums of two taps that read the
/// same value. Both read the same inputs, so they share the planes of the fast convolution `A`, F(M,T) with P products:
///
/// ```text
/// y[2i]     = (w0 + w1) x[i-h] + (w2 + w3) x[i-h+1] + ... + w[2h] x[i]
/// y[2i + 1] =  w0       x[i-h] + (w1 + w2) x[i-h+1] + ... + (w[2h-1] + w[2h]) x[i]
/// ```
///
/// counted from the first tap's place, with taps = 2h + 1.
#[derive(Debug, Clone)]
pub(crate) struct Phases<A, const T: usize, const P: usize, const M: usize>(
    std::marker::PhantomData<A>,
);

impl<A, const T: usize, const P: usize, const M: usize> Phases<A, T, P, M> {
    /// Of the tiles' outputs those that lie before the image: the middle tap of an even T belongs to the second result.
    const BEFORE: usize = 1 - T % 2;
}

impl<
    A,
    const T: usize,
    const P: usize,
    const M: usize,
    const TAPS: usize,
    const PRODUCTS: usize,
    const OUT: usize,
> Axis<TAPS, P, P, PRODUCTS, OUT> for Phases<A, T, P, M>
where
    A: Axis<T, P, P, P, M>,
{
    const PLANE: [usize; PRODUCTS] = {
        assert!(TAPS == 2 * T - 1 && PRODUCTS == 2 * P && OUT == 2 * M);
        let mut planes = [0; PRODUCTS];
        let mut product = 0;
        while product < PRODUCTS {
            planes[product] = A::PLANE[product % P];
            product += 1;
        }
        planes
    };
    const IN_STEP: usize = A::IN_STEP;
    const IN_BEFORE: usize = A::IN_BEFORE;
    const OUT_BEFORE: usize = Self::BEFORE;

    fn tiles(inputs: usize) -> usize {
        A::tiles(inputs + Self::BEFORE)
    }

    fn takes(product: usize, tile: usize, inputs: usize) -> bool {
        A::takes(product % P, tile, inputs + Self::BEFORE)
    }

    #[inline(always)]
    fn weigh<S: Simd>(taps: [Vector<S>; TAPS]) -> [Vector<S>; PRODUCTS] {
        let zero = taps[0].constant(0.0);
        let mut products = [zero; PRODUCTS];
        for phase in 0..2 {
            let mut own = [zero; T];
            for (tap, &value) in taps.iter().enumerate() {
                own[(tap + phase) / 2] = own[(tap + phase) / 2] + value;
            }
            products[phase * P..][..P].copy_from_slice(&A::weigh(own));
        }
        products
    }

    #[inline(always)]
    fn unweigh<S: Simd>(products: [Vector<S>; PRODUCTS]) -> [Vector<S>; TAPS] {
        let mut taps = [products[0].constant(0.0); TAPS];
        for phase in 0..2 {
            let mut own = [products[0]; P];
            own.copy_from_slice(&products[phase * P..][..P]);
            let own = A::unweigh(own);
            for (tap, value) in taps.iter_mut().enumerate() {
                *value = *value + own[(tap + phase) / 2];
            }
        }
        taps
    }

    #[inline(always)]
    fn planes<S: Simd>(outputs: usize, x: [Vector<S>; P]) -> [Vector<S>; P] {
        A::planes(outputs.div_ceil(2), x)
    }

    #[inline(always)]
    fn inputs<S: Simd>(outputs: usize, planes: [Vector<S>; P]) -> [Vector<S>; P] {
        A::inputs(outputs.div_ceil(2), planes)
    }

    #[inline(always)]
    fn results<S: Simd>(outputs: usize, products: [Vector<S>; PRODUCTS]) -> [Vector<S>; OUT] {
        let mut results = [products[0]; OUT];
        for phase in 0..2 {
            let mut own = [products[0]; P];
            own.copy_from_slice(&products[phase * P..][..P]);
            let own = A::results(outputs.div_ceil(2), own);
            for (number, value) in own.into_iter().enumerate() {
                results[2 * number + phase] = value;
            }
        }
        results
    }

    #[inline(always)]
    fn products<S: Simd>(outputs: usize, results: [Vector<S>; OUT]) -> [Vector<S>; PRODUCTS] {
        let mut products = [results[0].constant(0.0); PRODUCTS];
        for phase in 0..2 {
            let mut own = [results[0]; M];
            for (number, value) in own.iter_mut().enumerate() {
                *value = results[2 * number + phase];
            }
            let own = A::products(outputs.div_ceil(2), own);
            products[phase * P..][..P].copy_from_slice(&own);
        }
        products
    }
}
