//! Winograd's minimal filtering along one axis.

use pulp::Simd;

use super::axis::Axis;

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
pub(crate) struct Winograd4;

impl Axis<6, 6, 6, 4> for Winograd4 {
    const PLANE: [usize; 6] = [0, 1, 2, 3, 4, 5];
    const WEIGHTS: [[f32; 3]; 6] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    const IN_STEP: usize = 4;
    const OUT_BEFORE: usize = 0;

    fn tiles(inputs: usize) -> usize {
        inputs.div_ceil(4)
    }

    fn outputs(inputs: usize) -> usize {
        inputs
    }

    fn takes(product: usize, tile: usize, inputs: usize) -> bool {
        // All but one of the products of F(m,3) are for finite points.
        product == 5 || product < (inputs - 4 * tile).min(4) + 1
    }

    #[inline(always)]
    fn planes<S: Simd>(simd: S, outputs: usize, x: [S::f32s; 6]) -> [S::f32s; 6] {
        let [a, b, c, d, e, f] = x;
        let zero = simd.splat_f32s(0.0);
        let (two, four, five) = constants(simd);
        match outputs {
            4 => {
                // Even and odd parts at the points 1 and 2: their sum is the value there, their difference
                // that at -1 and -2.
                let even = less(simd, e, four, c);
                let odd = less(simd, d, four, b);
                let even2 = simd.sub_f32s(e, c);
                let odd2 = simd.mul_f32s(two, simd.sub_f32s(d, b));
                [
                    simd.mul_add_e_f32s(four, a, less(simd, e, five, c)),
                    simd.add_f32s(even, odd),
                    simd.sub_f32s(even, odd),
                    simd.add_f32s(even2, odd2),
                    simd.sub_f32s(even2, odd2),
                    simd.mul_add_e_f32s(four, b, less(simd, f, five, d)),
                ]
            }
            3 => {
                let three = simd.splat_f32s(3.0);
                let outer = simd.sub_f32s(d, b);
                [
                    simd.mul_add_e_f32s(four, simd.sub_f32s(a, c), simd.mul_f32s(two, outer)),
                    simd.mul_f32s(three, less(simd, simd.sub_f32s(d, c), two, b)),
                    less(simd, simd.mul_add_e_f32s(two, b, d), three, c),
                    simd.mul_f32s(four, outer),
                    zero,
                    less(simd, simd.sub_f32s(e, c), two, outer),
                ]
            }
            2 => {
                let minus_three = simd.splat_f32s(-3.0);
                [
                    simd.mul_f32s(four, simd.sub_f32s(a, c)),
                    simd.mul_f32s(minus_three, simd.add_f32s(b, c)),
                    simd.mul_f32s(minus_three, simd.sub_f32s(c, b)),
                    zero,
                    zero,
                    simd.sub_f32s(d, b),
                ]
            }
            _ => [
                simd.mul_f32s(four, simd.sub_f32s(a, b)),
                simd.mul_f32s(simd.splat_f32s(-6.0), b),
                zero,
                zero,
                zero,
                simd.sub_f32s(c, b),
            ],
        }
    }

    #[inline(always)]
    fn inputs<S: Simd>(simd: S, outputs: usize, planes: [S::f32s; 6]) -> [S::f32s; 6] {
        let [p, q, r, s, t, u] = planes;
        let zero = simd.splat_f32s(0.0);
        let (two, four, five) = constants(simd);
        match outputs {
            4 => {
                let (even, odd) = (simd.add_f32s(q, r), simd.sub_f32s(q, r));
                let even2 = simd.add_f32s(s, t);
                let odd2 = simd.mul_f32s(two, simd.sub_f32s(s, t));
                [
                    simd.mul_f32s(four, p),
                    less(simd, simd.sub_f32s(simd.mul_f32s(four, u), odd2), four, odd),
                    simd.sub_f32s(
                        simd.neg_f32s(simd.mul_add_e_f32s(four, even, even2)),
                        simd.mul_f32s(five, p),
                    ),
                    less(simd, simd.add_f32s(odd, odd2), five, u),
                    simd.add_f32s(simd.add_f32s(p, even), even2),
                    u,
                ]
            }
            3 => {
                let q = simd.mul_f32s(simd.splat_f32s(3.0), q);
                // The gradient of the term d - b of the planes.
                let outer = simd.mul_f32s(two, simd.sub_f32s(p, u));
                let outer = simd.mul_add_e_f32s(four, s, outer);
                let p = simd.mul_f32s(four, p);
                let last = simd.mul_add_e_f32s(simd.splat_f32s(3.0), r, u);
                [
                    p,
                    simd.sub_f32s(simd.mul_f32s(two, simd.sub_f32s(r, q)), outer),
                    simd.neg_f32s(simd.add_f32s(simd.add_f32s(p, q), last)),
                    simd.add_f32s(simd.add_f32s(q, r), outer),
                    u,
                    zero,
                ]
            }
            2 => {
                let p = simd.mul_f32s(four, p);
                let minus_three = simd.splat_f32s(-3.0);
                let middle = simd.mul_f32s(minus_three, simd.sub_f32s(q, r));
                let sum = simd.mul_f32s(minus_three, simd.add_f32s(q, r));
                [
                    p,
                    simd.sub_f32s(middle, u),
                    simd.sub_f32s(sum, p),
                    u,
                    zero,
                    zero,
                ]
            }
            _ => {
                let p = simd.mul_f32s(four, p);
                let middle = simd.mul_f32s(simd.splat_f32s(-6.0), q);
                [
                    p,
                    simd.sub_f32s(middle, simd.add_f32s(p, u)),
                    u,
                    zero,
                    zero,
                    zero,
                ]
            }
        }
    }

