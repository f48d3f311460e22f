//! Where the tiles of images lie in memory.

use super::lines::plane_stride;

/// Rows of tiles of some images, and how their planes and products lie in memory.
///
/// A plane (i, j) is a matrix: a row for each tile and image, tile (ty, tx) of image n at row
/// `((ty - top) * across + tx) * images + n`, and a column for each channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    /// The first row of tiles.
    pub top: usize,
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
    pub fn span(self, planes: usize, columns: usize) -> usize {
        (planes - 1) * self.stride(columns) + self.rows() * columns
    }

    /// The tile (ty, tx) and the image of every row.
    #[inline]
    pub fn each(self) -> impl Iterator<Item = (usize, usize, usize)> {
        let columns = move |ty| (0..self.across).map(move |tx| (ty, tx));
        let tiles = (self.top..self.top + self.down).flat_map(columns);
        tiles.flat_map(move |(ty, tx)| (0..self.images).map(move |image| (ty, tx, image)))
    }
}
