//! Fast convolutions along one axis.
//!
//! Each is three linear maps: a tile of inputs to *planes*, a kernel to the weights of *products*, and
//! products to a tile of outputs; product p multiplies its weight with plane `PLANE[p]`. Along both axes of
//! an image, and summed over channels, the products are matrix products. Everything being linear, gradients
//! go back through the transposed maps.

use pulp::Simd;

/// A fast convolution of three taps along one axis.
pub(crate) trait Axis<const IN: usize, const PLANES: usize, const PRODUCTS: usize, const OUT: usize>
{
    /// Which plane a product reads.
    const PLANE: [usize; PRODUCTS];
    /// Weights of the products from the taps.
    const WEIGHTS: [[f32; 3]; PRODUCTS];
    /// First input of tile t, counted from the first value of the image: `IN_STEP * t - 1`.
    const IN_STEP: usize;
    /// First output of tile t: `OUT * t - OUT_BEFORE`.
    const OUT_BEFORE: usize;

    /// How many tiles it takes for an axis of `inputs` values.
    fn tiles(inputs: usize) -> usize;

    /// Length of the axis of the results.
    fn outputs(inputs: usize) -> usize;

    /// Which outputs of a tile use a product: it is left out where all of them lie outside of the image.
    const USES: [&'static [usize]; PRODUCTS];

    fn planes<S: Simd>(simd: S, x: [S::f32s; IN]) -> [S::f32s; PLANES];

    /// The transposed map of [`Axis::planes`].
    fn inputs<S: Simd>(simd: S, planes: [S::f32s; PLANES]) -> [S::f32s; IN];

    fn results<S: Simd>(simd: S, products: [S::f32s; PRODUCTS]) -> [S::f32s; OUT];

    /// The transposed map of [`Axis::results`].
    fn products<S: Simd>(simd: S, results: [S::f32s; OUT]) -> [S::f32s; PRODUCTS];
}

/// Winograd's F(4,3): four outputs from six products where the sum as it is written takes twelve, with the
/// points 0, 1, -1, 2, -2 and infinity.
///
/// # Source
/// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4.3
/// (<https://arxiv.org/abs/1509.09308>).
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
    const USES: [&'static [usize]; 6] = [&[0, 1, 2, 3]; 6];

    fn tiles(inputs: usize) -> usize {
        inputs.div_ceil(4)
    }

    fn outputs(inputs: usize) -> usize {
        inputs
    }

    #[inline(always)]
    fn planes<S: Simd>(simd: S, [a, b, c, d, e, f]: [S::f32s; 6]) -> [S::f32s; 6] {
        let (two, four, five) = constants(simd);
        // Even and odd parts at the points 1 and 2: their sum is the value there, their difference that at
        // -1 and -2.
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

    #[inline(always)]
    fn inputs<S: Simd>(simd: S, [p, q, r, s, t, u]: [S::f32s; 6]) -> [S::f32s; 6] {
        let (two, four, five) = constants(simd);
        let (even, odd) = (simd.add_f32s(q, r), simd.sub_f32s(q, r));
        let (even2, odd2) = (simd.add_f32s(s, t), simd.mul_f32s(two, simd.sub_f32s(s, t)));
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

    #[inline(always)]
    fn results<S: Simd>(simd: S, [p, q, r, s, t, u]: [S::f32s; 6]) -> [S::f32s; 4] {
        let (two, four, _) = constants(simd);
        let eight = simd.splat_f32s(8.0);
        let (even, odd) = (simd.add_f32s(q, r), simd.sub_f32s(q, r));
        let (even2, odd2) = (simd.add_f32s(s, t), simd.sub_f32s(s, t));
        [
            simd.add_f32s(simd.add_f32s(p, even), even2),
            simd.mul_add_e_f32s(two, odd2, odd),
            simd.mul_add_e_f32s(four, even2, even),
            simd.add_f32s(simd.mul_add_e_f32s(eight, odd2, odd), u),
        ]
    }

    #[inline(always)]
    fn products<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 6] {
        let (two, four, _) = constants(simd);
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

/// Three taps on values that are each repeated twice, without repeating them: four results from five
/// products of three values where the sum as it is written takes twelve.
///
/// With w = w0 + w1 + w2 and the tile around x\[i\], of every second i:
///
/// ```text
/// y[2i - 1] = (w0 + w1) (x[i-1] - x[i]) + w x[i]
/// y[2i]     =  w0       (x[i-1] - x[i]) + w x[i]
/// y[2i + 1] =  w2       (x[i+1] - x[i]) + w x[i]
/// y[2i + 2] = (w1 + w2) (x[i+1] - x[i]) + w x[i]
/// ```
///
/// The results at even and at odd places are convolutions of two taps, each with three products for two
/// results (Winograd's F(2,2)); taken at the same inputs they share the one of w.
pub(crate) struct Upsampled2;

impl Axis<3, 3, 5, 4> for Upsampled2 {
    const PLANE: [usize; 5] = [0, 0, 1, 2, 2];
    const WEIGHTS: [[f32; 3]; 5] = [
        [1.0, 1.0, 0.0],
        [1.0, 0.0, 0.0],
        [1.0, 1.0, 1.0],
        [0.0, 0.0, 1.0],
        [0.0, 1.0, 1.0],
    ];
    const IN_STEP: usize = 2;
    const OUT_BEFORE: usize = 1;
    const USES: [&'static [usize]; 5] = [&[0], &[1], &[0, 1, 2, 3], &[2], &[3]];

    fn tiles(inputs: usize) -> usize {
        inputs / 2 + 1
    }

    fn outputs(inputs: usize) -> usize {
        2 * inputs
    }

    #[inline(always)]
    fn planes<S: Simd>(simd: S, [left, middle, right]: [S::f32s; 3]) -> [S::f32s; 3] {
        [
            simd.sub_f32s(left, middle),
            middle,
            simd.sub_f32s(right, middle),
        ]
    }

    #[inline(always)]
    fn inputs<S: Simd>(simd: S, [left, middle, right]: [S::f32s; 3]) -> [S::f32s; 3] {
        [
            left,
            simd.sub_f32s(middle, simd.add_f32s(left, right)),
            right,
        ]
    }

    #[inline(always)]
    fn results<S: Simd>(simd: S, [p, q, r, s, t]: [S::f32s; 5]) -> [S::f32s; 4] {
        [
            simd.add_f32s(p, r),
            simd.add_f32s(q, r),
            simd.add_f32s(s, r),
            simd.add_f32s(t, r),
        ]
    }

    #[inline(always)]
    fn products<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 5] {
        let sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
        [a, b, sum, c, d]
    }
}
