//! Convolution, its transpose and its weight gradient for a batch, as matrix products over columns.
//!
//! All three connect images (N, image_channels, height, width) with grids (N, grid_channels,
//! grid_height, grid_width) through a kernel matrix (grid_channels, image_channels * taps).
//!
//! Measured on the convolutional denoiser at batch 128, f32, two cores with AVX-512: the products run
//! at 130 to 170 GFLOP/s and take half of a training step; gathering, packing and adding columns take
//! a tenth. The rest is memory that candle clears, adds and gives back for each gradient.

use candle_core::Result;

use super::columns::Geometry;
use super::lanes;
use super::matrix::{Matrix, product};
use super::real::Real;

/// Positions that go into one matrix product, from as many images as that takes.
///
/// A 7x7 plane alone makes a product too narrow to repay the packing of the kernel matrix; many planes
/// at once push the columns out of the cache. Between 98 and 784 the time of the denoiser moves by
/// 5 %, with its least here.
const POSITIONS: usize = 384;

/// Positions of one large image that go into one matrix product, in whole rows: its columns would
/// otherwise take kernel-size times the memory of the image on every thread.
const BAND: usize = 1024;

/// A batch of images and grids and the kernel between them.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) struct Convolution {
    pub geometry: Geometry,
    pub images: usize,
    pub image_channels: usize,
    pub grid_channels: usize,
}

impl Convolution {
    /// Elements of one image.
    fn image(&self) -> usize {
        self.image_channels * self.geometry.plane()
    }

    /// Elements of one image's grid.
    fn grid(&self) -> usize {
        self.grid_channels * self.geometry.grid()
    }

    /// Rows of columns.
    fn depth(&self) -> usize {
        self.image_channels * self.geometry.taps()
    }

    /// Images that share a matrix product.
    fn group(&self) -> usize {
        POSITIONS
            .div_ceil(self.geometry.grid().max(1))
            .min(lanes::lane_len(self.images))
            .max(1)
    }

    /// Multiplications of one pass over the batch.
    fn operations(&self) -> usize {
        self.images
            .saturating_mul(self.grid())
            .saturating_mul(self.depth())
    }

    /// Writes the columns of some images for a band of the grid side by side: (depth, images * band).
    fn gather<'a, T: Real>(
        &self,
        images: &[T],
        band: Geometry,
        columns: &'a mut [T],
    ) -> Matrix<'a, T> {
        let grid = band.grid();
        let positions = images.len() / self.image() * grid;
        for (index, image) in images.chunks_exact(self.image()).enumerate() {
            band.gather(image, columns, positions, index * grid);
        }
        Matrix::new(columns, self.depth(), positions)
    }

    /// Grids from images: the convolution.
    ///
    /// # Shapes
    /// `kernel` is (grid_channels, depth), `bias` has one element for each grid channel or none.
    pub fn grids_from_images<T: Real>(
        &self,
        images: &[T],
        kernel: &[T],
        bias: &[T],
        grids: &mut [T],
    ) -> Result<()> {
        let (plane, depth, group) = (self.geometry.grid(), self.depth(), self.group());
        let kernel = Matrix::new(kernel, self.grid_channels, depth);
        lanes::fill(grids, self.grid(), self.operations(), |first, grids| {
            let images = images.get(first * self.image()..).unwrap_or_default();
            self.with_scratch(|columns, products| {
                for (images, grids) in images
                    .chunks(self.image() * group)
                    .zip(grids.chunks_mut(self.grid() * group))
                {
                    let count = grids.len() / self.grid();
                    if count > 1 {
                        let images = images.get(..count * self.image()).unwrap_or_default();
                        let columns = self.gather(images, self.geometry, columns);
                        product(products, count * plane, kernel, columns, false)?;
                        split_rows(products, grids, count, self.grid_channels, plane, bias);
                        continue;
                    }
                    fill_planes(grids, plane, bias);
                    let image = images.get(..self.image()).unwrap_or_default();
                    for (start, band) in self.geometry.bands(BAND) {
                        let columns = self.gather(image, band, columns);
                        let grids = grids.get_mut(start..).unwrap_or_default();
                        product(grids, plane, kernel, columns, true)?;
                    }
                }
                Ok(())
            })
        })
    }

    /// Images from grids: the transpose of the convolution.
    ///
    /// # Shapes
    /// `kernel` is (grid_channels, depth), `bias` has one element for each image channel or none.
    pub fn images_from_grids<T: Real>(
        &self,
        grids: &[T],
        kernel: &[T],
        bias: &[T],
        images: &mut [T],
    ) -> Result<()> {
        let (plane, depth, group) = (self.geometry.grid(), self.depth(), self.group());
        let kernel = Matrix::new(kernel, self.grid_channels, depth).t();
        lanes::fill(images, self.image(), self.operations(), |first, images| {
            let grids = grids.get(first * self.grid()..).unwrap_or_default();
            self.with_scratch(|columns, joined| {
                for (images, grids) in images
                    .chunks_mut(self.image() * group)
                    .zip(grids.chunks(self.grid() * group))
                {
                    fill_planes(images, self.geometry.plane(), bias);
                    let count = images.len() / self.image();
                    let grids = self.join(grids, count, joined);
                    for (start, band) in self.bands(count) {
                        let positions = count * band.grid();
                        let grids = grids.columns(start..start + positions);
                        product(columns, positions, kernel, grids, false)?;
                        for (index, image) in images.chunks_exact_mut(self.image()).enumerate() {
                            band.scatter(columns, positions, index * plane, image);
                        }
                    }
                }
                Ok(())
            })
        })
    }

    /// The gradient of the kernel matrix where `grids` are the gradients of the convolution's result:
    /// lanes summed in index order.
    pub fn kernel_gradient<T: Real>(&self, images: &[T], grids: &[T]) -> Result<Vec<T>> {
        let (depth, group) = (self.depth(), self.group());
        let size = self.grid_channels * depth;
        let lanes = lanes::collect(self.images, self.operations(), |range| {
            let images = images
                .get(range.start * self.image()..range.end * self.image())
                .unwrap_or_default();
            let grids = grids.get(range.start * self.grid()..).unwrap_or_default();
            let mut gradient = vec![T::default(); size];
            self.with_scratch(|columns, joined| {
                let mut accumulate = false;
                for (images, grids) in images
                    .chunks(self.image() * group)
                    .zip(grids.chunks(self.grid() * group))
                {
                    let count = images.len() / self.image();
                    let grids = self.join(grids, count, joined);
                    for (start, band) in self.bands(count) {
                        let columns = self.gather(images, band, columns).t();
                        let grids = grids.columns(start..start + count * band.grid());
                        product(&mut gradient, depth, grids, columns, accumulate)?;
                        accumulate = true;
                    }
                }
                Ok(gradient)
            })
        })?;
        lanes::sum(lanes, size)
    }

    /// The whole grid for a group of images, bands of it for a single one.
    fn bands(&self, images: usize) -> impl Iterator<Item = (usize, Geometry)> + use<> {
        let whole = self.geometry.grid();
        self.geometry.bands(if images > 1 { whole } else { BAND })
    }

    /// Lends scratch memory for columns and for the grids of a group of images.
    fn with_scratch<T: Real, R>(&self, work: impl FnOnce(&mut [T], &mut [T]) -> R) -> R {
        let (group, plane) = (self.group(), self.geometry.grid());
        let bands = self.geometry.bands(BAND).map(|(_, band)| band.grid());
        let positions = match group {
            1 => bands.max().unwrap_or(0),
            group => (group * plane).max(bands.max().unwrap_or(0)),
        };
        let columns = self.depth() * positions;
        let joined = if group > 1 { self.grid() * group } else { 0 };
        T::with_scratch(columns + joined, |scratch| {
            let (columns, joined) = scratch.split_at_mut(columns);
            work(columns, joined)
        })
    }

    /// The grids of `count` images as one matrix (grid_channels, count * grid).
    fn join<'a, T: Real>(
        &self,
        grids: &'a [T],
        count: usize,
        joined: &'a mut [T],
    ) -> Matrix<'a, T> {
        let plane = self.geometry.grid();
        if count == 1 {
            return Matrix::new(grids, self.grid_channels, plane);
        }
        for (index, image) in grids.chunks_exact(self.grid()).take(count).enumerate() {
            let rows = joined.chunks_exact_mut(count * plane);
            for (from, to) in image.chunks_exact(plane).zip(rows) {
                to[index * plane..][..plane].copy_from_slice(from);
            }
        }
        Matrix::new(joined, self.grid_channels, count * plane)
    }
}

