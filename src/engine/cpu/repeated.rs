//! Convolutions of values that are each repeated at least as often as a kernel reaches to one side, along one axis.

use pulp::Simd;

use super::axis::{Axis, mapped, mapped_back};
use crate::arithmetic::{Number, Vector};

/// Taps w\[0\] to w\[2h\] on values that are each repeated s times, s >= h, without repeating them: s results take 2h + 1
/// products of three values, where the direct sum takes s (2h + 1).
///
/// With w the sum of all taps, the results around x\[i\] are w x\[i\], plus, for the first h, the leading taps times
/// x\[i-1\] - x\[i\], and for the last h the trailing taps times x\[i+1\] - x\[i\]:
///
/// ```text
/// y[s i + j]           += (w[0] + ... + w[h-1-j]) (x[i-1] - x[i])     for j < h
/// y[s i + (s - 1) - j] += (w[h+1+j] + ... + w[2h]) (x[i+1] - x[i])    for j < h
/// ```
#[derive(Debug, Clone)]
pub(crate) struct Repeated;

/// The map from taps to weights of the products.
const fn weights<const TAPS: usize>() -> [[f32; TAPS]; TAPS] {
    let reach = TAPS / 2;
    let mut weights = [[0.0; TAPS]; TAPS];
    let mut tap = 0;
    while tap < TAPS {
        weights[reach][tap] = 1.0;
        let mut number = 0;
        while number < reach {
            if tap + number < reach {
                weights[number][tap] = 1.0;
                weights[TAPS - 1 - number][TAPS - 1 - tap] = 1.0;
            }
            number += 1;
        }
        tap += 1;
    }
    weights
}

impl<const TAPS: usize, const OUT: usize> Axis<TAPS, 3, 3, TAPS, OUT> for Repeated {
    /// Product j < h is for the j-th result, product 2h - j for the j-th last, product h for all.
    const PLANE: [usize; TAPS] = {
        assert!(TAPS >= 3 && TAPS % 2 == 1 && OUT >= TAPS / 2);
        let mut planes = [2; TAPS];
        let mut product = 0;
        while product <= TAPS / 2 {
            planes[product] = product / (TAPS / 2);
            product += 1;
        }
        planes
    };
    const IN_STEP: usize = 1;
    const IN_BEFORE: usize = 1;
    const OUT_BEFORE: usize = 0;

    fn tiles(inputs: usize) -> usize {
        inputs
    }

    fn takes(_: usize, _: usize, _: usize) -> bool {
        true
    }

    #[inline(always)]
    fn weigh<S: Simd>(taps: [Vector<S>; TAPS]) -> [Vector<S>; TAPS] {
        mapped(const { weights::<TAPS>() }, taps)
    }

    #[inline(always)]
    fn unweigh<S: Simd>(products: [Vector<S>; TAPS]) -> [Vector<S>; TAPS] {
        mapped_back(const { weights::<TAPS>() }, products)
    }

    #[inline(always)]
    fn planes<S: Simd>(_: usize, [left, middle, right]: [Vector<S>; 3]) -> [Vector<S>; 3] {
        [left - middle, middle, right - middle]
    }

    #[inline(always)]
    fn inputs<S: Simd>(_: usize, [left, middle, right]: [Vector<S>; 3]) -> [Vector<S>; 3] {
        [left, middle - (left + right), right]
    }

    #[inline(always)]
    fn results<S: Simd>(_: usize, products: [Vector<S>; TAPS]) -> [Vector<S>; OUT] {
        let reach = TAPS / 2;
        let mut results = [products[reach]; OUT];
        for number in 0..reach {
            results[number] = results[number] + products[number];
        }
        for number in 0..reach {
            let last = OUT - 1 - number;
            results[last] = results[last] + products[TAPS - 1 - number];
        }
        results
    }

    #[inline(always)]
    fn products<S: Simd>(_: usize, results: [Vector<S>; OUT]) -> [Vector<S>; TAPS] {
        let reach = TAPS / 2;
        let mut products = [results[0].constant(0.0); TAPS];
        for result in results {
            products[reach] = products[reach] + result;
        }
        for number in 0..reach {
            products[number] = results[number];
            products[TAPS - 1 - number] = results[OUT - 1 - number];
        }
        products
    }
}

/// One tap on values that are each repeated: one product is the result at all places.
#[derive(Debug, Clone)]
pub(crate) struct Pixels;

impl<const OUT: usize> Axis<1, 1, 1, 1, OUT> for Pixels {
    const PLANE: [usize; 1] = [0];
    const IN_STEP: usize = 1;
    const IN_BEFORE: usize = 0;
    const OUT_BEFORE: usize = 0;

    fn tiles(inputs: usize) -> usize {
        inputs
    }

    fn takes(_: usize, _: usize, _: usize) -> bool {
        true
    }

    #[inline(always)]
    fn weigh<S: Simd>(taps: [Vector<S>; 1]) -> [Vector<S>; 1] {
        taps
    }

    #[inline(always)]
    fn unweigh<S: Simd>(products: [Vector<S>; 1]) -> [Vector<S>; 1] {
        products
    }

    #[inline(always)]
    fn planes<S: Simd>(_: usize, x: [Vector<S>; 1]) -> [Vector<S>; 1] {
        x
    }

    #[inline(always)]
    fn inputs<S: Simd>(_: usize, planes: [Vector<S>; 1]) -> [Vector<S>; 1] {
        planes
    }

    #[inline(always)]
    fn results<S: Simd>(_: usize, [product]: [Vector<S>; 1]) -> [Vector<S>; OUT] {
        [product; OUT]
    }

    #[inline(always)]
    fn products<S: Simd>(_: usize, results: [Vector<S>; OUT]) -> [Vector<S>; 1] {
        let mut sum = results[0].constant(0.0);
        for result in results {
            sum = sum + result;
        }
        [sum]
    }
}
