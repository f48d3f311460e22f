//! Transposing a matrix.

use std::ops::Range;

use pulp::Simd;

use super::isa::vectorize;
use super::product::{load, store};

/// The most lanes of a vector.
const MOST: usize = 16;

/// Copies a matrix (rows, columns) to (columns, rows); each comes with the distance between its rows.
pub(crate) fn transpose<S: Simd>(
    simd: S,
    (rows, columns): (usize, usize),
    (from, from_row): (&[f32], usize),
    (to, to_row): (&mut [f32], usize),
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!(columns <= from_row && (rows - 1) * from_row + columns <= from.len());
    assert!(rows <= to_row && (columns - 1) * to_row + rows <= to.len());
    let lanes = S::F32_LANES;
    let is_wide = (2..=MOST).contains(&lanes);
    let (whole_rows, whole_columns) = match is_wide {
        true => (rows / lanes * lanes, columns / lanes * lanes),
        false => (0, 0),
    };
    let numbers: [u32; MOST] = std::array::from_fn(|lane| lane as u32);
    vectorize(
        simd,
        #[inline(always)]
        || {
            let numbers = simd.partial_load_u32s(&numbers[..lanes.min(MOST)]);
            for row in (0..whole_rows).step_by(lanes) {
                for column in (0..whole_columns).step_by(lanes) {
                    let mut block = [simd.splat_f32s(0.0); MOST];
                    for (i, vector) in block.iter_mut().take(lanes).enumerate() {
                        let place = (row + i) * from_row + column;
                        // SAFETY: the vector lies in row `row + i`, which the assertion has shown to lie in `from`.
                        *vector = unsafe { load::<S>(from.as_ptr().add(place)) };
                    }
                    transpose_block(simd, numbers, &mut block);
                    for (i, &vector) in block.iter().take(lanes).enumerate() {
                        let place = (column + i) * to_row + row;
                        // SAFETY: as above, for `to`.
                        unsafe { store::<S>(to.as_mut_ptr().add(place), vector) };
                    }
                }
            }
        },
    );
    one_by_one(
        (0..whole_rows, whole_columns..columns),
        (from, from_row),
        (to, to_row),
    );
    one_by_one(
        (whole_rows..rows, 0..columns),
        (from, from_row),
        (to, to_row),
    );
}

/// Transposes a square of as many vectors as a vector has lanes: for each power of two, in every square of 2 x 2 blocks
/// of that size, the two beside the diagonal change places. `numbers` are those of the lanes.
#[inline(always)]
fn transpose_block<S: Simd>(simd: S, numbers: S::u32s, block: &mut [S::f32s; MOST]) {
    let lanes = S::F32_LANES;
    for step in [1, 2, 4, 8] {
        if step >= lanes {
            break;
        }
        let bit = simd.and_u32s(numbers, simd.splat_u32s(step as u32));
        let is_left = simd.equal_u32s(bit, simd.splat_u32s(0));
        for i in 0..lanes {
            if i & step != 0 {
                continue;
            }
            let (above, below) = (block[i], block[i + step]);
            let right = simd.rotate_right_f32s(below, step);
            let left = simd.rotate_left_f32s(above, step);
            block[i] = simd.select_f32s(is_left, above, right);
            block[i + step] = simd.select_f32s(is_left, left, below);
        }
    }
}

/// Copies the values of some rows and columns.
fn one_by_one(
    (rows, columns): (Range<usize>, Range<usize>),
    (from, from_row): (&[f32], usize),
    (to, to_row): (&mut [f32], usize),
) {
    /// Side length of the blocks: all of their lines stay in the first-level cache.
    const BLOCK: usize = 16;
    for first_row in rows.clone().step_by(BLOCK) {
        for first_column in columns.clone().step_by(BLOCK) {
            for row in first_row..rows.end.min(first_row + BLOCK) {
                for column in first_column..columns.end.min(first_column + BLOCK) {
                    to[column * to_row + row] = from[row * from_row + column];
                }
            }
        }
    }
}
