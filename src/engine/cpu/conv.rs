//! Convolutions through fewer products.
//!
//! Measurements on two cores of an AMD EPYC (Zen 4) with AVX-512, conv-denoiser in batches of 128:
//!
//! - Planes whose distance is a power of two fall on the same cache sets; one line between them ([`plane_stride`])
//!   makes these layers 5% faster (predicted: 10%).
//! - Leaving out products whose outputs all lie outside of the image makes them 10% faster (predicted: 17%; some
//!   products then have only 8 rows): the last tile of 7 = 4 + 3 takes 5 products along an axis, not 6.
//! - Half or twice as many images at once ([`SCRATCH`], [`ROWS`]) are 2 to 4% slower.
//! - Products of bf16 operands, twice as fast by themselves, do not pay. Rounding planes and weights to bf16 gives
//!   results with a relative error of 2.4e-2 (128 channels; f32: 2e-6), eight times that of the direct sum (3.1e-3),
//!   which takes three to four times as many products. Only upsampled images (4.4e-3) would be left, with two fifths of
//!   the products.

use std::marker::PhantomData;

use super::axis::Axis;
use super::finish::Finish;
use super::layout::{NhwcLayout, Shape};
use super::lines::plane_stride;
use super::product::panels_len;
use super::tile_rows::Tiles;

/// A convolution with zero padding that keeps the size of the images that the taps read, fused with the operations
/// after it. Both axes use the same maps.
#[derive(Debug, Clone)]
pub(crate) struct FastConv<
    A,
    const TAPS: usize,
    const IN: usize,
    const PLANES: usize,
    const PRODUCTS: usize,
    const OUT: usize,
> {
    pub from: NhwcLayout,
    /// Height and width of the kernel, of which the taps around the middle one are read.
    pub kernel: usize,
    pub finish: Finish,
    axis: PhantomData<A>,
}

/// The values of planes and products that are worked on at once should stay in a core's own cache.
const SCRATCH: usize = 192 * 1024;
/// With fewer rows than this in a product, loading the weights takes longer than multiplying.
const ROWS: usize = 32;

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
    /// For images of this shape, in the layout that tiles are read from. A kernel of more taps has only zeros of the
    /// border under the others.
    pub fn new(kernel: usize, shape: Shape, finish: Finish) -> Self {
        let side =
            |inputs: usize| ((A::tiles(inputs) - 1) * A::IN_STEP + IN).max(inputs + A::IN_BEFORE);
        Self {
            from: NhwcLayout {
                before: (A::IN_BEFORE, A::IN_BEFORE),
                rows: side(shape.height),
                columns: side(shape.width),
                ..NhwcLayout::plain(shape)
            },
            kernel,
            finish,
            axis: PhantomData,
        }
    }

    /// The tiles that are worked on at once, of some images or of a part of one.
    pub(super) fn at_once(&self) -> Tiles {
        let (down, across) = (A::tiles(self.from.height), A::tiles(self.from.width));
        let planes = PLANES * PLANES * self.from.padded();
        let products = PRODUCTS * PRODUCTS * self.finish.to.padded();
        let fitting = SCRATCH / (planes + products).max(1);
        let images = (fitting / (down * across)).max(ROWS.div_ceil(down * across));
        let rows = (fitting.max(ROWS) / across).max(1);
        Tiles {
            top: 0,
            down: down.div_ceil(down.div_ceil(rows)),
            across,
            images,
        }
    }

    /// The tiles of some images, as many as are worked on at once, with the first image of each part.
    pub(super) fn parts(&self, images: usize) -> impl Iterator<Item = (usize, Tiles)> {
        let (most, down) = (self.at_once(), A::tiles(self.from.height));
        (0..images).step_by(most.images).flat_map(move |first| {
            (0..down).step_by(most.down).map(move |top| {
                let tiles = Tiles {
                    top,
                    down: most.down.min(down - top),
                    images: most.images.min(images - first),
                    ..most
                };
                (first, tiles)
            })
        })
    }

    /// Products of an image, for each input and output.
    pub fn cost(&self) -> usize {
        let uses = |inputs: usize| (0..PRODUCTS).map(move |p| Self::uses(p, inputs).len());
        let sum = |inputs: usize| uses(inputs).sum::<usize>();
        sum(self.from.height) * sum(self.from.width)
    }

    /// Products of the form, each with weights of its own.
    pub fn weight_matrices(&self) -> usize {
        PRODUCTS * PRODUCTS
    }

    pub(super) fn planes_len(&self, tiles: Tiles) -> usize {
        PLANES * PLANES * tiles.stride(self.from.padded())
    }

    /// Distance from one product's gradient, or one tap's, to the next.
    pub(super) fn product_len(&self) -> usize {
        plane_stride(self.from.channels * self.finish.to.padded())
    }

    /// Length of the gradient of the taps, (taps, taps, in, out) with the outputs padded.
    pub(super) fn taps_len(&self) -> usize {
        TAPS * TAPS * self.product_len()
    }
}

/// Distance from the panels of one product to those of the next.
pub(super) fn panels_stride(depth: usize, columns: usize) -> usize {
    plane_stride(panels_len(depth, columns))
}
