//! Principal component analysis.

use rayon::prelude::*;

use super::covariance::{centred, covariance, covariance_times, means, times, variances};
use super::eigen::{Eigenpairs, decompose, iterate};
use crate::ops::{Matrix, product};
use crate::{Error, Result};

/// Rows projected at once.
const BLOCK: usize = 256;
/// Up to this size a covariance is decomposed fully, which takes less than a second; of larger ones only
/// the requested components are computed, unless there are many.
const MAX_DECOMPOSED: usize = 1024;
/// Up to this size a covariance is held in memory (128 MB).
const MAX_COVARIANCE: usize = 4096;

/// Principal component analysis: the linear code of a given size with the smallest squared error on the
/// rows that it was fitted to (Pearson, "On lines and planes of closest fit to systems of points in space",
/// 1901; Hotelling, 1933).
///
/// Everything is computed in f64 and in a fixed order, so that results are bit-identical for any number of
/// threads. The sign of a component, which is arbitrary, is chosen so that its largest entry is positive.
///
/// ```
/// use autoencode::evaluate::Pca;
///
/// // Points on a line through (1, 2) with the direction (3, 4).
/// let points = [-2f32, -2.0, 1.0, 2.0, 4.0, 6.0];
/// let pca = Pca::fit(&points, 2, 1)?;
/// assert_eq!(pca.mean(), [1.0, 2.0]);
/// let component = pca.components().next().unwrap_or_default();
/// assert!((component[0] - 0.6).abs() < 1e-12 && (component[1] - 0.8).abs() < 1e-12);
/// assert!((pca.project(&[4.0, 6.0])?[0] - 5.0).abs() < 1e-12);
/// # Ok::<(), autoencode::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Vec<f64>,
    /// `(k, dim)`, row-major.
    components: Vec<f64>,
    explained_variance: Vec<f64>,
    total_variance: f64,
}

impl Pca {
    /// Fits `components` principal components to `rows`, which holds concatenated rows of `dim` values.
    ///
    /// # Errors
    /// If there are fewer than two rows, if the values are not whole rows or not finite, or if `components`
    /// is 0 or above [`Pca::max_components`].
    pub fn fit(rows: &[f32], dim: usize, components: usize) -> Result<Self> {
        let count = check_rows(rows, dim)?;
        if count < 2 {
            return Err(Error::argument("rows", "2 or more", count));
        }
        let most = Self::max_components(dim);
        if components == 0 || components > most {
            return Err(Error::argument(
                "components",
                format!("1 to {most} for rows of {dim} values"),
                components,
            ));
        }
        let mean = means(rows, dim)?;
        let total_variance = variances(rows, &mean).iter().sum();
        let Eigenpairs { values, vectors } = if dim > MAX_COVARIANCE {
            iterate(dim, components, |v| covariance_times(rows, &mean, v))?
        } else {
            let covariance = covariance(rows, &mean)?;
            if dim <= MAX_DECOMPOSED || components > dim / 4 {
                decompose(covariance, components)
            } else {
                iterate(dim, components, |v| times(&covariance, v))?
            }
        };
        // Rounding can make zero eigenvalues negative.
        let explained_variance = values.into_iter().map(|value| value.max(0.0)).collect();
        let components = vectors
            .column_iter()
            .flat_map(|v| upright(v.iter().copied().collect()))
            .collect();
        Ok(Self {
            mean,
            components,
            explained_variance,
            total_variance,
        })
    }

    /// The most components for rows of `dim` values: all, or a quarter for rows of more than 4,096 values,
    /// whose full covariance is not decomposed.
    pub fn max_components(dim: usize) -> usize {
        if dim > MAX_COVARIANCE { dim / 4 } else { dim }
    }

    /// The mean of the rows.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The components as unit vectors with as many values as a row, by decreasing variance.
    pub fn components(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.components.chunks_exact(self.mean.len().max(1))
    }