/// Fills every plane of (N, channels, plane) with its channel's bias, or with zero without biases.
fn fill_planes<T: Real>(out: &mut [T], plane: usize, bias: &[T]) {
    if bias.is_empty() {
        out.fill(T::default());
        return;
    }
    for (plane, &bias) in out.chunks_exact_mut(plane).zip(bias.iter().cycle()) {
        plane.fill(bias);
    }
}

/// Moves a matrix (channels, count * plane) to (count, channels, plane) and adds the biases.
fn split_rows<T: Real>(
    matrix: &[T],
    out: &mut [T],
    count: usize,
    channels: usize,
    plane: usize,
    bias: &[T],
) {
    for (index, image) in out.chunks_exact_mut(channels * plane).enumerate() {
        let rows = matrix.chunks_exact(count * plane);
        for (channel, (to, from)) in image.chunks_exact_mut(plane).zip(rows).enumerate() {
            let from = &from[index * plane..][..plane];
            match bias.get(channel) {
                Some(&bias) => {
                    for (to, &value) in to.iter_mut().zip(from) {
                        *to = value + bias;
                    }
                }
                None => to.copy_from_slice(from),
            }
        }
    }
}

/// The sum of every channel of (N, channels, plane): a bias gradient, lanes summed in index order.
pub(in crate::ops) fn channel_sums<T: Real>(
    values: &[T],
    channels: usize,
    plane: usize,
) -> Result<Vec<T>> {
    let item = channels * plane;
    let lanes = lanes::collect(values.len() / item.max(1), values.len(), |range| {
        let mut sums = vec![T::default(); channels];
        let values = values
            .get(range.start * item..range.end * item)
            .unwrap_or_default();
        for image in values.chunks_exact(item.max(1)) {
            for (sum, plane) in sums.iter_mut().zip(image.chunks_exact(plane)) {
                *sum += plane_sum(plane);
            }
        }
        Ok(sums)
    })?;
    lanes::sum(lanes, channels)
}

/// The sum of a slice in sixteen interleaved partial sums, which the compiler turns into vectors.
fn plane_sum<T: Real>(values: &[T]) -> T {
    let (chunks, rest) = values.as_chunks::<16>();
    let mut partial = [T::default(); 16];
    for chunk in chunks {
        for (sum, &value) in partial.iter_mut().zip(chunk) {
            *sum += value;
        }
    }
    let mut total = T::default();
    for &value in partial.iter().chain(rest) {
        total += value;
    }
    total
}
