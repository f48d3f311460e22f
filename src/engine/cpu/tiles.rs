//! Fast convolutions over both axes of images: tiles to planes and products to tiles, and back.

use pulp::Simd;

use super::axis::Axis;
use super::conv::FastConv;
use super::finish::{Put, Take};
use super::isa::vectorize;
use super::product::{load, store};
use super::separable::{Square, both, inlined, zero};
use super::shared::Divided;
use super::tile_rows::Tiles;
use crate::arithmetic::Vector;

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
    /// Outputs of a tile inside of the image, down and across.
    #[inline(always)]
    fn outputs(&self, ty: usize, tx: usize) -> (usize, usize) {
        let (height, width) = self.finish.sums();
        let outputs = |tile: usize, all: usize| (all + A::OUT_BEFORE - tile * OUT).min(OUT);
        (outputs(ty, height), outputs(tx, width))
    }

    /// Offset of the first input of a tile.
    #[inline(always)]
    fn first_input(&self, ty: usize, tx: usize, image: usize) -> usize {
        let place = (ty * self.from.columns + tx) * A::IN_STEP;
        image * self.from.len() + place * self.from.padded()
    }

    /// Row and column of the first output of a tile, which may lie before the image.
    #[inline(always)]
    fn corner(ty: usize, tx: usize) -> (isize, isize) {
        let first = |tile: usize| (tile * OUT) as isize - A::OUT_BEFORE as isize;
        (first(ty), first(tx))
    }

    /// Planes of images.
    pub(super) fn planes<S: Simd>(&self, simd: S, tiles: Tiles, x: &[f32], planes: &mut [f32]) {
        self.check_inputs(tiles, x.len(), planes.len());
        let columns = self.from.padded();
        let (row, stride) = (self.from.columns * columns, tiles.stride(columns));
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (number, (ty, tx, image)) in tiles.each().enumerate() {
                    let outputs = self.outputs(ty, tx);
                    let from = self.first_input(ty, tx, image);
                    for c in (0..columns).step_by(S::F32_LANES) {
                        // SAFETY: `check_inputs` has shown that all tiles lie inside of the images, which fit `x`,
                        // and that all planes fit; every row lies inside of its plane. Columns are a multiple of
                        // every vector's length.
                        unsafe {
                            let tile = Square::new(x.as_ptr().add(from + c), (row, columns));
                            let planes = Square::new(
                                planes.as_mut_ptr().add(number * columns + c),
                                (PLANES * stride, stride),
                            );
                            both(
                                simd,
                                #[inline(always)]
                                |place| tile.read(simd, place),
                                inlined!(A::planes),
                                outputs,
                                #[inline(always)]
                                |place, value| planes.write(place, value),
                            );
                        }
                    }
                }
            },
        );
    }

    /// The transposed map of [`Self::planes`]: adds the gradients of planes to those of images.
    pub(super) fn inputs<S: Simd>(&self, simd: S, tiles: Tiles, planes: &[f32], x: &mut [f32]) {
        self.check_inputs(tiles, x.len(), planes.len());
        let columns = self.from.padded();
        let (row, stride) = (self.from.columns * columns, tiles.stride(columns));
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (number, (ty, tx, image)) in tiles.each().enumerate() {
                    let outputs = self.outputs(ty, tx);
                    let to = self.first_input(ty, tx, image);
                    for c in (0..columns).step_by(S::F32_LANES) {
                        // SAFETY: as in `planes`.
                        unsafe {
                            let planes = Square::new(
                                planes.as_ptr().add(number * columns + c),
                                (PLANES * stride, stride),
                            );
                            let tile = Square::new(x.as_mut_ptr().add(to + c), (row, columns));
                            both(
                                simd,
                                #[inline(always)]
                                |place| planes.read(simd, place),
                                inlined!(A::inputs),
                                outputs,
                                #[inline(always)]
                                |place, value| tile.write(place, tile.read(simd, place) + value),
                            );
                        }
                    }
                }
            },
        );
    }

    /// Products to results.
    ///
    /// # Safety
    /// No other thread may work on the same tiles of these images.
    pub(super) unsafe fn results<S: Simd>(
        &self,
        simd: S,
        tiles: Tiles,
        products: &[f32],
        bias: &[f32],
        (out, side): (Divided, Divided),
    ) {
        self.check_outputs(tiles, bias.len(), (out.len(), side.len()), products.len());
        let finish = self.finish;
        let columns = finish.to.padded();
        let stride = tiles.stride(columns);
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (number, (ty, tx, image)) in tiles.each().enumerate() {
                    let outputs = self.outputs(ty, tx);
                    let (top, left) = Self::corner(ty, tx);
                    // SAFETY: as in `planes`; `check_outputs` has shown that the images of results fit their memory, and
                    // a result belongs to one tile.
                    unsafe {
                        let put = Put {
                            bias: bias.as_ptr(),
                            out: out.as_ptr().add(image * finish.to.len()),
                            from: side.as_ptr().add(image * finish.side_len()),
                        };
                        for c in (0..columns).step_by(S::F32_LANES) {
                            let products = Square::new(
                                products.as_ptr().add(number * columns + c),
                                (PRODUCTS * stride, stride),
                            );
                            let mut tile = [[zero(simd); OUT]; OUT];
                            both(
                                simd,
                                #[inline(always)]
                                |place| products.read(simd, place),
                                inlined!(A::results),
                                outputs,
                                #[inline(always)]
                                |(i, j), value| tile[i][j] = value,
                            );
                            finish.put(simd, &tile, (top, left, c), put);
                        }
                    }
                }
            },
        );
    }

    /// The transposed map of [`Self::results`]; adds to the gradient of the biases.
    pub(super) fn products<S: Simd>(
        &self,
        simd: S,
        tiles: Tiles,
        (gradient, out, side): (&[f32], &[f32], &[f32]),
        bias: &mut [f32],
        products: &mut [f32],
    ) {
        let results = (out.len().min(gradient.len()), side.len());
        self.check_outputs(tiles, bias.len(), results, products.len());
        let finish = self.finish;
        let columns = finish.to.padded();
        let stride = tiles.stride(columns);
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (number, (ty, tx, image)) in tiles.each().enumerate() {
                    let outputs = self.outputs(ty, tx);
                    let (top, left) = Self::corner(ty, tx);
                    // SAFETY: as in `results`.
                    unsafe {
                        let first = image * finish.to.len();
                        let take = Take {
                            gradient: gradient.as_ptr().add(first),
                            out: out.as_ptr().add(first),
                            from: side.as_ptr().add(image * finish.side_len()),
                        };
                        for c in (0..columns).step_by(S::F32_LANES) {
                            let mut tile = [[zero(simd); OUT]; OUT];
                            finish.take(simd, &mut tile, (top, left, c), take);
                            let bias = bias.as_mut_ptr().add(c);
                            let mut sum = Vector::new(simd, load::<S>(bias));
                            for &value in tile.as_flattened() {
                                sum = sum + value;
                            }
                            store::<S>(bias, sum.numbers);
                            let products = Square::new(
                                products.as_mut_ptr().add(number * columns + c),
                                (PRODUCTS * stride, stride),
                            );
                            both(
                                simd,
                                #[inline(always)]
                                |(i, j)| tile[i][j],
                                inlined!(A::products),
                                outputs,
                                #[inline(always)]
                                |place, value| products.write(place, value),
                            );
                        }
                    }
                }
            },
        );
    }

    /// Asserts that images hold everything that their tiles read, and that images and planes fit their memory.
    fn check_inputs(&self, tiles: Tiles, x: usize, planes: usize) {
        let from = self.from;
        let side = |tiles: usize| (tiles - 1) * A::IN_STEP + IN;
        assert!(side(tiles.top + tiles.down) <= from.rows && side(tiles.across) <= from.columns);
        assert!(tiles.images * from.len() <= x);
        assert!(tiles.span(PLANES * PLANES, from.padded()) <= planes);
    }

    fn check_outputs(
        &self,
        tiles: Tiles,
        bias: usize,
        (out, side): (usize, usize),
        products: usize,
    ) {
        let finish = self.finish;
        finish.check(tiles.images, bias, out, side);
        assert!(!finish.pool || (OUT.is_multiple_of(2) && A::OUT_BEFORE == 0));
        assert!(tiles.span(PRODUCTS * PRODUCTS, finish.to.padded()) <= products);
    }
}
