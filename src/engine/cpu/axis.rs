//! Fast convolutions along one axis.
//!
//! Each is three linear maps: a tile of inputs to *planes*, a kernel to the weights of *products*, and products to a
//! tile of outputs; product p multiplies its weight with plane `PLANE[p]`. Along both axes of an image, and summed over
//! channels, the products are matrix products. All maps are linear, so gradients go back through the transposed maps.

use pulp::Simd;

use crate::arithmetic::{Number, Vector};

/// A fast convolution along one axis.
pub(crate) trait Axis<
    const TAPS: usize,
    const IN: usize,
    const PLANES: usize,
    const PRODUCTS: usize,
    const OUT: usize,
>: Send + Sync
{
    /// The plane that each product reads.
    const PLANE: [usize; PRODUCTS];
    /// First input of tile t, counted from the first value of the image: `IN_STEP * t - IN_BEFORE`.
    const IN_STEP: usize;
    const IN_BEFORE: usize;
    /// First output of tile t: `OUT * t - OUT_BEFORE`.
    const OUT_BEFORE: usize;

    /// Number of tiles for an axis of `inputs` values.
    fn tiles(inputs: usize) -> usize;

    /// Whether a tile uses a product: a tile that is partly outside of the image can leave out some.
    fn takes(product: usize, tile: usize, inputs: usize) -> bool;

    /// Planes of a tile with `outputs` outputs inside of the image. Planes that the tile's products do not read hold
    /// arbitrary values.
    fn planes<S: Simd>(outputs: usize, x: [Vector<S>; IN]) -> [Vector<S>; PLANES];

    /// The transposed map of [`Axis::planes`].
    fn inputs<S: Simd>(outputs: usize, planes: [Vector<S>; PLANES]) -> [Vector<S>; IN];

    /// Outputs from products. Those outside of the image hold arbitrary values.
    fn results<S: Simd>(outputs: usize, products: [Vector<S>; PRODUCTS]) -> [Vector<S>; OUT];

    /// The transposed map of [`Axis::results`].
    fn products<S: Simd>(outputs: usize, results: [Vector<S>; OUT]) -> [Vector<S>; PRODUCTS];

    /// Taps to the weights of the products.
    fn weigh<S: Simd>(taps: [Vector<S>; TAPS]) -> [Vector<S>; PRODUCTS];

    /// The transposed map of [`Axis::weigh`].
    fn unweigh<S: Simd>(products: [Vector<S>; PRODUCTS]) -> [Vector<S>; TAPS];
}

/// A map by its matrix.
#[inline(always)]
pub(crate) fn mapped<S: Simd, const FROM: usize, const TO: usize>(
    matrix: [[f32; FROM]; TO],
    from: [Vector<S>; FROM],
) -> [Vector<S>; TO] {
    let mut to = [from[0].constant(0.0); TO];
    for (to, factors) in to.iter_mut().zip(matrix) {
        for (factor, from) in factors.into_iter().zip(from) {
            *to = to.plus(factor, from);
        }
    }
    to
}

/// The transposed map.
#[inline(always)]
pub(crate) fn mapped_back<S: Simd, const FROM: usize, const TO: usize>(
    matrix: [[f32; FROM]; TO],
    to: [Vector<S>; TO],
) -> [Vector<S>; FROM] {
    let mut from = [to[0].constant(0.0); FROM];
    for (factors, to) in matrix.into_iter().zip(to) {
        for (factor, from) in factors.into_iter().zip(&mut from) {
            *from = from.plus(factor, to);
        }
    }
    from
}
