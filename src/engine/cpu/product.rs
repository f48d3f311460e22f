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

use pulp::Simd;

use super::isa::vectorize;
use super::lines::padded;

/// Columns of a panel of [`Right::Panels`].
const PANEL: usize = 32;

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
    fn last(self, count: usize) -> usize {
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
    data: &'a [f32],
    rows: Places<'a>,
    steps: Places<'a>,
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

/// Fills the panels of a matrix (depth, columns) with its values; where there is none, with 0.
pub(crate) fn panels(
    data: &mut [f32],
    (depth, columns): (usize, usize),
    value: impl Fn(usize, usize) -> Option<f32>,
) {
    for panel in (0..columns).step_by(PANEL) {
        let width = PANEL.min(padded(columns) - panel);
        let data = &mut data[depth * panel..][..depth * width];
        for (row, data) in data.chunks_exact_mut(width).enumerate() {
            for (column, data) in (panel..columns).zip(data) {
                *data = value(row, column).unwrap_or(0.0);
            }
        }
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
    data: &'a mut [f32],
    rows: Places<'a>,
    accumulate: bool,
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
    assert!(left.rows.last(rows) + left.steps.last(depth) < left.data.len());
    assert!(out.rows.last(rows) + columns <= out.data.len());
    if let Places::Every(row) = out.rows {
        assert!(columns <= row);
    }
    match right {
        Right::Panels(data) => assert!(panels_len(depth, columns) <= data.len()),
        Right::Rows(data, row) => {
            assert!(columns <= row && (depth - 1) * row + columns <= data.len());
        }
        Right::At(data, places) => {
            assert!(Places::At(places).last(depth) + columns <= data.len());
        }
    }
    let job = Job {
        rows,
        depth,
        left: left.data.as_ptr(),
        left_rows: left.rows,
        out_rows: out.rows,
        accumulate: out.accumulate,
    };
    let out = out.data.as_mut_ptr();
    match left.steps {
        Places::Every(step) => columns_of(simd, job, Step(step), right, out, columns),
        Places::At(places) => columns_of(simd, job, Table(places.as_ptr()), right, out, columns),
    }
}

/// The columns of a product, a panel at a time.
#[inline(always)]
fn columns_of<S: Simd, L: Offsets>(
    simd: S,
    job: Job,
    left: L,
    right: Right,
    out: *mut f32,
    columns: usize,
) {
    vectorize(
        simd,
        #[inline(always)]
        || {
            let mut column = 0;
            while column < columns {
                let left_columns = columns - column;
                // SAFETY: `product` has asserted that every element of the rows and columns of all operands lies in
                // their data; panels before this one hold `depth * column` values.
                unsafe {
                    let out = out.add(column);
                    let width = match right {
                        Right::Panels(data) => {
                            let width = PANEL.min(padded(left_columns));
                            let data = data.as_ptr().add(job.depth * column);
                            let here = width.min(left_columns);
                            panel(simd, job, left, (data, Step(width)), out, here);
                            width
                        }
                        Right::Rows(data, row) => {
                            let data = data.as_ptr().add(column);
                            let here = PANEL.min(left_columns);
                            panel(simd, job, left, (data, Step(row)), out, here);
                            PANEL
                        }
                        Right::At(data, places) => {
                            let data = data.as_ptr().add(column);
                            let here = PANEL.min(left_columns);
                            let places = Table(places.as_ptr());
                            panel(simd, job, left, (data, places), out, here);
                            PANEL
                        }
                    };
                    column += width;
                }
            }
        },
    );
}

/// The offsets of the terms of a sum.
trait Offsets: Copy {
    /// # Safety
    /// There are more than `k`.
    unsafe fn at(self, k: usize) -> usize;
}

/// Offsets at a constant distance.
#[derive(Clone, Copy)]
struct Step(usize);

/// Offsets from memory.
#[derive(Clone, Copy)]
struct Table(*const u32);

impl Offsets for Step {
    #[inline(always)]
    unsafe fn at(self, k: usize) -> usize {
        k * self.0
    }
}

impl Offsets for Table {
    #[inline(always)]
    unsafe fn at(self, k: usize) -> usize {
        // SAFETY: as the caller guarantees.
        unsafe { *self.0.add(k) as usize }
    }
}

impl Places<'_> {
    /// # Safety
    /// There are more than `row`.
    #[inline(always)]
    unsafe fn at(self, row: usize) -> usize {
        match self {
            Self::Every(distance) => row * distance,
            // SAFETY: as the caller guarantees.
            Self::At(places) => unsafe { *places.get_unchecked(row) as usize },
        }
    }
}

/// The arguments that all blocks of a product share.
#[derive(Clone, Copy)]
struct Job<'a> {
    rows: usize,
    depth: usize,
    left: *const f32,
    left_rows: Places<'a>,
    out_rows: Places<'a>,
    accumulate: bool,
}

