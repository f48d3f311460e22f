//! Winograd's minimal filtering with eight points along one axis.

use pulp::Simd;

use super::axis::Axis;
use crate::arithmetic::{Number, Vector};

/// Winograd's F(m,r) for m + r = 9: m outputs of r taps take eight products, with the points 0, 1, -1, 2, -2, 1/2, -1/2
/// and infinity. If the image ends within the last tile, the tile leaves out the point at infinity, which is for its
/// last output only.
///
/// Errors of single outputs of 128 channels, all values normally distributed, against f64; the errors' root mean square
/// is relative to that of the outputs, their maximum to the largest output:
///
/// | | products per output of an image | root mean square | maximum |
/// | --- | --- | --- | --- |
/// | F(4,3), six points | 2.25 | 2.3e-6 | 7.9e-6 |
/// | F(6,3) | 1.8 | 4.5e-6 | 1.4e-5 |
/// | F(5,4) | 2.6 | | |
/// | F(4,5) | 4 | 4.2e-6 | 8.3e-6 |
/// | F(2,7) | 16 | 5.4e-6 | 1.1e-5 |
///
/// No other eight points of small fractions give smaller errors.
///
/// # Source
/// As for [`Winograd4`](super::winograd::Winograd4).
#[derive(Debug, Clone)]
pub(crate) struct EightPoints;

