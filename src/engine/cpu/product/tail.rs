//! Columns of products that do not fill a vector.

use pulp::Simd;

use super::Job;

/// Columns that do not fill a vector.
#[inline(always)]
pub(super) unsafe fn tail<S: Simd>(
    simd: S,
    job: Job,
    right: *const f32,
    right_row: usize,
    out: *mut f32,
    columns: usize,
) {
    let mut row = 0;
    // SAFETY: row + the rows of a block never pass job.rows.
    unsafe {
        while row + 8 <= job.rows {
            tail_block::<S, 8>(simd, job, row, (right, right_row), out, columns);
            row += 8;
        }
        while row < job.rows {
            tail_block::<S, 1>(simd, job, row, (right, right_row), out, columns);
            row += 1;
        }
    }
}

#[inline(always)]
unsafe fn tail_block<S: Simd, const ROWS: usize>(
    simd: S,
    job: Job,
    row: usize,
    (right, right_row): (*const f32, usize),
    out: *mut f32,
    columns: usize,
) {
    let mut sums = [simd.splat_f32s(0.0); ROWS];
    // SAFETY: as for `block`; slices hold exactly the remaining columns.
    unsafe {
        let left = job.left.add(row * job.left_row);
        for k in 0..job.depth {
            let right = std::slice::from_raw_parts(right.add(k * right_row), columns);
            let right = simd.partial_load_f32s(right);
            for (i, sum) in sums.iter_mut().enumerate() {
                let left = *left.add(i * job.left_row + k * job.left_step);
                *sum = simd.mul_add_e_f32s(simd.splat_f32s(left), right, *sum);
            }
        }
        for (i, mut sum) in sums.into_iter().enumerate() {
            let to = std::slice::from_raw_parts_mut(out.add((row + i) * job.out_row), columns);
            if job.accumulate {
                sum = simd.add_f32s(simd.partial_load_f32s(to), sum);
            }
            simd.partial_store_f32s(to, sum);
        }
    }
}
