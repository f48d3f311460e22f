//! Fast convolutions over both axes of images: tiles to planes and products to tiles, and back.

use pulp::Simd;

use super::axis::Axis;
use super::conv::FastConv;
use super::finish::{Put, Take};
use super::isa::vectorize;
use super::lines::plane_stride;
use super::product::{load, store};
use super::separable::{both, inlined, read, write};
use crate::arithmetic::Vector;

/// The tiles of some images, and how their planes and products lie in memory.
///
/// A plane (i, j) is a matrix: a row for each tile and image, tile (ty, tx) of image n at row
/// `(ty * across + tx) * images + n`, and a column for each channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    pub down: usize,
    pub across: usize,
    pub images: usize,
}

impl Tiles {
    pub fn rows(self) -> usize {
        self.down * self.across * self.images
    }

    /// Values from one plane to the next.
    pub fn stride(self, columns: usize) -> usize {
        plane_stride(self.rows() * columns)
    }

    /// Length from the first value of the first plane to the last of the last one.
    fn span(self, planes: usize, columns: usize) -> usize {
        (planes - 1) * self.stride(columns) + self.rows() * columns
    }

    /// The tile (ty, tx) and the image of every row.
    fn each(self) -> impl Iterator<Item = (usize, usize, usize)> {
        let columns = move |ty| (0..self.across).map(move |tx| (ty, tx));
        let tiles = (0..self.down).flat_map(columns);
        tiles.flat_map(move |(ty, tx)| (0..self.images).map(move |image| (ty, tx, image)))
    }
}

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
    pub(super) fn tiles(&self, images: usize) -> Tiles {
        Tiles {
            down: A::tiles(self.from.height),
            across: A::tiles(self.from.width),
            images,
        }
    }

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
    pub(super) fn planes<S: Simd>(&self, simd: S, images: usize, x: &[f32], planes: &mut [f32]) {
        let tiles = self.tiles(images);
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
                            let x = x.as_ptr().add(from + c);
                            let tile = read::<S, IN>(simd, x, row, columns);
                            let values = both(simd, &tile, inlined!(A::planes), outputs);
                            let to = planes.as_mut_ptr().add(number * columns + c);
                            write::<S, PLANES>(&values, to, PLANES * stride, stride);
                        }
                    }
                }
            },
        );
    }

    /// The transposed map of [`Self::planes`]: adds the gradients of planes to those of images.
    pub(super) fn inputs<S: Simd>(&self, simd: S, images: usize, planes: &[f32], x: &mut [f32]) {
        let tiles = self.tiles(images);
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
                            let planes = planes.as_ptr().add(number * columns + c);
                            let gradients =
                                read::<S, PLANES>(simd, planes, PLANES * stride, stride);
                            let mut tile = both(simd, &gradients, inlined!(A::inputs), outputs);
                            let x = x.as_mut_ptr().add(to + c);
                            let sums = read::<S, IN>(simd, x, row, columns);
                            for (tile, sums) in tile.iter_mut().zip(sums) {
                                for (value, sum) in tile.iter_mut().zip(sums) {
                                    *value = sum + *value;
                                }
                            }
                            write::<S, IN>(&tile, x, row, columns);
                        }
                    }
                }
            },
        );
    }

    /// Products to results.
    pub(super) fn results<S: Simd>(
        &self,
        simd: S,
        images: usize,
        products: &[f32],
        bias: &[f32],
        (out, side): (&mut [f32], &mut [f32]),
    ) {
        let tiles = self.tiles(images);
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
                    // SAFETY: as in `planes`; `check_outputs` has shown that the images of results fit their memory.
                    unsafe {
                        let put = Put {
                            bias: bias.as_ptr(),
                            out: out.as_mut_ptr().add(image * finish.to.len()),
                            from: side.as_mut_ptr().add(image * finish.side_len()),
                        };
                        for c in (0..columns).step_by(S::F32_LANES) {
                            let products = products.as_ptr().add(number * columns + c);
                            let values =
                                read::<S, PRODUCTS>(simd, products, PRODUCTS * stride, stride);
                            let tile = both(simd, &values, inlined!(A::results), outputs);
                            finish.put(simd, tile, (top, left, c), put);
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
        images: usize,
        (gradient, out, side): (&[f32], &[f32], &[f32]),
        bias: &mut [f32],
        products: &mut [f32],
    ) {
        let tiles = self.tiles(images);
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
                            let tile = finish.take::<S, OUT>(simd, (top, left, c), take);
                            let bias = bias.as_mut_ptr().add(c);
                            let mut sum = Vector::new(simd, load::<S>(bias));
                            for row in tile {
                                for value in row {
                                    sum = sum + value;
                                }
                            }
                            store::<S>(bias, sum.numbers);
                            let values = both(simd, &tile, inlined!(A::products), outputs);
                            let products = products.as_mut_ptr().add(number * columns + c);
                            write::<S, PRODUCTS>(&values, products, PRODUCTS * stride, stride);
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
        assert!(side(tiles.down) <= from.rows && side(tiles.across) <= from.columns);
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