    /// The variance of the rows along each component (divisor: rows minus one).
    pub fn explained_variance(&self) -> &[f64] {
        &self.explained_variance
    }

    /// The variance of the rows along all axes, including those without a component.
    pub fn total_variance(&self) -> f64 {
        self.total_variance
    }

    /// The coordinates of one row along the components.
    ///
    /// # Errors
    /// If the length of the row differs from that of the fitted rows.
    pub fn project(&self, row: &[f32]) -> Result<Vec<f64>> {
        self.check_length("row", row.len(), self.mean.len())?;
        self.project_rows(row)
    }

    /// The coordinates of concatenated rows: `(rows, components)`, row-major.
    ///
    /// # Errors
    /// If the values are not whole rows.
    pub fn project_rows(&self, rows: &[f32]) -> Result<Vec<f64>> {
        let dim = self.mean.len();
        let count = check_rows(rows, dim)?;
        let size = self.explained_variance.len();
        let axes = Matrix::new(&self.components, size, dim);
        let mut codes = vec![0.0; count * size];
        codes
            .par_chunks_mut(BLOCK * size)
            .zip(rows.par_chunks(BLOCK * dim))
            .try_for_each(|(codes, rows)| {
                let rows = centred(rows, &self.mean);
                let rows = Matrix::new(&rows, codes.len() / size, dim);
                product(codes, size, rows, axes.t(), false)
            })?;
        Ok(codes)
    }

    /// The row with these coordinates: among all rows that the components span, the one nearest to the
    /// projected row.
    ///
    /// # Errors
    /// If the number of coordinates is not the number of components.
    pub fn reconstruct(&self, code: &[f64]) -> Result<Vec<f64>> {
        self.check_length("code", code.len(), self.explained_variance.len())?;
        self.reconstruct_rows(code)
    }

    /// The rows for concatenated coordinates: `(rows, dim)`, row-major.
    ///
    /// # Errors
    /// If the values are not whole codes.
    pub fn reconstruct_rows(&self, codes: &[f64]) -> Result<Vec<f64>> {
        let (dim, size) = (self.mean.len(), self.explained_variance.len());
        let count = codes.len() / size.max(1);
        self.check_length("codes", codes.len(), count * size)?;
        let axes = Matrix::new(&self.components, size, dim);
        let mut rows = vec![0.0; count * dim];
        rows.par_chunks_mut(BLOCK * dim)
            .zip(codes.par_chunks(BLOCK * size))
            .try_for_each(|(rows, codes)| {
                let codes = Matrix::new(codes, codes.len() / size, size);
                product(rows, dim, codes, axes, false)?;
                for row in rows.chunks_exact_mut(dim) {
                    for (value, mean) in row.iter_mut().zip(&self.mean) {
                        *value += mean;
                    }
                }
                Ok::<(), candle_core::Error>(())
            })?;
        Ok(rows)
    }

    fn check_length(&self, what: &str, found: usize, expected: usize) -> Result<()> {
        if found == expected {
            return Ok(());
        }
        Err(Error::argument(what, format!("{expected} values"), found))
    }
}

/// The number of rows.
fn check_rows(rows: &[f32], dim: usize) -> Result<usize> {
    if dim == 0 || !rows.len().is_multiple_of(dim) {
        return Err(Error::argument(
            "rows",
            format!("whole rows of {dim} values (1 or more)"),
            format!("{} values", rows.len()),
        ));
    }
    Ok(rows.len() / dim)
}

/// The vector or its negative, whichever makes its largest entry (the first of equals) positive.
fn upright(mut vector: Vec<f64>) -> Vec<f64> {
    let mut largest = 0f64;
    for &value in &vector {
        if value.abs() > largest.abs() {
            largest = value;
        }
    }
    if largest < 0.0 {
        vector.iter_mut().for_each(|value| *value = -*value);
    }
    vector
}
