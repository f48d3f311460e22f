//! How values lie in memory: flat `(channels, height, width)`, or as the fast convolutions read them: channels last,
//! padded to whole vectors, with a border of zeros.

use super::lines::padded;

/// Channels, height and width of a sample; one dimension counts as channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

impl Shape {
    /// None for a rank that no layer produces.
    pub fn new(dims: &[usize]) -> Option<Self> {
        match *dims {
            [channels] => Some(Self::flat(channels)),
            [channels, height, width] => Some(Self {
                channels,
                height,
                width,
            }),
            _ => None,
        }
    }

    /// A sample of one dimension.
    pub fn flat(channels: usize) -> Self {
        Self {
            channels,
            height: 1,
            width: 1,
        }
    }

    pub fn len(self) -> usize {
        self.channels * self.area()
    }

    /// Pixels of a channel.
    pub fn area(self) -> usize {
        self.height * self.width
    }
}

/// The memory layout of an image of `height x width x channels`.
///
/// The border provides the zero padding of a convolution and the values that its last tiles read beyond the image, so
/// that no tile is a special case. Value (y, x, c) lies at [`NhwcLayout::at`]`(y, x) + c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NhwcLayout {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Rows above the image and columns to its left.
    pub before: (usize, usize),
    /// Rows and columns with the border.
    pub rows: usize,
    pub columns: usize,
    /// Whether channels are not padded, as for images of a few channels.
    pub narrow: bool,
}

impl NhwcLayout {
    /// Without a border.
    pub fn plain(shape: Shape) -> Self {
        Self {
            height: shape.height,
            width: shape.width,
            channels: shape.channels,
            before: (0, 0),
            rows: shape.height,
            columns: shape.width,
            narrow: false,
        }
    }

    /// The shape of the image.
    pub fn shape(&self) -> Shape {
        Shape {
            channels: self.channels,
            height: self.height,
            width: self.width,
        }
    }

    /// Values from one place to the next: the channels with their padding.
    pub fn padded(&self) -> usize {
        match self.narrow {
            true => self.channels,
            false => padded(self.channels),
        }
    }

    /// Values of an image, border and padding included.
    pub fn len(&self) -> usize {
        self.rows * self.columns * self.padded()
    }

    /// Whether the image lies inside of its border.
    pub fn is_inside(&self) -> bool {
        let (top, left) = self.before;
        top + self.height <= self.rows && left + self.width <= self.columns
    }

    /// Offset of the channels of a place.
    pub fn at(&self, y: usize, x: usize) -> usize {
        ((y + self.before.0) * self.columns + x + self.before.1) * self.padded()
    }

    /// Calls `work` with the offsets of each value in the flat image and in this layout.
    #[inline]
    pub fn each(&self, mut work: impl FnMut(usize, usize)) {
        let area = self.height * self.width;
        for y in 0..self.height {
            for x in 0..self.width {
                let at = self.at(y, x);
                for channel in 0..self.channels {
                    work(channel * area + y * self.width + x, at + channel);
                }
            }
        }
    }
}
