//! Sums of products over rows, in an order that does not depend on the threads.

use rayon::prelude::*;

use crate::ops::{Matrix, product};
use crate::{Error, Result};

/// Rows that are brought to f64 at once.
const BLOCK: usize = 512;
/// Rows of the covariance that one task adds to.
const PANEL: usize = 64;

/// The means of the columns of `rows`, which holds rows of `dim` values one after the other.
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

/// The rows in f64 with the mean taken off.
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

/// The sample covariance (divisor `count - 1`) of rows of `mean.len()` values, as a full symmetric
/// matrix, row-major.
pub(super) fn covariance(rows: &[f32], mean: &[f64]) -> Result<Vec<f64>> {
    let dim = mean.len().max(1);
    let mut sums = vec![0.0; dim * dim];
    for rows in rows.chunks(BLOCK * dim) {
        let block = centred(rows, mean);
        let block = Matrix::new(&block, rows.len() / dim, dim);
        // Each task has rows of the sum to itself, from the diagonal on.
        sums.par_chunks_mut(PANEL * dim)
            .enumerate()
            .try_for_each(|(panel, sums)| {
                let first = panel * PANEL;
                let columns = block.columns(first..first + sums.len() / dim);
                let sums = sums.get_mut(first..).unwrap_or_default();
                product(sums, dim, columns.t(), block.columns(first..dim), true)
            })?;
    }
    let degrees = (rows.len() / dim).saturating_sub(1).max(1) as f64;
    Ok(mirrored(&sums, dim, degrees))
}

/// The symmetric matrix of the values above the diagonal, divided by `divisor`.
fn mirrored(upper: &[f64], dim: usize, divisor: f64) -> Vec<f64> {
    let at = |row: usize, column: usize| upper.get(row * dim + column).copied().unwrap_or(0.0);
    (0..dim * dim)
        .map(|place| {
            let (row, column) = (place / dim, place % dim);
            at(row.min(column), row.max(column)) / divisor
        })
        .collect()
}
