//! The operands of a product, and where their values lie.

use super::super::lines::padded;

/// Columns of a panel of [`Right::Panels`].
pub(super) const PANEL: usize = 32;

/// Where the rows of an operand begin, or the terms of its sums lie in them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Places<'a> {
    /// At a constant distance.
    Every(usize),
    /// At these offsets.
    At(&'a [u32]),
}

impl Places<'_> {
    /// The greatest of the first `count` offsets, at least one.
    ///
    /// # Panics
    /// If there are fewer.
    pub(super) fn last(self, count: usize) -> usize {
        match self {
            Self::Every(distance) => (count - 1) * distance,
            Self::At(places) => places[..count]
                .iter()
                .max()
                .map_or(0, |&last| last as usize),
        }
    }
}

/// The left operand: element (i, k) lies at the place of row i plus that of step k.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(super) data: &'a [f32],
    pub(super) rows: Places<'a>,
    pub(super) steps: Places<'a>,
}

impl<'a> Left<'a> {
    /// A matrix with rows `row` values apart.
    pub fn new(data: &'a [f32], row: usize) -> Self {
        Self::at(data, Places::Every(row), Places::Every(1))
    }

    /// The transpose of a matrix with rows `row` values apart.
    pub fn transposed(data: &'a [f32], row: usize) -> Self {
        Self::at(data, Places::Every(1), Places::Every(row))
    }

    /// Values anywhere.
    pub fn at(data: &'a [f32], rows: Places<'a>, steps: Places<'a>) -> Self {
        Self { data, rows, steps }
    }

    /// Without the first terms of the sums.
    pub(super) fn skip_steps(self, step: usize) -> Self {
        let (first, steps) = self.steps.from(step);
        let data = &self.data[first..];
        Self {
            data,
            steps,
            ..self
        }
    }

    /// Without the first rows.
    pub fn skip_rows(self, row: usize) -> Self {
        let (first, rows) = self.rows.from(row);
        let data = &self.data[first..];
        Self { data, rows, ..self }
    }
}

/// The right operand, `depth` rows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Right<'a> {
    /// Consecutive panels of 32 columns, each with `depth` rows; the last panel has the remaining columns, padded with
    /// zeros to a multiple of 16.
    Panels(&'a [f32]),
    /// Values and `row`: element (k, j) lies at `k * row + j`.
    Rows(&'a [f32], usize),
    /// Values and where each row begins.
    At(&'a [f32], &'a [u32]),
}

/// Length of a right operand in panels.
pub(crate) fn panels_len(depth: usize, columns: usize) -> usize {
    depth * padded(columns)
}

/// Sets a row of a matrix (depth, columns) in its panels; values after those that are given keep theirs.
pub(crate) fn put_row(
    data: &mut [f32],
    (depth, columns): (usize, usize),
    row: usize,
    values: &[f32],
) {
    for (number, values) in values.chunks(PANEL).enumerate() {
        let place = panel_place(depth, columns, row, number * PANEL);
        data[place..][..values.len()].copy_from_slice(values);
    }
}

/// Index in panels of element (row, column) of a matrix (depth, columns).
pub(crate) fn panel_place(depth: usize, columns: usize, row: usize, column: usize) -> usize {
    let panel = column / PANEL * PANEL;
    let width = PANEL.min(padded(columns) - panel);
    depth * panel + row * width + column - panel
}

/// The destination of a product: element (i, j) at the place of row i plus j.
#[derive(Debug)]
pub(crate) struct Out<'a> {
    pub(super) data: &'a mut [f32],
    pub(super) rows: Places<'a>,
    pub(super) accumulate: bool,
}

impl<'a> Out<'a> {
    /// Rows `row` values apart. The product overwrites the values there.
    pub fn new(data: &'a mut [f32], row: usize) -> Self {
        Self::at(data, Places::Every(row))
    }

    /// Rows anywhere.
    pub fn at(data: &'a mut [f32], rows: Places<'a>) -> Self {
        Self {
            data,
            rows,
            accumulate: false,
        }
    }

    /// Whether the product is added to the values there.
    pub fn accumulate(self, accumulate: bool) -> Self {
        Self { accumulate, ..self }
    }
}

impl<'a> Places<'a> {
    /// The rows from `first` on: an offset that all of them have more, and their own.
    #[inline(always)]
    pub(super) fn from(self, first: usize) -> (usize, Self) {
        match self {
            Self::Every(_) => (self.last(first + 1), self),
            Self::At(places) => (0, Self::At(&places[first..])),
        }
    }

    /// # Safety
    /// There are more than `row`.
    #[inline(always)]
    pub(super) unsafe fn at(self, row: usize) -> usize {
        match self {
            Self::Every(distance) => row * distance,
            // SAFETY: as the caller guarantees.
            Self::At(places) => unsafe { *places.get_unchecked(row) as usize },
        }
    }
}

/// The offsets of the terms of a sum.
pub(super) trait Offsets: Copy {
    /// The terms from `first` on: an offset that all of them have more, and their own.
    ///
    /// # Safety
    /// There are as many.
    unsafe fn from(self, first: usize) -> (usize, Self);

    /// # Safety
    /// There are more than `k`.
    unsafe fn at(self, k: usize) -> usize;
}

/// Offsets at a constant distance.
#[derive(Clone, Copy)]
pub(super) struct Step(pub usize);

/// Offsets from memory.
#[derive(Clone, Copy)]
pub(super) struct Table(pub *const u32);

impl Offsets for Step {
    #[inline(always)]
    unsafe fn from(self, first: usize) -> (usize, Self) {
        (first * self.0, self)
    }

    #[inline(always)]
    unsafe fn at(self, k: usize) -> usize {
        k * self.0
    }
}

impl Offsets for Table {
    #[inline(always)]
    unsafe fn from(self, first: usize) -> (usize, Self) {
        // SAFETY: as the caller guarantees.
        (0, Self(unsafe { self.0.add(first) }))
    }

    #[inline(always)]
    unsafe fn at(self, k: usize) -> usize {
        // SAFETY: as the caller guarantees.
        unsafe { *self.0.add(k) as usize }
    }
}

/// The arguments that all blocks of a product share.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub rows: usize,
    pub depth: usize,
    pub left: *const f32,
    pub left_rows: Places<'a>,
    pub out_rows: Places<'a>,
    pub accumulate: bool,
}
