//! Sums of products over rows, in an order that is independent of the number of threads.

use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::ops::{Matrix, product};
use crate::{Error, Result};

/// Rows converted to f64 at once.
const BLOCK: usize = 512;
/// Rows of the covariance per task.
const PANEL: usize = 64;

/// The column means of `rows`, which holds concatenated rows of `dim` values.
///
/// # Errors
/// If a value is not finite.
pub(super) fn means(rows: &[f32], dim: usize) -> Result<Vec<f64>> {
    let mut sums = vec![0.0; dim];
    for row in rows.chunks_exact(dim.max(1)) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value);
        }
    }
    let count = (rows.len() / dim.max(1)).max(1) as f64;
    let means: Vec<f64> = sums.into_iter().map(|sum| sum / count).collect();
    match means.iter().find(|mean| !mean.is_finite()) {
        Some(mean) => Err(Error::argument("rows", "finite values", mean)),
        None => Ok(means),
    }
}

/// The rows in f64, minus the mean.
pub(super) fn centred(rows: &[f32], mean: &[f64]) -> Vec<f64> {
    let mut centred = vec![0.0; rows.len()];
    let dim = mean.len().max(1);
    centred
        .par_chunks_mut(dim)
        .zip(rows.par_chunks(dim))
        .with_min_len(16)
        .for_each(|(centred, row)| {
            for ((centred, &value), mean) in centred.iter_mut().zip(row).zip(mean) {
                *centred = f64::from(value) - mean;
            }
        });
    centred
}

/// The sample covariance (divisor `count - 1`) of rows of `mean.len()` values.
pub(super) fn covariance(rows: &[f32], mean: &[f64]) -> Result<DMatrix<f64>> {
    let dim = mean.len().max(1);
    let mut sums = vec![0.0; dim * dim];
    for rows in rows.chunks(BLOCK * dim) {
        let block = centred(rows, mean);
        let block = Matrix::new(&block, rows.len() / dim, dim);
        // Each task owns some rows of the sum, from the diagonal on.
        sums.par_chunks_mut(PANEL * dim)
            .enumerate()
            .try_for_each(|(panel, sums)| {
                let first = panel * PANEL;
                let columns = block.columns(first..first + sums.len() / dim);
                let sums = sums.get_mut(first..).unwrap_or_default();
                product(sums, dim, columns.t(), block.columns(first..dim), true)
            })?;
    }
    let upper = |row: usize, column: usize| sums.get(row * dim + column).copied().unwrap_or(0.0);
    let divisor = divisor(rows.len() / dim);
    Ok(DMatrix::from_fn(dim, dim, |row, column| {
        upper(row.min(column), row.max(column)) / divisor
    }))
}

/// The product of a symmetric `(dim, dim)` matrix and a `(dim, n)` matrix.
pub(super) fn times(symmetric: &DMatrix<f64>, vectors: &DMatrix<f64>) -> Result<DMatrix<f64>> {
    let (dim, count) = vectors.shape();
    let out = along(symmetric.as_slice(), vectors)?;
    Ok(DMatrix::from_row_slice(dim, count, &out))
}

/// The products of concatenated rows of `dim` values and a `(dim, n)` matrix: `(rows, n)`, row-major.
fn along(rows: &[f64], vectors: &DMatrix<f64>) -> Result<Vec<f64>> {
    let (dim, count) = vectors.shape();
    let right = Matrix::new(vectors.as_slice(), count, dim).t();
    let mut out = vec![0.0; rows.len() / dim * count];
    out.par_chunks_mut(PANEL * count)
        .zip(rows.par_chunks(PANEL * dim))
        .try_for_each(|(out, rows)| {
            let rows = Matrix::new(rows, out.len() / count, dim);
            product(out, count, rows, right, false)
        })?;
    Ok(out)
}

/// The product of the sample covariance of rows and a `(dim, n)` matrix, computed from the rows: for
/// rows with so many values that the covariance would not fit into memory.
pub(super) fn covariance_times(
    rows: &[f32],
    mean: &[f64],
    vectors: &DMatrix<f64>,
) -> Result<DMatrix<f64>> {
    let (dim, count) = vectors.shape();
    let mut out = vec![0.0; dim * count];
    for rows in rows.chunks(BLOCK * dim) {
        let block = centred(rows, mean);
        let along = along(&block, vectors)?;
        let block = Matrix::new(&block, rows.len() / dim, dim);
        let along = Matrix::new(&along, rows.len() / dim, count);
        out.par_chunks_mut(PANEL * count)
            .enumerate()
            .try_for_each(|(panel, out)| {
                let first = panel * PANEL;
                let columns = block.columns(first..first + out.len() / count);
                product(out, count, columns.t(), along, true)
            })?;
    }
    Ok(DMatrix::from_row_slice(dim, count, &out) / divisor(rows.len() / dim))
}

/// The variance of each column of rows.
pub(super) fn variances(rows: &[f32], mean: &[f64]) -> Vec<f64> {
    let dim = mean.len().max(1);
    let mut sums = vec![0.0; mean.len()];
    for row in rows.chunks_exact(dim) {
        for ((sum, &value), mean) in sums.iter_mut().zip(row).zip(mean) {
            *sum += (f64::from(value) - mean).powi(2);
        }
    }
    let divisor = divisor(rows.len() / dim);
    sums.into_iter().map(|sum| sum / divisor).collect()
}

/// The divisor of sums of squares over this many rows that makes the variance unbiased.
fn divisor(rows: usize) -> f64 {
    rows.saturating_sub(1).max(1) as f64
}
