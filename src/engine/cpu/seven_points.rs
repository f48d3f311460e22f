//! Winograd's minimal filtering with seven points along one axis.

use pulp::Simd;

use super::axis::{Axis, mapped, mapped_back};
use super::winograd::Winograd4;
use crate::arithmetic::{Number, Vector};

/// F(4,4): four outputs of four taps take seven products, with the points of [`Winograd4`] and 1/2. The polynomials of
/// all points but the new one have the factor z - 1/2 in addition: their planes are those of Winograd4 for the values
/// x\[i+1\] - x\[i\] / 2.
///
/// If the image ends within the last tile, the tile leaves out the point at infinity, which is for its last output only.
#[derive(Debug, Clone)]
pub(crate) struct SevenPoints;

/// The map from taps to weights of the products.
const WEIGHTS: [[f32; 4]; 7] = [
    [-1.0 / 2.0, 0.0, 0.0, 0.0],
    [-1.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0],
    [1.0 / 9.0, -1.0 / 9.0, 1.0 / 9.0, -1.0 / 9.0],
    [1.0 / 36.0, 1.0 / 18.0, 1.0 / 9.0, 2.0 / 9.0],
    [-1.0 / 60.0, 1.0 / 30.0, -1.0 / 15.0, 2.0 / 15.0],
    [0.0, 0.0, 0.0, 1.0],
    [32.0 / 45.0, 16.0 / 45.0, 8.0 / 45.0, 4.0 / 45.0],
];

impl Axis<4, 7, 7, 7, 4> for SevenPoints {
    const PLANE: [usize; 7] = [0, 1, 2, 3, 4, 5, 6];
    const IN_STEP: usize = 4;
    const IN_BEFORE: usize = 2;
    const OUT_BEFORE: usize = 0;

    fn tiles(inputs: usize) -> usize {
        inputs.div_ceil(4)
    }

    fn takes(product: usize, tile: usize, inputs: usize) -> bool {
        product != 5 || 4 * (tile + 1) <= inputs
    }

    #[inline(always)]
    fn weigh<S: Simd>(taps: [Vector<S>; 4]) -> [Vector<S>; 7] {
        mapped(WEIGHTS, taps)
    }

    #[inline(always)]
    fn unweigh<S: Simd>(products: [Vector<S>; 7]) -> [Vector<S>; 4] {
        mapped_back(WEIGHTS, products)
    }

    #[inline(always)]
    fn planes<S: Simd>(_: usize, x: [Vector<S>; 7]) -> [Vector<S>; 7] {
        let [a, b, c, d, e, f, g] = x;
        let factored = [
            b.plus(-0.5, a),
            c.plus(-0.5, b),
            d.plus(-0.5, c),
            e.plus(-0.5, d),
            f.plus(-0.5, e),
            g.plus(-0.5, f),
        ];
        let [p, q, r, s, t, u] = Winograd4::planes(4, factored);
        [p, q, r, s, t, u, f.plus(-5.0, d).plus(4.0, b)]
    }

    #[inline(always)]
    fn inputs<S: Simd>(outputs: usize, planes: [Vector<S>; 7]) -> [Vector<S>; 7] {
        let [p, q, r, s, t, infinity, half] = planes;
        let infinity = match outputs < 4 {
            true => p.constant(0.0),
            false => infinity,
        };
        let [b, c, d, e, f, g] = Winograd4::inputs(4, [p, q, r, s, t, infinity]);
        [
            b * -0.5,
            b.plus(-0.5, c).plus(4.0, half),
            c.plus(-0.5, d),
            d.plus(-0.5, e).plus(-5.0, half),
            e.plus(-0.5, f),
            f.plus(-0.5, g) + half,
            g,
        ]
    }

    #[inline(always)]
    fn results<S: Simd>(_: usize, products: [Vector<S>; 7]) -> [Vector<S>; 4] {
        let [p, q, r, s, t, u, half] = products;
        let [a, b, c, d] = Winograd4::results(4, [p, q, r, s, t, u]);
        [
            a + half,
            b.plus(0.5, half),
            c.plus(0.25, half),
            d.plus(0.125, half),
        ]
    }

    #[inline(always)]
    fn products<S: Simd>(_: usize, results: [Vector<S>; 4]) -> [Vector<S>; 7] {
        let [p, q, r, s, t, u] = Winograd4::products(4, results);
        let [a, b, c, d] = results;
        let half = a.plus(0.5, b).plus(0.25, c).plus(0.125, d);
        [p, q, r, s, t, u, half]
    }
}
