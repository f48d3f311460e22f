//! Columns of products that do not fill a vector.

use pulp::Simd;

use super::operands::{Job, Offsets};

/// Columns that do not fill a vector.
#[inline(always)]
pub(super) unsafe fn tail<S: Simd, L: Offsets, R: Offsets>(
    simd: S,
    job: Job,
    left: L,
    right: (*const f32, R),
    out: *mut f32,
    columns: usize,
) {
    let mut row = 0;
    // SAFETY: row + the rows of a block never pass job.rows.
    unsafe {
        while row + 8 <= job.rows {
            tail_block::<S, L, R, 8>(simd, job, row, left, right, (out, columns));
            row += 8;
        }
        while row < job.rows {
            tail_block::<S, L, R, 1>(simd, job, row, left, right, (out, columns));
            row += 1;
        }
    }
}

#[inline(always)]
unsafe fn tail_block<S: Simd, L: Offsets, R: Offsets, const ROWS: usize>(
    simd: S,
    job: Job,
    row: usize,
    left: L,
    (right, steps): (*const f32, R),
    (out, columns): (*mut f32, usize),
) {
    let mut sums = [simd.splat_f32s(0.0); ROWS];
    // SAFETY: as for `block`; slices hold exactly the remaining columns.
    unsafe {
        let mut lefts = [job.left; ROWS];
        for (i, left) in lefts.iter_mut().enumerate() {
            *left = left.add(job.left_rows.at(row + i));
        }
        if job.accumulate {
            for (i, sum) in sums.iter_mut().enumerate() {
                let from = out.add(job.out_rows.at(row + i));
                let from = std::slice::from_raw_parts(from, columns);
                *sum = simd.partial_load_f32s(from);
            }
        }
        for k in 0..job.depth {
            let right = std::slice::from_raw_parts(right.add(steps.at(k)), columns);
            let right = simd.partial_load_f32s(right);
            let place = left.at(k);
            for (left, sum) in lefts.iter().zip(&mut sums) {
                let left = simd.splat_f32s(*left.add(place));
                *sum = simd.mul_add_e_f32s(left, right, *sum);
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            let to = out.add(job.out_rows.at(row + i));
            let to = std::slice::from_raw_parts_mut(to, columns);
            simd.partial_store_f32s(to, sum);
        }
    }
}
