//! Maps of an axis along both axes of a square of vectors.

use pulp::Simd;

use super::product::{load, store};

/// A column of a matrix. (`array::map` and `array::from_fn` are not always inlined, and a call takes vectors
/// through memory.)
#[inline(always)]
fn column<V: Copy, const N: usize, const M: usize>(
    zero: V,
    rows: &[[V; M]; N],
    j: usize,
) -> [V; N] {
    let mut column = [zero; N];
    for (value, row) in column.iter_mut().zip(rows) {
        *value = row[j];
    }
    column
}

/// A square of vectors in memory, with rows `row` and columns `column` values apart.
///
/// # Safety
/// All of them can be read.
#[inline(always)]
pub(crate) unsafe fn read<S: Simd, const N: usize>(
    zero: S::f32s,
    from: *const f32,
    row: usize,
    column: usize,
) -> [[S::f32s; N]; N] {
    let mut values = [[zero; N]; N];
    for (i, line) in values.iter_mut().enumerate() {
        for (j, value) in line.iter_mut().enumerate() {
            // SAFETY: as the caller guarantees.
            *value = unsafe { load::<S>(from.add(i * row + j * column)) };
        }
    }
    values
}

/// Writes a square of vectors to memory.
///
/// # Safety
/// All of them can be written.
#[inline(always)]
pub(crate) unsafe fn write<S: Simd, const N: usize>(
    values: &[[S::f32s; N]; N],
    to: *mut f32,
    row: usize,
    column: usize,
) {
    for (i, line) in values.iter().enumerate() {
        for (j, &value) in line.iter().enumerate() {
            // SAFETY: as the caller guarantees.
            unsafe { store::<S>(to.add(i * row + j * column), value) };
        }
    }
}

/// Applies one map along the rows, then another along the columns of the result.
#[inline(always)]
pub(crate) fn both<V: Copy, const FROM: usize, const TO: usize>(
    zero: V,
    from: &[[V; FROM]; FROM],
    across: impl Fn([V; FROM]) -> [V; TO],
    down: impl Fn([V; FROM]) -> [V; TO],
) -> [[V; TO]; TO] {
    let mut half = [[zero; TO]; FROM];
    for (half, &row) in half.iter_mut().zip(from) {
        *half = across(row);
    }
    let mut to = [[zero; TO]; TO];
    for j in 0..TO {
        let values = down(column(zero, &half, j));
        for (row, value) in to.iter_mut().zip(values) {
            row[j] = value;
        }
    }
    to
}
