//! Blocks of a product whose sums stay in registers.

use pulp::Simd;

use super::operands::{Job, Offsets};
use super::tail::tail;

/// Rows and vectors of a block: with the right operand's vectors and one of the left's the sums stay in
/// registers, of which AVX-512 and NEON have 32, AVX2 16.
#[inline(always)]
pub(super) unsafe fn panel<S: Simd, L: Offsets, R: Offsets>(
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
        // A sum goes on where it was left, so that it has the same bits however its terms are parted.
        if job.accumulate {
            for (i, sums) in sums.iter_mut().enumerate() {
                let out = out.add(job.out_rows.at(row + i));
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = load::<S>(out.add(j * lanes));
                }
            }
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
                store::<S>(out.add(j * lanes), sum);
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
