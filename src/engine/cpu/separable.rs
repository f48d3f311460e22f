//! Maps of an axis along both axes of a square of vectors.

use pulp::Simd;

use super::product::{load, store};
use crate::arithmetic::Vector;

/// A square of vectors in memory, with rows `row` and columns `column` values apart.
///
/// # Safety
/// All of them can be read.
#[inline(always)]
pub(crate) unsafe fn read<S: Simd, const N: usize>(
    simd: S,
    from: *const f32,
    row: usize,
    column: usize,
) -> [[Vector<S>; N]; N] {
    let mut values = [[zero(simd); N]; N];
    for (i, line) in values.iter_mut().enumerate() {
        for (j, value) in line.iter_mut().enumerate() {
            // SAFETY: as the caller guarantees.
            value.numbers = unsafe { load::<S>(from.add(i * row + j * column)) };
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
    values: &[[Vector<S>; N]; N],
    to: *mut f32,
    row: usize,
    column: usize,
) {
    for (i, line) in values.iter().enumerate() {
        for (j, value) in line.iter().enumerate() {
            // SAFETY: as the caller guarantees.
            unsafe { store::<S>(to.add(i * row + j * column), value.numbers) };
        }
    }
}

#[inline(always)]
pub(crate) fn zero<S: Simd>(simd: S) -> Vector<S> {
    Vector::new(simd, simd.splat_f32s(0.0))
}

/// A function as a map for [`both`]. The name of a function alone is called through a shim without its instructions.
macro_rules! inlined {
    ($map:expr) => {
        #[inline(always)]
        |outputs, values| $map(outputs, values)
    };
}
pub(crate) use inlined;

/// Applies a map along the rows, then along the columns of the result. The map also takes the outputs of the tile along
/// the axis. (`array::map` and `array::from_fn` are not always inlined, and a call takes vectors through memory.)
#[inline(always)]
pub(crate) fn both<S: Simd, const FROM: usize, const TO: usize>(
    simd: S,
    from: &[[Vector<S>; FROM]; FROM],
    map: impl Fn(usize, [Vector<S>; FROM]) -> [Vector<S>; TO],
    (down, across): (usize, usize),
) -> [[Vector<S>; TO]; TO] {
    let zero = zero(simd);
    let mut half = [[zero; TO]; FROM];
    for (half, &row) in half.iter_mut().zip(from) {
        *half = map(across, row);
    }
    let mut to = [[zero; TO]; TO];
    for j in 0..TO {
        let mut column = [zero; FROM];
        for (value, row) in column.iter_mut().zip(&half) {
            *value = row[j];
        }
        for (row, value) in to.iter_mut().zip(map(down, column)) {
            row[j] = value;
        }
    }
    to
}