/// The powers of 2, the larger finite point; those of 1/2 are their inverses.
const POWERS: [f32; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// The weights g(a) s for a kernel with the polynomial g and the points 1, 2 and 1/2. Those for -1, -2 and -1/2 have
/// other signs at odd taps; at 0 and at infinity they are the first and the last tap.
const fn weights<const TAPS: usize>() -> [[f32; TAPS]; 3] {
    let mut weights = [[0.0; TAPS]; 3];
    let mut tap = 0;
    while tap < TAPS {
        let power = POWERS[tap];
        weights[0][tap] = -2.0 / 9.0;
        weights[1][tap] = power / 90.0;
        weights[2][tap] = 32.0 / 45.0 / power;
        tap += 1;
    }
    weights
}

impl<const TAPS: usize, const OUT: usize> Axis<TAPS, 8, 8, 8, OUT> for EightPoints {
    const PLANE: [usize; 8] = {
        assert!(TAPS + OUT == 9);
        [0, 1, 2, 3, 4, 5, 6, 7]
    };
    const IN_STEP: usize = OUT;
    const IN_BEFORE: usize = TAPS / 2;
    const OUT_BEFORE: usize = 0;

    fn tiles(inputs: usize) -> usize {
        inputs.div_ceil(OUT)
    }

    fn takes(product: usize, tile: usize, inputs: usize) -> bool {
        product < 7 || (tile + 1) * OUT <= inputs
    }

    #[inline(always)]
    fn weigh<S: Simd>(taps: [Vector<S>; TAPS]) -> [Vector<S>; 8] {
        let zero = taps[0].constant(0.0);
        let mut products = [zero; 8];
        for (pair, factors) in const { weights::<TAPS>() }.into_iter().enumerate() {
            let mut halves = [zero; 2];
            for (tap, (factor, value)) in factors.into_iter().zip(taps).enumerate() {
                halves[tap % 2] = halves[tap % 2].plus(factor, value);
            }
            products[2 * pair + 1] = halves[0] + halves[1];
            products[2 * pair + 2] = halves[0] - halves[1];
        }
        (products[0], products[7]) = (taps[0], taps[TAPS - 1]);
        products
    }

    #[inline(always)]
    fn unweigh<S: Simd>(products: [Vector<S>; 8]) -> [Vector<S>; TAPS] {
        let mut taps = [products[0].constant(0.0); TAPS];
        (taps[0], taps[TAPS - 1]) = (products[0], products[7]);
        for (pair, factors) in const { weights::<TAPS>() }.into_iter().enumerate() {
            let (above, below) = (products[2 * pair + 1], products[2 * pair + 2]);
            let halves = [above + below, above - below];
            for (tap, (factor, value)) in factors.into_iter().zip(&mut taps).enumerate() {
                *value = value.plus(factor, halves[tap % 2]);
            }
        }
        taps
    }

    #[inline(always)]
    fn planes<S: Simd>(_: usize, x: [Vector<S>; 8]) -> [Vector<S>; 8] {
        let [a, b, c, d, e, f, g, h] = x;
        // Even and odd parts at the points 1, 2 and 1/2: their sum is the value there, their difference that at -1, -2
        // and -1/2.
        let (even, odd) = ((c + g).plus(-4.25, e), (b + f).plus(-4.25, d));
        let even2 = g.plus(0.25, c).plus(-1.25, e);
        let odd2 = (f * 2.0).plus(-2.5, d).plus(0.5, b);
        let even3 = g.plus(4.0, c).plus(-5.0, e);
        let odd3 = (f * 0.5).plus(-2.5, d).plus(2.0, b);
        [
            (a - g).plus(5.25, e - c),
            even + odd,
            even - odd,
            even2 + odd2,
            even2 - odd2,
            even3 + odd3,
            even3 - odd3,
            (h - b).plus(5.25, d - f),
        ]
    }

    #[inline(always)]
    fn inputs<S: Simd>(outputs: usize, planes: [Vector<S>; 8]) -> [Vector<S>; 8] {
        let [p, q, r, s, t, u, v, infinity] = planes;
        let infinity = match outputs < OUT {
            true => p.constant(0.0),
            false => infinity,
        };
        let (even, odd) = (q + r, q - r);
        let (even2, odd2) = (s + t, s - t);
        let (even3, odd3) = (u + v, u - v);
        [
            p,
            (odd - infinity).plus(0.5, odd2).plus(2.0, odd3),
            even.plus(0.25, even2).plus(4.0, even3).plus(-5.25, p),
            (odd * -4.25).plus(-2.5, odd2 + odd3).plus(5.25, infinity),
            (even * -4.25)
                .plus(-1.25, even2)
                .plus(-5.0, even3)
                .plus(5.25, p),
            odd.plus(2.0, odd2).plus(0.5, odd3).plus(-5.25, infinity),
            (even - p) + (even2 + even3),
            infinity,
        ]
    }

    #[inline(always)]
    fn results<S: Simd>(_: usize, products: [Vector<S>; 8]) -> [Vector<S>; OUT] {
        let [p, q, r, s, t, u, v, infinity] = products;
        let halves = [[q + r, q - r], [s + t, s - t], [u + v, u - v]];
        let mut results = [p; OUT];
        for (number, result) in results.iter_mut().enumerate() {
            let [one, two, half] = halves.map(
                #[inline(always)]
                |half| half[number % 2],
            );
            let power = POWERS[number];
            let sum = one.plus(power, two).plus(1.0 / power, half);
            *result = match number {
                0 => p + sum,
                _ if number == OUT - 1 => sum + infinity,
                _ => sum,
            };
        }
        results
    }

    #[inline(always)]
    fn products<S: Simd>(_: usize, results: [Vector<S>; OUT]) -> [Vector<S>; 8] {
        let zero = results[0].constant(0.0);
        let [mut one, mut two, mut half] = [[zero; 2]; 3];
        for (number, result) in results.into_iter().enumerate() {
            let (power, side) = (POWERS[number], number % 2);
            one[side] = one[side] + result;
            two[side] = two[side].plus(power, result);
            half[side] = half[side].plus(1.0 / power, result);
        }
        [
            results[0],
            one[0] + one[1],
            one[0] - one[1],
            two[0] + two[1],
            two[0] - two[1],
            half[0] + half[1],
            half[0] - half[1],
            results[OUT - 1],
        ]
    }
}
