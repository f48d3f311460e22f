//! Convolutions along one axis as sums of convolutions of fewer taps.

use std::marker::PhantomData;

use pulp::Simd;

use super::axis::Axis;
use crate::arithmetic::{Number, Vector};

/// The taps in parts of T, the last one filled up with zeros; each part is a fast convolution `A`, F(M,T) with P
/// products. More outputs in one tile would take points whose errors are too large.
#[derive(Debug, Clone)]
pub(crate) struct Parts<A, const T: usize, const P: usize, const M: usize>(PhantomData<A>);

impl<
    A,
    const T: usize,
    const P: usize,
    const M: usize,
    const TAPS: usize,
    const IN: usize,
    const PRODUCTS: usize,
> Axis<TAPS, IN, PRODUCTS, PRODUCTS, M> for Parts<A, T, P, M>
where
    A: Axis<T, P, P, P, M>,
{
    const PLANE: [usize; PRODUCTS] = {
        assert!(PRODUCTS.is_multiple_of(P) && TAPS <= PRODUCTS / P * T);
        assert!(IN == P + (PRODUCTS / P - 1) * T);
        let mut planes = [0; PRODUCTS];
        let mut product = 0;
        while product < PRODUCTS {
            planes[product] = product / P * P + A::PLANE[product % P];
            product += 1;
        }
        planes
    };
    const IN_STEP: usize = A::IN_STEP;
    const IN_BEFORE: usize = TAPS / 2;
    const OUT_BEFORE: usize = A::OUT_BEFORE;

    fn tiles(inputs: usize) -> usize {
        A::tiles(inputs)
    }

    fn takes(product: usize, tile: usize, inputs: usize) -> bool {
        A::takes(product % P, tile, inputs)
    }

    #[inline(always)]
    fn weigh<S: Simd>(taps: [Vector<S>; TAPS]) -> [Vector<S>; PRODUCTS] {
        let zero = taps[0].constant(0.0);
        let mut products = [zero; PRODUCTS];
        for (part, taps) in taps.chunks(T).enumerate() {
            let mut own = [zero; T];
            own[..taps.len()].copy_from_slice(taps);
            products[part * P..][..P].copy_from_slice(&A::weigh(own));
        }
        products
    }

    #[inline(always)]
    fn unweigh<S: Simd>(products: [Vector<S>; PRODUCTS]) -> [Vector<S>; TAPS] {
        let mut taps = [products[0]; TAPS];
        for (part, taps) in taps.chunks_mut(T).enumerate() {
            let mut own = [products[0]; P];
            own.copy_from_slice(&products[part * P..][..P]);
            taps.copy_from_slice(&A::unweigh(own)[..taps.len()]);
        }
        taps
    }

    #[inline(always)]
    fn planes<S: Simd>(outputs: usize, x: [Vector<S>; IN]) -> [Vector<S>; PRODUCTS] {
        let mut planes = [x[0]; PRODUCTS];
        for part in 0..PRODUCTS / P {
            let mut own = [x[0]; P];
            own.copy_from_slice(&x[part * T..][..P]);
            planes[part * P..][..P].copy_from_slice(&A::planes(outputs, own));
        }
        planes
    }

    #[inline(always)]
    fn inputs<S: Simd>(outputs: usize, planes: [Vector<S>; PRODUCTS]) -> [Vector<S>; IN] {
        let mut x = [planes[0].constant(0.0); IN];
        for part in 0..PRODUCTS / P {
            let mut own = [planes[0]; P];
            own.copy_from_slice(&planes[part * P..][..P]);
            let own = A::inputs(outputs, own);
            for (sum, value) in x[part * T..][..P].iter_mut().zip(own) {
                *sum = *sum + value;
            }
        }
        x
    }

    #[inline(always)]
    fn results<S: Simd>(outputs: usize, products: [Vector<S>; PRODUCTS]) -> [Vector<S>; M] {
        // The map is linear: sum the parts first.
        let mut sums = [products[0]; P];
        sums.copy_from_slice(&products[..P]);
        for part in 1..PRODUCTS / P {
            for (sum, &value) in sums.iter_mut().zip(&products[part * P..][..P]) {
                *sum = *sum + value;
            }
        }
        A::results(outputs, sums)
    }

    #[inline(always)]
    fn products<S: Simd>(outputs: usize, results: [Vector<S>; M]) -> [Vector<S>; PRODUCTS] {
        let own = A::products(outputs, results);
        let mut products = [own[0]; PRODUCTS];
        for part in 0..PRODUCTS / P {
            products[part * P..][..P].copy_from_slice(&own);
        }
        products
    }
}
