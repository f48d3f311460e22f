//! Columns of a convolution: for every output position one column with the inputs under the kernel
//! ("im2col"), and the way back, which adds each column onto the inputs it came from ("col2im").

use std::ops::Range;

/// Images of `height` x `width`, and the grid of positions a kernel takes on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) struct Geometry {
    pub height: usize,
    pub width: usize,
    pub kernel_height: usize,
    pub kernel_width: usize,
    pub stride: usize,
    pub padding: usize,
    /// Rows of positions, from `first_row` on.
    pub grid_height: usize,
    pub grid_width: usize,
    pub first_row: usize,
}

/// Where one row of columns (one channel, one kernel element) lies on the image, along one axis.
struct Axis {
    /// Grid positions whose input lies on the image; those before and after see padding.
    valid: Range<usize>,
    /// The input of the first of them.
    first: usize,
}

impl Axis {
    /// Grid position g sees input `g * stride + offset - padding`.
    fn new(offset: usize, padding: usize, stride: usize, size: usize, grid: usize) -> Self {
        let start = padding.saturating_sub(offset).div_ceil(stride).min(grid);
        let end = (size + padding)
            .saturating_sub(offset)
            .div_ceil(stride)
            .clamp(start, grid);
        Self {
            valid: start..end,
            first: (start * stride + offset).saturating_sub(padding),
        }
    }
}

impl Geometry {
    /// Elements of one channel of an image.
    pub fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Positions of the kernel on an image.
    pub fn grid(&self) -> usize {
        self.grid_height * self.grid_width
    }

    /// Elements of one channel of the kernel: rows of columns for a channel.
    pub fn taps(&self) -> usize {
        self.kernel_height * self.kernel_width
    }

    /// The grid cut into bands of whole rows with about `positions` positions each: for each of them
    /// its first position and its geometry. Columns of large images would fill the memory.
    pub fn bands(&self, positions: usize) -> impl Iterator<Item = (usize, Self)> + use<> {
        let whole = *self;
        let rows = (positions / whole.grid_width.max(1)).max(1);
        (0..whole.grid_height).step_by(rows).map(move |row| {
            let band = Self {
                grid_height: rows.min(whole.grid_height - row),
                first_row: whole.first_row + row,
                ..whole
            };
            (row * whole.grid_width, band)
        })
    }

    fn tap_axes(&self, tap: usize) -> (Axis, Axis) {
        let (i, j) = (tap / self.kernel_width, tap % self.kernel_width);
        let i = i + self.first_row * self.stride;
        let rows = Axis::new(i, self.padding, self.stride, self.height, self.grid_height);
        let columns = Axis::new(j, self.padding, self.stride, self.width, self.grid_width);
        (rows, columns)
    }

    /// Whether a row of columns is the image itself, moved by a constant distance and cut at its
    /// edges: one long run to copy or add instead of one short run for each row of the image.
    fn is_shift(&self) -> bool {
        self.stride == 1 && self.grid_width == self.width
    }

    /// Writes the columns of an image.
    ///
    /// # Shapes
    /// `image` is (channels, height, width). Row `channel * taps + tap` of the columns starts at
    /// `start + row * row_len` of `columns` and has `grid` elements.
    pub fn gather<T: Copy + Default>(
        &self,
        image: &[T],
        columns: &mut [T],
        row_len: usize,
        start: usize,
    ) {
        let (plane, grid, taps) = (self.plane(), self.grid(), self.taps());
        for tap in 0..taps {
            let (ys, xs) = self.tap_axes(tap);
            for (channel, image) in image.chunks_exact(plane).enumerate() {
                let at = start + (channel * taps + tap) * row_len;
                let Some(row) = columns.get_mut(at..at + grid) else {
                    continue;
                };
                self.gather_tap(image, row, &ys, &xs);
            }
        }
    }

    fn gather_tap<T: Copy + Default>(&self, image: &[T], row: &mut [T], ys: &Axis, xs: &Axis) {
        let zero = T::default();
        let width = self.grid_width;
        if ys.valid.is_empty() || xs.valid.is_empty() {
            row.fill(zero);
            return;
        }
        row[..ys.valid.start * width].fill(zero);
        row[ys.valid.end * width..].fill(zero);
        if self.is_shift() {
            let run =
                ys.valid.start * width + xs.valid.start..(ys.valid.end - 1) * width + xs.valid.end;
            let from = ys.first * width + xs.first;
            let len = run.len();
            row[run].copy_from_slice(&image[from..from + len]);
            self.clear_edges(row, ys, xs);
            return;
        }
        for (row, y) in row[ys.valid.start * width..ys.valid.end * width]
            .chunks_exact_mut(width)
            .zip((ys.first..).step_by(self.stride))
        {
            row[..xs.valid.start].fill(zero);
            row[xs.valid.end..].fill(zero);
            let from = &image[y * self.width + xs.first..];
            for (to, &value) in row[xs.valid.clone()]
                .iter_mut()
                .zip(from.iter().step_by(self.stride))
            {
                *to = value;
            }
        }
    }

    /// Zeroes the positions left and right of the image in the rows of the grid that lie on it.
    fn clear_edges<T: Copy + Default>(&self, row: &mut [T], ys: &Axis, xs: &Axis) {
        let width = self.grid_width;
        if xs.valid.start == 0 && xs.valid.end == width {
            return;
        }
        for row in row[ys.valid.start * width..ys.valid.end * width].chunks_exact_mut(width) {
            row[..xs.valid.start].fill(T::default());
            row[xs.valid.end..].fill(T::default());
        }
    }

    /// Adds columns onto an image: the transpose of [`Geometry::gather`], with the same shapes.
    /// Positions that see padding are overwritten in `columns`.
    pub fn scatter<T: Copy + Default + std::ops::AddAssign>(
        &self,
        columns: &mut [T],
        row_len: usize,
        start: usize,
        image: &mut [T],
    ) {
        let (plane, grid, taps) = (self.plane(), self.grid(), self.taps());
        for (channel, image) in image.chunks_exact_mut(plane).enumerate() {
            for tap in 0..taps {
                let (ys, xs) = self.tap_axes(tap);
                let at = start + (channel * taps + tap) * row_len;
                let Some(row) = columns.get_mut(at..at + grid) else {
                    continue;
                };
                self.scatter_tap(row, image, &ys, &xs);
            }
        }
    }

    fn scatter_tap<T: Copy + Default + std::ops::AddAssign>(
        &self,
        row: &mut [T],
        image: &mut [T],
        ys: &Axis,
        xs: &Axis,
    ) {
        let width = self.grid_width;
        if ys.valid.is_empty() || xs.valid.is_empty() {
            return;
        }
        if self.is_shift() {
            self.clear_edges(row, ys, xs);
            let run =
                ys.valid.start * width + xs.valid.start..(ys.valid.end - 1) * width + xs.valid.end;
            let onto = ys.first * width + xs.first;
            for (to, &value) in image[onto..].iter_mut().zip(&row[run]) {
                *to += value;
            }
            return;
        }
        for (row, y) in row[ys.valid.start * width..ys.valid.end * width]
            .chunks_exact(width)
            .zip((ys.first..).step_by(self.stride))
        {
            let onto = &mut image[y * self.width + xs.first..];
            for (to, &value) in onto
                .iter_mut()
                .step_by(self.stride)
                .zip(&row[xs.valid.clone()])
            {
                *to += value;
            }
        }
    }
}
