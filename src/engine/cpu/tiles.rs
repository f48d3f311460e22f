//! Fast convolutions over both axes of images: tiles to planes and products to tiles, and back.

use std::marker::PhantomData;

use pulp::Simd;

use super::axis::Axis;
use super::finish::{Finish, Put, Take};
use super::grid::Grid;
use super::isa::vectorize;
use super::lines::plane_stride;
use super::product::{load, store};
use super::separable::{both, read, write};

/// The tiles of an image, and how their planes and products lie in memory.
///
/// A plane (i, j) is a matrix: a row for each tile and image, tile (ty, tx) of image n at row
/// `(ty * across + tx) * images + n`, and a column for each channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    pub down: usize,
    pub across: usize,
}

impl Tiles {
    /// Values from one plane to the next.
    pub fn stride(&self, images: usize, columns: usize) -> usize {
        plane_stride(self.down * self.across * images * columns)
    }

    /// Length from the first value of the first plane to the last of the last one.
    fn span(&self, planes: usize, images: usize, columns: usize) -> usize {
        let plane = self.down * self.across * images * columns;
        (planes - 1) * self.stride(images, columns) + plane
    }

    fn row(&self, images: usize, ty: usize, tx: usize, image: usize) -> usize {
        (ty * self.across + tx) * images + image
    }
}

/// The maps of an axis used along both.
pub(crate) struct Square<
    A,
    const IN: usize,
    const PLANES: usize,
    const PRODUCTS: usize,
    const OUT: usize,
>(PhantomData<A>);

impl<A, const IN: usize, const PLANES: usize, const PRODUCTS: usize, const OUT: usize>
    Square<A, IN, PLANES, PRODUCTS, OUT>