    #[inline(always)]
    fn results<S: Simd>(simd: S, outputs: usize, products: [S::f32s; 6]) -> [S::f32s; 4] {
        let [p, q, r, s, t, u] = products;
        let zero = simd.splat_f32s(0.0);
        let (two, four, _) = constants(simd);
        let (even, odd) = (simd.add_f32s(q, r), simd.sub_f32s(q, r));
        match outputs {
            4 => {
                let eight = simd.splat_f32s(8.0);
                let (even2, odd2) = (simd.add_f32s(s, t), simd.sub_f32s(s, t));
                [
                    simd.add_f32s(simd.add_f32s(p, even), even2),
                    simd.mul_add_e_f32s(two, odd2, odd),
                    simd.mul_add_e_f32s(four, even2, even),
                    simd.add_f32s(simd.mul_add_e_f32s(eight, odd2, odd), u),
                ]
            }
            3 => [
                simd.add_f32s(simd.add_f32s(p, even), s),
                simd.mul_add_e_f32s(two, s, odd),
                simd.mul_add_e_f32s(four, s, simd.add_f32s(even, u)),
                zero,
            ],
            2 => [simd.add_f32s(p, even), simd.add_f32s(odd, u), zero, zero],
            _ => [simd.add_f32s(simd.add_f32s(p, q), u), zero, zero, zero],
        }
    }

    #[inline(always)]
    fn products<S: Simd>(simd: S, outputs: usize, results: [S::f32s; 4]) -> [S::f32s; 6] {
        let [a, b, c, d] = results;
        let zero = simd.splat_f32s(0.0);
        let (two, four, _) = constants(simd);
        match outputs {
            4 => {
                let eight = simd.splat_f32s(8.0);
                let (even, odd) = (simd.add_f32s(a, c), simd.add_f32s(b, d));
                let even2 = simd.mul_add_e_f32s(four, c, a);
                let odd2 = simd.mul_add_e_f32s(eight, d, simd.mul_f32s(two, b));
                [
                    a,
                    simd.add_f32s(even, odd),
                    simd.sub_f32s(even, odd),
                    simd.add_f32s(even2, odd2),
                    simd.sub_f32s(even2, odd2),
                    d,
                ]
            }
            3 => {
                let even = simd.add_f32s(a, c);
                let at_two = simd.mul_add_e_f32s(four, c, simd.mul_add_e_f32s(two, b, a));
                [
                    a,
                    simd.add_f32s(even, b),
                    simd.sub_f32s(even, b),
                    at_two,
                    zero,
                    c,
                ]
            }
            2 => [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), zero, zero, b],
            _ => [a, a, zero, zero, zero, a],
        }
    }
}

#[inline(always)]
fn constants<S: Simd>(simd: S) -> (S::f32s, S::f32s, S::f32s) {
    (
        simd.splat_f32s(2.0),
        simd.splat_f32s(4.0),
        simd.splat_f32s(5.0),
    )
}

/// `a - factor * b`.
#[inline(always)]
fn less<S: Simd>(simd: S, a: S::f32s, factor: S::f32s, b: S::f32s) -> S::f32s {
    simd.mul_add_e_f32s(simd.neg_f32s(factor), b, a)
}
