//! Maps of an axis along both axes of a square of vectors.

use std::mem::MaybeUninit;

use pulp::Simd;

use super::product::{load, store};
use crate::arithmetic::Vector;

/// A square of vectors in memory, with rows `row` and columns `column` values apart.
#[derive(Clone, Copy)]
pub(crate) struct Square<P> {
    first: P,
    row: usize,
    column: usize,
}

impl<P> Square<P> {
    #[inline(always)]
    pub fn new(first: P, (row, column): (usize, usize)) -> Self {
        Self { first, row, column }
    }
}

impl Square<*const f32> {
    /// # Safety
    /// The vector can be read.
    #[inline(always)]
    pub unsafe fn read<S: Simd>(self, simd: S, (i, j): (usize, usize)) -> Vector<S> {
        // SAFETY: as the caller guarantees.
        Vector::new(simd, unsafe {
            load::<S>(self.first.add(i * self.row + j * self.column))
        })
    }
}

impl Square<*mut f32> {
    /// # Safety
    /// The vector can be read.
    #[inline(always)]
    pub unsafe fn read<S: Simd>(self, simd: S, place: (usize, usize)) -> Vector<S> {
        let Self { first, row, column } = self;
        let first = first.cast_const();
        // SAFETY: as the caller guarantees.
        unsafe { Square { first, row, column }.read(simd, place) }
    }

    /// # Safety
    /// The vector can be written.
    #[inline(always)]
    pub unsafe fn write<S: Simd>(self, (i, j): (usize, usize), value: Vector<S>) {
        // SAFETY: as the caller guarantees.
        unsafe {
            store::<S>(
                self.first.add(i * self.row + j * self.column),
                value.numbers,
            )
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

/// Applies a map along the rows of a square, then along the columns of the result. The map also takes the outputs of the
/// tile along the axis.
///
/// `read` and `write` take the place of a vector, (row, column). No square is handed over as an array: the compiler
/// copies arrays of more than some vectors through a call, which takes longer than the map. (`array::map` and
/// `array::from_fn` are not always inlined, and a call takes vectors through memory.)
#[inline(always)]
pub(crate) fn both<S: Simd, const FROM: usize, const TO: usize>(
    simd: S,
    mut read: impl FnMut((usize, usize)) -> Vector<S>,
    map: impl Fn(usize, [Vector<S>; FROM]) -> [Vector<S>; TO],
    (down, across): (usize, usize),
    mut write: impl FnMut((usize, usize), Vector<S>),
) {
    let zero = zero(simd);
    let mut half = [const { MaybeUninit::<[Vector<S>; TO]>::uninit() }; FROM];
    for (i, half) in half.iter_mut().enumerate() {
        let mut row = [zero; FROM];
        for (j, value) in row.iter_mut().enumerate() {
            *value = read((i, j));
        }
        half.write(map(across, row));
    }
    for j in 0..TO {
        let mut column = [zero; FROM];
        for (value, row) in column.iter_mut().zip(&half) {
            // SAFETY: the loop before has written every row.
            *value = unsafe { row.assume_init_ref() }[j];
        }
        for (i, value) in map(down, column).into_iter().enumerate() {
            write((i, j), value);
        }
    }
}