/// Rows and vectors of a block: with the right operand's vectors and one of the left's the sums stay in
/// registers, of which AVX-512 and NEON have 32, AVX2 16.
#[inline(always)]
unsafe fn panel<S: Simd, L: Offsets, R: Offsets>(
    simd: S,
    job: Job,
    left: L,
    (right, steps): (*const f32, R),
    out: *mut f32,
    columns: usize,
) {
    let lanes = S::F32_LANES;
    let mut column = 0;
    // SAFETY: the caller has checked all operands for `columns` columns; the blocks stay inside them.
    unsafe {
        while column + 2 * lanes <= columns {
            let (right, out) = ((right.add(column), steps), out.add(column));
            if lanes == 8 {
                rows::<S, L, R, 4, 2>(simd, job, left, right, out);
            } else {
                rows::<S, L, R, 8, 2>(simd, job, left, right, out);
            }
            column += 2 * lanes;
        }
        while column + lanes <= columns {
            let (right, out) = ((right.add(column), steps), out.add(column));
            rows::<S, L, R, 8, 1>(simd, job, left, right, out);
            column += lanes;
        }
        if column < columns {
            let (right, out) = ((right.add(column), steps), out.add(column));
            tail(simd, job, left, right, out, columns - column);
        }
    }
}

/// All rows of `VECTORS` vectors of columns.
#[inline(always)]
unsafe fn rows<S: Simd, L: Offsets, R: Offsets, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    job: Job,
    left: L,
    right: (*const f32, R),
    out: *mut f32,
) {
    let mut row = 0;
    // SAFETY: row + the rows of a block never pass job.rows.
    unsafe {
        while row + ROWS <= job.rows {
            block::<S, L, R, ROWS, VECTORS>(simd, job, row, left, right, out);
            row += ROWS;
        }
        if ROWS > 4 && row + 4 <= job.rows {
            block::<S, L, R, 4, VECTORS>(simd, job, row, left, right, out);
            row += 4;
        }
        if row + 2 <= job.rows {
            block::<S, L, R, 2, VECTORS>(simd, job, row, left, right, out);
            row += 2;
        }
        if row < job.rows {
            block::<S, L, R, 1, VECTORS>(simd, job, row, left, right, out);
        }
    }
}

#[inline(always)]
unsafe fn block<S: Simd, L: Offsets, R: Offsets, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    job: Job,
    row: usize,
    left: L,
    (right, steps): (*const f32, R),
    out: *mut f32,
) {
    let lanes = S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    // SAFETY: the caller vouches for these rows and columns of all three operands.
    unsafe {
        let mut lefts = [job.left; ROWS];
        for (i, left) in lefts.iter_mut().enumerate() {
            *left = left.add(job.left_rows.at(row + i));
        }
        for k in 0..job.depth {
            let from = right.add(steps.at(k));
            let mut right = [simd.splat_f32s(0.0); VECTORS];
            for (j, right) in right.iter_mut().enumerate() {
                *right = load::<S>(from.add(j * lanes));
            }
            let place = left.at(k);
            for (left, sums) in lefts.iter().zip(&mut sums) {
                let left = simd.splat_f32s(*left.add(place));
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = simd.mul_add_e_f32s(left, right, *sum);
                }
            }
        }
        for (i, sums) in sums.into_iter().enumerate() {
            let out = out.add(job.out_rows.at(row + i));
            for (j, sum) in sums.into_iter().enumerate() {
                let to = out.add(j * lanes);
                let before = match job.accumulate {
                    true => load::<S>(to),
                    false => simd.splat_f32s(0.0),
                };
                store::<S>(to, simd.add_f32s(before, sum));
            }
        }
    }
}

/// Columns that do not fill a vector.
#[inline(always)]
unsafe fn tail<S: Simd, L: Offsets, R: Offsets>(
    simd: S,
    job: Job,
    left: L,
    (right, steps): (*const f32, R),
    out: *mut f32,
    columns: usize,
) {
    // SAFETY: as for `block`; slices hold exactly the remaining columns.
    unsafe {
        for row in 0..job.rows {
            let mut sum = simd.splat_f32s(0.0);
            let from = job.left.add(job.left_rows.at(row));
            for k in 0..job.depth {
                let left = *from.add(left.at(k));
                let right = std::slice::from_raw_parts(right.add(steps.at(k)), columns);
                let right = simd.partial_load_f32s(right);
                sum = simd.mul_add_e_f32s(simd.splat_f32s(left), right, sum);
            }
            let to = out.add(job.out_rows.at(row));
            let to = std::slice::from_raw_parts_mut(to, columns);
            if job.accumulate {
                sum = simd.add_f32s(simd.partial_load_f32s(to), sum);
            }
            simd.partial_store_f32s(to, sum);
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

#[cfg(test)]
mod tests;
