//! Matrix products without packing.
//!
//! A general product packs both operands first, as it does not know their layout. Here the transforms write them as the
//! kernel reads them: rows of the left operand anywhere, the right operand in lines. Measured on one core of an AMD
//! EPYC (Zen 4, at most 118 GFLOP/s), in GFLOP/s, beside the `gemm` crate with AVX-512 (`cargo test --release --lib
//! products_per_second -- --ignored --nocapture`):
//!
//! | rows x columns x depth | gemm | here, AVX-512 | here, AVX2 | here, portable |
//! | --- | --- | --- | --- | --- |
//! | 12 x 64 x 32 | 76 | 110 | 106 | 15 |
//! | 16 x 128 x 128 | 112 | 117 | 109 | 15 |
//! | 56 x 128 x 64 | 104 | 116 | 108 | 15 |
//! | 64 x 256 x 784 | 109 | 118 | 108 | 15 |

mod tail;
#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;

use pulp::Simd;

use super::isa::vectorize;
use super::lines::padded;
use tail::tail;

/// Columns of a panel of [`Right::Panels`].
const PANEL: usize = 32;
/// Most rows of a panel that are used at once: they stay in the first-level cache.
const DEPTH: usize = 256;
/// The same for few rows of the left operand, which would read a panel once, slowly: the next panel continues the lines
/// of this one.
const SHALLOW: usize = 32;
/// Most rows of the left operand that are used with panels of this depth: they stay in the second-level cache.
const ROWS: usize = 512;
/// From these sizes on, copying the panel of [`Right::Rows`] pays off: lines a power of two apart share cache sets.
const WORTH_A_COPY: (usize, usize) = (32, 64);

/// The left operand: element (i, k) lies at `i * row + k * step`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    data: &'a [f32],
    row: usize,
    step: usize,
}

impl<'a> Left<'a> {
    /// A matrix with rows `row` values apart.
    pub fn new(data: &'a [f32], row: usize) -> Self {
        Self { data, row, step: 1 }
    }

    /// The transpose of a matrix with rows `row` values apart.
    pub fn transposed(data: &'a [f32], row: usize) -> Self {
        Self {
            data,
            row: 1,
            step: row,
        }
    }

    /// Without the first rows.
    pub fn from_row(self, row: usize) -> Self {
        Self {
            data: &self.data[row * self.row..],
            ..self
        }
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
}

/// Length of a right operand in panels.
pub(crate) fn panels_len(depth: usize, columns: usize) -> usize {
    depth * padded(columns)
}

/// Index in panels of element (row, column) of a matrix (depth, columns).
pub(crate) fn panel_place(depth: usize, columns: usize, row: usize, column: usize) -> usize {
    let panel = column / PANEL * PANEL;
    let width = PANEL.min(padded(columns) - panel);
    depth * panel + row * width + column - panel
}

/// The destination of a product: element (i, j) at `i * row + j`.
#[derive(Debug)]
pub(crate) struct Out<'a> {
    data: &'a mut [f32],
    row: usize,
    accumulate: bool,
}

impl<'a> Out<'a> {
    /// The product overwrites the values there.
    pub fn new(data: &'a mut [f32], row: usize) -> Self {
        Self {
            data,
            row,
            accumulate: false,
        }
    }

    /// Whether the product is added to the values there.
    pub fn accumulate(self, accumulate: bool) -> Self {
        Self { accumulate, ..self }
    }
}

/// `out = left right`, or `out += left right`.
///
/// # Shapes
/// `left` is (rows, depth), `right` is (depth, columns), `out` is (rows, columns).
///
/// # Panics
/// If an operand is shorter than its sizes say, which only a bug in the lowering can cause.
pub(crate) fn product<S: Simd>(
    simd: S,
    out: Out,
    (rows, columns, depth): (usize, usize, usize),
    left: Left,
    right: Right,
) {
    if rows == 0 || columns == 0 || depth == 0 {
        return;
    }
    assert!((rows - 1) * left.row + (depth - 1) * left.step < left.data.len());
    assert!(columns <= out.row && (rows - 1) * out.row + columns <= out.data.len());
    match right {
        Right::Panels(data) => assert!(panels_len(depth, columns) <= data.len()),
        Right::Rows(data, row) => {
            assert!(columns <= row && (depth - 1) * row + columns <= data.len());
        }
    }
    let (pointer, out_row) = (out.data.as_mut_ptr(), out.row);
    let most = match right {
        Right::Rows(..) if rows < 16 => SHALLOW,
        _ => DEPTH,
    };
    let at_once = depth.div_ceil(depth.div_ceil(most));
    vectorize(
        simd,
        #[inline(always)]
        || {
            let mut copy = [MaybeUninit::<f32>::uninit(); DEPTH * PANEL];
            for row in (0..rows).step_by(ROWS) {
                for first in (0..depth).step_by(at_once) {
                    let job = Job {
                        rows: ROWS.min(rows - row),
                        depth: at_once.min(depth - first),
                        // SAFETY: the first assertion covers the element (row, first).
                        left: unsafe {
                            let place = row * left.row + first * left.step;
                            left.data.as_ptr().add(place)
                        },
                        left_row: left.row,
                        left_step: left.step,
                        out_row,
                        accumulate: out.accumulate || first > 0,
                    };
                    let mut column = 0;
                    while column < columns {
                        let (width, mut right, mut right_row) = match right {
                            Right::Panels(data) => {
                                let width = PANEL.min(padded(columns - column));
                                let place = depth * column + first * width;
                                // SAFETY: panels before this one hold `depth * column` values, and `first` rows of
                                // this one follow, all of which the assertion covers.
                                (width, unsafe { data.as_ptr().add(place) }, width)
                            }
                            Right::Rows(data, row) => {
                                let place = first * row + column;
                                // SAFETY: column < columns and first < depth, inside of the rows.
                                (PANEL, unsafe { data.as_ptr().add(place) }, row)
                            }
                        };
                        let here = width.min(columns - column);
                        let is_worth = job.rows >= WORTH_A_COPY.0 && job.depth >= WORTH_A_COPY.1;
                        if is_worth && right_row > PANEL && here == PANEL {
                            let to = copy.as_mut_ptr().cast::<f32>();
                            for k in 0..job.depth {
                                // SAFETY: as above; a whole panel has PANEL values in each row, of which there are
                                // at most DEPTH.
                                unsafe {
                                    let from = right.add(k * right_row);
                                    to.add(k * PANEL).copy_from_nonoverlapping(from, PANEL);
                                }
                            }
                            (right, right_row) = (to, PANEL);
                        }
                        // SAFETY: the assertions above cover every element of these rows and columns.
                        unsafe {
                            let out = pointer.add(row * out_row + column);
                            panel(simd, job, right, right_row, out, here);
                        }
                        column += width;
                    }
                }
            }
        },
    );
}

