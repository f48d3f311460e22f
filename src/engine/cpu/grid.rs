//! Images as the fast convolutions read them: channels last, padded to whole vectors, with a border of zeros.

use super::lines::padded;

/// How an image of `height x width x channels` lies in memory.
///
/// The border stands in for the zero padding of a convolution and for what its last tiles read beyond the
/// image, so that no tile needs a case of its own. Value (y, x, c) lies at [`Grid::at`]`(y, x) + c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Rows above the image and columns to its left.
    pub before: usize,
    /// Rows and columns with the border.
    pub rows: usize,
    pub columns: usize,
}

impl Grid {
    /// Without a border.
    pub fn plain(channels: usize, height: usize, width: usize) -> Self {
        Self {
            height,
            width,
            channels,
            before: 0,
            rows: height,
            columns: width,
        }
    }

    /// Channels with their padding.
    pub fn padded(&self) -> usize {
        padded(self.channels)
    }

    /// Values of an image, border and padding included.
    pub fn len(&self) -> usize {
        self.rows * self.columns * self.padded()
    }

    /// Where the channels of a place begin.
    pub fn at(&self, y: usize, x: usize) -> usize {
        ((y + self.before) * self.columns + x + self.before) * self.padded()
    }
}
