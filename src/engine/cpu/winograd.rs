//! Winograd's minimal filtering along one axis.

use pulp::Simd;

use super::axis::Axis;
use crate::arithmetic::{Number, Vector};

/// Winograd's F(4,3): four outputs take six products, where the direct sum takes twelve, with the points 0, 1, -1, 2,
/// -2 and infinity. If the image ends within the last tile, its m outputs use F(m,3) with m + 2 products, which drops
/// the last finite points and reads the same weights.
///
/// With the points a_k, the weights are those of F(4,3), g(a_k) s_k; so the planes are those of the Lagrange
/// polynomials of the remaining points, divided by s_k.
///
/// # Source
/// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4.3
/// (<https://arxiv.org/abs/1509.09308>); Blahut, "Fast Algorithms for Signal Processing", 2010, section 5.4.
#[derive(Debug, Clone)]
pub(crate) struct Winograd4;

impl Axis<3, 6, 6, 6, 4> for Winograd4 {
    const PLANE: [usize; 6] = [0, 1, 2, 3, 4, 5];
    const IN_STEP: usize = 4;
    const IN_BEFORE: usize = 1;
    const OUT_BEFORE: usize = 0;

    fn tiles(inputs: usize) -> usize {
        inputs.div_ceil(4)
    }

    fn takes(product: usize, tile: usize, inputs: usize) -> bool {
        // All but one of the products of F(m,3) are for finite points.
        product == 5 || product < (inputs - 4 * tile).min(4) + 1
    }

    #[inline(always)]
    fn weigh<S: Simd>([a, b, c]: [Vector<S>; 3]) -> [Vector<S>; 6] {
        let (even, odd) = ((a + c) * (-1.0 / 6.0), b * (-1.0 / 6.0));
        let (even2, odd2) = ((a * (1.0 / 24.0)).plus(1.0 / 6.0, c), b * (1.0 / 12.0));
        [
            a * 0.25,
            even + odd,
            even - odd,
            even2 + odd2,
            even2 - odd2,
            c,
        ]
    }

    #[inline(always)]
    fn unweigh<S: Simd>([p, q, r, s, t, u]: [Vector<S>; 6]) -> [Vector<S>; 3] {
        let (even, odd) = (q + r, q - r);
        let (even2, odd2) = (s + t, s - t);
        let sum = even * (-1.0 / 6.0);
        [
            sum.plus(0.25, p).plus(1.0 / 24.0, even2),
            (odd * (-1.0 / 6.0)).plus(1.0 / 12.0, odd2),
            (sum + u).plus(1.0 / 6.0, even2),
        ]
    }

    #[inline(always)]
    fn planes<S: Simd>(outputs: usize, x: [Vector<S>; 6]) -> [Vector<S>; 6] {
        let [a, b, c, d, e, f] = x;
        let zero = a.constant(0.0);
        match outputs {
            4 => {
                // Even and odd parts at the points 1 and 2: their sum is the value there, their difference
                // that at -1 and -2.
                let (even, odd) = (e.plus(-4.0, c), d.plus(-4.0, b));
                let (even2, odd2) = (e - c, (d - b) * 2.0);
                [
                    e.plus(-5.0, c).plus(4.0, a),
                    even + odd,
                    even - odd,
                    even2 + odd2,
                    even2 - odd2,
                    f.plus(-5.0, d).plus(4.0, b),
                ]
            }
            3 => {
                let outer = d - b;
                [
                    (outer * 2.0).plus(4.0, a - c),
                    (d - c).plus(-2.0, b) * 3.0,
                    d.plus(2.0, b).plus(-3.0, c),
                    outer * 4.0,
                    zero,
                    (e - c).plus(-2.0, outer),
                ]
            }
            2 => [
                (a - c) * 4.0,
                (b + c) * -3.0,
                (c - b) * -3.0,
                zero,
                zero,
                d - b,
            ],
            _ => [(a - b) * 4.0, b * -6.0, zero, zero, zero, c - b],
        }
    }

    #[inline(always)]
    fn inputs<S: Simd>(outputs: usize, planes: [Vector<S>; 6]) -> [Vector<S>; 6] {
        let [p, q, r, s, t, u] = planes;
        let zero = p.constant(0.0);
        match outputs {
            4 => {
                let (even, odd) = (q + r, q - r);
                let (even2, odd2) = (s + t, (s - t) * 2.0);
                [
                    p * 4.0,
                    (u * 4.0 - odd2).plus(-4.0, odd),
                    -even2.plus(4.0, even) - p * 5.0,
                    (odd + odd2).plus(-5.0, u),
                    p + even + even2,
                    u,
                ]
            }
            3 => {
                let q = q * 3.0;
                // The gradient of the term d - b of the planes.
                let outer = ((p - u) * 2.0).plus(4.0, s);
                let p = p * 4.0;
                [
                    p,
                    (r - q) * 2.0 - outer,
                    -(p + q + u.plus(3.0, r)),
                    q + r + outer,
                    u,
                    zero,
                ]
            }
            2 => {
                let p = p * 4.0;
                let (middle, sum) = ((q - r) * -3.0, (q + r) * -3.0);
                [p, middle - u, sum - p, u, zero, zero]
            }
            _ => {
                let p = p * 4.0;
                [p, q * -6.0 - (p + u), u, zero, zero, zero]
            }
        }
    }

    #[inline(always)]
    fn results<S: Simd>(outputs: usize, products: [Vector<S>; 6]) -> [Vector<S>; 4] {
        let [p, q, r, s, t, u] = products;
        let zero = p.constant(0.0);
        let (even, odd) = (q + r, q - r);
        match outputs {
            4 => {
                let (even2, odd2) = (s + t, s - t);
                [
                    p + even + even2,
                    odd.plus(2.0, odd2),
                    even.plus(4.0, even2),
                    odd.plus(8.0, odd2) + u,
                ]
            }
            3 => [
                p + even + s,
                odd.plus(2.0, s),
                (even + u).plus(4.0, s),
                zero,
            ],
            2 => [p + even, odd + u, zero, zero],
            _ => [p + q + u, zero, zero, zero],
        }
    }

    #[inline(always)]
    fn products<S: Simd>(outputs: usize, results: [Vector<S>; 4]) -> [Vector<S>; 6] {
        let [a, b, c, d] = results;
        let zero = a.constant(0.0);
        match outputs {
            4 => {
                let (even, odd) = (a + c, b + d);
                let (even2, odd2) = (a.plus(4.0, c), (b * 2.0).plus(8.0, d));
                [a, even + odd, even - odd, even2 + odd2, even2 - odd2, d]
            }
            3 => {
                let (even, at_two) = (a + c, a.plus(2.0, b).plus(4.0, c));
                [a, even + b, even - b, at_two, zero, c]
            }
            2 => [a, a + b, a - b, zero, zero, b],
            _ => [a, a, zero, zero, zero, a],
        }
    }
}