/// The arguments that all blocks of a product share.
#[derive(Clone, Copy)]
struct Job {
    rows: usize,
    depth: usize,
    left: *const f32,
    left_row: usize,
    left_step: usize,
    out_row: usize,
    accumulate: bool,
}

/// Rows and vectors of a block: with the right operand's vectors and one of the left's the sums stay in
/// registers, of which AVX-512 and NEON have 32, AVX2 16.
#[inline(always)]
unsafe fn panel<S: Simd>(
    simd: S,
    job: Job,
    right: *const f32,
    right_row: usize,
    out: *mut f32,
    columns: usize,
) {
    let lanes = S::F32_LANES;
    let mut column = 0;
    // SAFETY: the caller has checked all operands for `columns` columns; the blocks stay inside them.
    unsafe {
        while column + 2 * lanes <= columns {
            let (right, out) = (right.add(column), out.add(column));
            if lanes == 8 {
                rows::<S, 4, 2>(simd, job, right, right_row, out);
            } else {
                rows::<S, 8, 2>(simd, job, right, right_row, out);
            }
            column += 2 * lanes;
        }
        while column + lanes <= columns {
            rows::<S, 8, 1>(simd, job, right.add(column), right_row, out.add(column));
            column += lanes;
        }
        if column < columns {
            let (right, out) = (right.add(column), out.add(column));
            tail(simd, job, right, right_row, out, columns - column);
        }
    }
}

/// All rows of `VECTORS` vectors of columns.
#[inline(always)]
unsafe fn rows<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    job: Job,
    right: *const f32,
    right_row: usize,
    out: *mut f32,
) {
    let mut row = 0;
    // SAFETY: row + the rows of a block never pass job.rows.
    unsafe {
        while row + ROWS <= job.rows {
            block::<S, ROWS, VECTORS>(simd, job, row, right, right_row, out);
            row += ROWS;
        }
        if ROWS > 4 && row + 4 <= job.rows {
            block::<S, 4, VECTORS>(simd, job, row, right, right_row, out);
            row += 4;
        }
        if row + 2 <= job.rows {
            block::<S, 2, VECTORS>(simd, job, row, right, right_row, out);
            row += 2;
        }
        if row < job.rows {
            block::<S, 1, VECTORS>(simd, job, row, right, right_row, out);
        }
    }
}

#[inline(always)]
unsafe fn block<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    job: Job,
    row: usize,
    right: *const f32,
    right_row: usize,
    out: *mut f32,
) {
    let lanes = S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    // SAFETY: the caller vouches for these rows and columns of all three operands.
    unsafe {
        let left = job.left.add(row * job.left_row);
        for k in 0..job.depth {
            let from = right.add(k * right_row);
            let mut right = [simd.splat_f32s(0.0); VECTORS];
            for (j, right) in right.iter_mut().enumerate() {
                *right = load::<S>(from.add(j * lanes));
            }
            let left = left.add(k * job.left_step);
            for (i, sums) in sums.iter_mut().enumerate() {
                let left = simd.splat_f32s(*left.add(i * job.left_row));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = simd.mul_add_e_f32s(left, right, *sum);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            for (j, sum) in sums.into_iter().enumerate() {
                let to = out.add((row + i) * job.out_row + j * lanes);
                let before = match job.accumulate {
                    true => load::<S>(to),
                    false => simd.splat_f32s(0.0),
                };
                store::<S>(to, simd.add_f32s(before, sum));
            }
        }
    }
}

/// A vector from memory, aligned or not.
///
/// # Safety
/// `S::F32_LANES` values can be read there.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: the caller's; a vector is plain values.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// A vector to memory, aligned or not.
///
/// # Safety
/// `S::F32_LANES` values can be written there.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd>(to: *mut f32, vector: S::f32s) {
    // SAFETY: the caller's; a vector is plain values.
    unsafe { to.cast::<S::f32s>().write_unaligned(vector) }
}