where
    A: Axis<IN, PLANES, PRODUCTS, OUT>,
{
    /// Planes and products along both axes.
    pub const ALL_PLANES: usize = PLANES * PLANES;
    pub const ALL_PRODUCTS: usize = PRODUCTS * PRODUCTS;

    /// The tiles of images.
    pub fn tiles(height: usize, width: usize) -> Tiles {
        Tiles {
            down: A::tiles(height),
            across: A::tiles(width),
        }
    }

    /// The grid that tiles are read from.
    pub fn grid(channels: usize, height: usize, width: usize) -> Grid {
        let side = |inputs: usize| (A::tiles(inputs) - 1) * A::IN_STEP + IN;
        Grid {
            height,
            width,
            channels,
            before: 1,
            rows: side(height).max(height + 1),
            columns: side(width).max(width + 1),
        }
    }

    /// Tiles that use product `p` on an axis of this many inputs.
    pub fn uses(p: usize, inputs: usize) -> std::ops::Range<usize> {
        let tiles = A::tiles(inputs);
        let start = (0..tiles).find(|&tile| A::takes(p, tile, inputs));
        let start = start.unwrap_or(tiles);
        let end = (start..tiles).find(|&tile| !A::takes(p, tile, inputs));
        start..end.unwrap_or(tiles)
    }

    /// Outputs of a tile up to the end of an axis of this many.
    fn outputs(tile: usize, all: usize) -> usize {
        (all + A::OUT_BEFORE - tile * OUT).min(OUT)
    }

    /// Planes of images.
    pub fn planes<S: Simd>(
        simd: S,
        tiles: Tiles,
        images: usize,
        (x, grid): (&[f32], Grid),
        planes: &mut [f32],
    ) {
        let columns = grid.padded();
        let zero = simd.splat_f32s(0.0);
        let stride = tiles.stride(images, columns);
        assert!(images * grid.len() <= x.len() && Self::is_covered(tiles, grid));
        assert!(tiles.span(Self::ALL_PLANES, images, columns) <= planes.len());
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (ty, tx, image) in places(tiles, images) {
                    let from = image * grid.len() + (ty * grid.columns + tx) * A::IN_STEP * columns;
                    let to = tiles.row(images, ty, tx, image) * columns;
                    let down = Self::outputs(ty, A::outputs(grid.height));
                    let across = Self::outputs(tx, A::outputs(grid.width));
                    for c in (0..columns).step_by(S::F32_LANES) {
                        // SAFETY: `is_covered` has shown that all tiles lie inside of the grid, whose images fit
                        // `x`; every row lies inside of its plane and all planes fit. Columns are a multiple of
                        // every vector's length.
                        unsafe {
                            let x = x.as_ptr().add(from + c);
                            let tile: [[S::f32s; IN]; IN] =
                                read::<S, IN>(zero, x, grid.columns * columns, columns);
                            let values = both(
                                zero,
                                &tile,
                                #[inline(always)]
                                |row| A::planes(simd, across, row),
                                #[inline(always)]
                                |column| A::planes(simd, down, column),
                            );
                            let to = planes.as_mut_ptr().add(to + c);
                            write::<S, PLANES>(&values, to, PLANES * stride, stride);
                        }
                    }
                }
            },
        );
    }

    /// The transposed map of [`Self::planes`]: adds the gradients of planes to those of images.
    pub fn inputs<S: Simd>(
        simd: S,
        tiles: Tiles,
        images: usize,
        planes: &[f32],
        (x, grid): (&mut [f32], Grid),
    ) {
        let columns = grid.padded();
        let zero = simd.splat_f32s(0.0);
        let stride = tiles.stride(images, columns);
        assert!(images * grid.len() <= x.len() && Self::is_covered(tiles, grid));
        assert!(tiles.span(Self::ALL_PLANES, images, columns) <= planes.len());
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (ty, tx, image) in places(tiles, images) {
                    let to = image * grid.len() + (ty * grid.columns + tx) * A::IN_STEP * columns;
                    let from = tiles.row(images, ty, tx, image) * columns;
                    let down = Self::outputs(ty, A::outputs(grid.height));
                    let across = Self::outputs(tx, A::outputs(grid.width));
                    for c in (0..columns).step_by(S::F32_LANES) {
                        // SAFETY: as in `planes`.
                        unsafe {
                            let planes = planes.as_ptr().add(from + c);
                            let gradients =
                                read::<S, PLANES>(zero, planes, PLANES * stride, stride);
                            let mut tile: [[S::f32s; IN]; IN] = both(
                                zero,
                                &gradients,
                                #[inline(always)]
                                |row| A::inputs(simd, across, row),
                                #[inline(always)]
                                |column| A::inputs(simd, down, column),
                            );
                            let x = x.as_mut_ptr().add(to + c);
                            let (row, column) = (grid.columns * columns, columns);
                            let sums = read::<S, IN>(zero, x, row, column);
                            for (tile, sums) in tile.iter_mut().zip(sums) {
                                for (value, sum) in tile.iter_mut().zip(sums) {
                                    *value = simd.add_f32s(sum, *value);
                                }
                            }
                            write::<S, IN>(&tile, x, row, column);
                        }
                    }
                }
            },
        );
    }

    /// Products to results.
    pub fn results<S: Simd>(
        simd: S,
        tiles: Tiles,
        images: usize,
        products: &[f32],
        finish: &Finish,
        (bias, out, pooled): (&[f32], &mut [f32], &mut [f32]),
    ) {
        let columns = finish.to.padded();
        let zero = simd.splat_f32s(0.0);
        let stride = tiles.stride(images, columns);
        Self::check(finish, bias.len(), images, out.len(), pooled.len());
        assert!(tiles.span(Self::ALL_PRODUCTS, images, columns) <= products.len());
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (ty, tx, image) in places(tiles, images) {
                    let from = tiles.row(images, ty, tx, image) * columns;
                    let down = Self::outputs(ty, finish.height);
                    let across = Self::outputs(tx, finish.width);
                    let corner = |tile: usize| (tile * OUT) as isize - A::OUT_BEFORE as isize;
                    // SAFETY: as in `planes`; `check` has shown that the images of `finish` fit their memory.
                    unsafe {
                        let put = Put {
                            bias: bias.as_ptr(),
                            out: out.as_mut_ptr().add(image * finish.to.len()),
                            from: match finish.pool {
                                true => pooled.as_mut_ptr().add(image * finish.to.len()),
                                false => pooled.as_mut_ptr(),
                            },
                        };
                        for c in (0..columns).step_by(S::F32_LANES) {
                            let products = products.as_ptr().add(from + c);
                            let values =
                                read::<S, PRODUCTS>(zero, products, PRODUCTS * stride, stride);
                            let tile: [[S::f32s; OUT]; OUT] = both(
                                zero,
                                &values,
                                #[inline(always)]
                                |row| A::results(simd, across, row),
                                #[inline(always)]
                                |column| A::results(simd, down, column),
                            );
                            finish.put(simd, tile, (corner(ty), corner(tx), c), put);
                        }
                    }
                }
            },
        );
    }

    /// The transposed map of [`Self::results`]; adds to the gradient of the biases.
    pub fn products<S: Simd>(
        simd: S,
        tiles: Tiles,
        images: usize,
        finish: &Finish,
        (gradient, out, pooled): (&[f32], &[f32], &[f32]),
        bias: &mut [f32],
        products: &mut [f32],
    ) {
        let columns = finish.to.padded();
        let zero = simd.splat_f32s(0.0);
        let stride = tiles.stride(images, columns);
        Self::check(
            finish,
            bias.len(),
            images,
            out.len().min(gradient.len()),
            pooled.len(),
        );
        assert!(tiles.span(Self::ALL_PRODUCTS, images, columns) <= products.len());
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (ty, tx, image) in places(tiles, images) {
                    let to = tiles.row(images, ty, tx, image) * columns;
                    let down = Self::outputs(ty, finish.height);
                    let across = Self::outputs(tx, finish.width);
                    let corner = |tile: usize| (tile * OUT) as isize - A::OUT_BEFORE as isize;
                    // SAFETY: as in `results`.
                    unsafe {
                        let first = image * finish.to.len();
                        let take = Take {
                            gradient: gradient.as_ptr().add(first),
                            out: out.as_ptr().add(first),
                            from: match finish.pool {
                                true => pooled.as_ptr().add(first),
                                false => pooled.as_ptr(),
                            },
                        };
                        for c in (0..columns).step_by(S::F32_LANES) {
                            let tile: [[S::f32s; OUT]; OUT] =
                                finish.take(simd, (corner(ty), corner(tx), c), take);
                            let mut sum = load::<S>(bias.as_ptr().add(c));
                            for row in tile {
                                for value in row {
                                    sum = simd.add_f32s(sum, value);
                                }
                            }
                            store::<S>(bias.as_mut_ptr().add(c), sum);
                            let values = both(
                                zero,
                                &tile,
                                #[inline(always)]
                                |row| A::products(simd, across, row),
                                #[inline(always)]
                                |column| A::products(simd, down, column),
                            );
                            let products = products.as_mut_ptr().add(to + c);
                            write::<S, PRODUCTS>(&values, products, PRODUCTS * stride, stride);
                        }
                    }
                }
            },
        );
    }

    /// Whether the grid holds everything that the tiles read.
    fn is_covered(tiles: Tiles, grid: Grid) -> bool {
        let side = |tiles: usize| (tiles - 1) * A::IN_STEP + IN;
        grid.before == 1 && side(tiles.down) <= grid.rows && side(tiles.across) <= grid.columns
    }

    fn check(finish: &Finish, bias: usize, images: usize, out: usize, pooled: usize) {
        let to = finish.to;
        assert!(bias >= to.padded() && images * to.len() <= out);
        assert!(to.before + to.height <= to.rows && to.before + to.width <= to.columns);
        if finish.pool {
            assert!(images * to.len() <= pooled && OUT.is_multiple_of(2) && A::OUT_BEFORE == 0);
        } else {
            assert!((finish.height, finish.width) == (to.height, to.width));
        }
    }
}

/// Every tile of every image, in the order of the rows.
fn places(tiles: Tiles, images: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let columns = move |ty| (0..tiles.across).map(move |tx| (ty, tx));
    let places = (0..tiles.down).flat_map(columns);
    places.flat_map(move |(ty, tx)| (0..images).map(move |image| (ty, tx, image)))
}
