//! Matrix products on slices.

use candle_core::{Result, bail};
use gemm::Parallelism;

use super::real::Real;

/// A matrix in a slice: element (i, j) lies at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Rows of `columns` elements one after the other.
    pub fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        Self {
            data,
            rows,
            columns,
            row_stride: columns,
            column_stride: 1,
        }
    }

    /// The transposed matrix, on the same elements.
    pub fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    /// A range of columns, on the same elements. A range outside the matrix gives a matrix that no product accepts.
    pub fn columns(self, range: std::ops::Range<usize>) -> Self {
        Self {
            data: self
                .data
                .get(range.start.saturating_mul(self.column_stride)..)
                .unwrap_or_default(),
            columns: range.len(),
            ..self
        }
    }

    /// Whether every element lies in the slice.
    fn fits(&self) -> bool {
        fits(
            self.data.len(),
            (self.rows, self.row_stride),
            (self.columns, self.column_stride),
        )
    }
}

/// Whether the last element of a matrix lies in a slice of `len` elements, and its strides in isize.
fn fits(len: usize, rows: (usize, usize), columns: (usize, usize)) -> bool {
    let last = |(count, stride): (usize, usize)| count.checked_sub(1)?.checked_mul(stride);
    let end = last(rows).zip(last(columns));
    isize::try_from(rows.1).is_ok()
        && isize::try_from(columns.1).is_ok()
        && match end {
            Some((row, column)) => row.checked_add(column).is_some_and(|end| end < len),
            None => rows.0 == 0 || columns.0 == 0,
        }
}

/// `out = a b`, or `out += a b` with `accumulate`, on one thread.
///
/// # Shapes
/// `a` is (m, k), `b` is (k, n); `out` is (m, n), with rows that start `row_stride` elements apart.
pub(crate) fn product<T: Real>(
    out: &mut [T],
    row_stride: usize,
    a: Matrix<T>,
    b: Matrix<T>,
    accumulate: bool,
) -> Result<()> {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    let out_fits = row_stride >= n && fits(out.len(), (m, row_stride), (n, 1));
    if b.rows != k || !a.fits() || !b.fits() || !out_fits {
        bail!(
            "a product of {m}x{k} and {}x{n} does not fit its slices",
            b.rows
        );
    }
    // SAFETY: `fits` has shown that every element which these sizes and strides address lies in its
    // slice and that the strides fit isize, so the casts keep their values; the elements of `out`
    // (column stride 1, row stride at least n) are distinct, and being borrowed mutably it overlaps neither
    // `a` nor `b`. `gemm` accepts exactly the types that implement `Real`, f32 and f64, among others.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            row_stride as isize,
            accumulate,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            T::from_f64(1.0),
            T::from_f64(1.0),
            false,
            false,
            false,
            Parallelism::None,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_follow_strides_and_accumulate() {
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let b = [1.0, -1.0, 0.5, 2.0, 0.0, 3.0];
        let mut out = [0.0; 4];
        product(
            &mut out,
            2,
            Matrix::new(&a, 2, 3),
            Matrix::new(&b, 2, 3).t(),
            false,
        )
        .unwrap();
        assert_eq!(out, [0.5, 11.0, 2.0, 26.0]);
        product(
            &mut out,
            2,
            Matrix::new(&a, 3, 2).t(),
            Matrix::new(&b, 3, 2),
            true,
        )
        .unwrap();
        assert_eq!(out, [3.0, 31.0, 6.0, 50.0]);
    }

    #[test]
    fn products_that_do_not_fit_are_refused() {
        let data = [0.0f32; 6];
        let mut out = [0.0f32; 4];
        let a = Matrix::new(&data, 2, 3);
        assert!(product(&mut out, 2, a, Matrix::new(&data, 2, 3), false).is_err());
        assert!(product(&mut out, 2, a, Matrix::new(&data, 3, 3), false).is_err());
        assert!(product(&mut out[..3], 2, a, Matrix::new(&data, 3, 2), false).is_err());
        assert!(product(&mut out, 1, a, Matrix::new(&data, 3, 2), false).is_err());
        assert!(product(&mut out, 3, a, Matrix::new(&data, 3, 2), false).is_err());
        assert!(product(&mut out, 2, a, Matrix::new(&data, 3, 2), false).is_ok());
        let huge = Matrix::new(&data, 3, usize::MAX);
        assert!(product(&mut out, 2, a, huge, false).is_err());
    }
}
