//! Products with few columns: of the rows of one matrix with those of another.

use pulp::Simd;

use super::isa::vectorize;
use super::product::load;

/// Most columns for which these products take less time than those of [`super::product`], which reads a matrix of few
/// columns a few values at a time.
pub(crate) const FEW: usize = 8;

/// `out = left right^T`.
///
/// # Shapes
/// `left` is (rows, depth), `right` is (columns, depth), `out` is (rows, columns).
///
/// # Panics
/// If an operand is shorter than its sizes say, which only a bug in the lowering can cause.
pub(crate) fn dots<S: Simd>(
    simd: S,
    out: &mut [f32],
    (rows, columns, depth): (usize, usize, usize),
    left: &[f32],
    right: &[f32],
) {
    assert!(rows * depth <= left.len() && columns * depth <= right.len());
    assert!(rows * columns <= out.len());
    vectorize(
        simd,
        #[inline(always)]
        || {
            let mut row = 0;
            while row < rows {
                // The rows stay in the first-level cache for all columns.
                let height = if row + 4 <= rows { 4 } else { 1 };
                let left = &left[row * depth..];
                let mut column = 0;
                while column < columns {
                    let width = if column + 4 <= columns { 4 } else { 1 };
                    let right = &right[column * depth..];
                    let out = &mut out[row * columns + column..];
                    match (height, width) {
                        (4, 4) => block::<S, 4, 4>(simd, out, columns, left, right, depth),
                        (4, _) => block::<S, 4, 1>(simd, out, columns, left, right, depth),
                        (_, 4) => block::<S, 1, 4>(simd, out, columns, left, right, depth),
                        _ => block::<S, 1, 1>(simd, out, columns, left, right, depth),
                    }
                    column += width;
                }
                row += height;
            }
        },
    );
}

#[inline(always)]
fn block<S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    out: &mut [f32],
    columns: usize,
    left: &[f32],
    right: &[f32],
    depth: usize,
) {
    assert!(ROWS * depth <= left.len() && COLUMNS * depth <= right.len());
    let whole = depth - depth % S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); COLUMNS]; ROWS];
    for k in (0..whole).step_by(S::F32_LANES) {
        // SAFETY: k and a vector's length are at most `depth`, and the assertion covers all rows.
        let (left, right): ([_; ROWS], [_; COLUMNS]) = unsafe {
            let at = |from: &[f32], i: usize| load::<S>(from.as_ptr().add(i * depth + k));
            (
                std::array::from_fn(
                    #[inline(always)]
                    |i| at(left, i),
                ),
                std::array::from_fn(
                    #[inline(always)]
                    |j| at(right, j),
                ),
            )
        };
        for (sums, left) in sums.iter_mut().zip(left) {
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = simd.mul_add_e_f32s(left, right, *sum);
            }
        }
    }
    for (i, sums) in sums.into_iter().enumerate() {
        for (j, sum) in sums.into_iter().enumerate() {
            let rest = |from: &'_ [f32], i: usize| {
                simd.partial_load_f32s(&from[i * depth + whole..(i + 1) * depth])
            };
            let sum = simd.mul_add_e_f32s(rest(left, i), rest(right, j), sum);
            out[i * columns + j] = simd.reduce_sum_f32s(sum);
        }
    }
}
