//! The sufficient statistics of each component, and the Gaussian that fits them best.

use nalgebra::{Cholesky, DMatrix, SymmetricEigen};
use rayon::prelude::*;

use super::Mixture;
use crate::ops::{Matrix, product};
use crate::{Error, Result};

/// The least variance of a component in any direction, relative to the variance of all codes in each
/// value.
const FLOOR: f64 = 1e-3;
/// A component with fewer codes than this is dropped: its weight is negligible, and its mean would be lost
/// in rounding.
const LEAST_CODES: f64 = 1e-8;
/// Sums of each component per task.
const PANEL: usize = 48;

/// The sums for each component, weighted by the responsibilities, of 1, of the values and of the products
/// of two values: the statistics that determine its Gaussian.
pub(super) struct Sums {
    dim: usize,
    /// The number of sums per component.
    width: usize,
    components: usize,
    /// `(width, components)`.
    sums: Vec<f64>,
}

impl Sums {
    pub fn new(dim: usize, components: usize) -> Self {
        let width = 1 + dim + dim * (dim + 1) / 2;
        Self {
            dim,
            width,
            components,
            sums: vec![0.0; width * components],
        }
    }

    /// The number of rows to add at once: their products take a few megabytes.
    pub fn block(dim: usize) -> usize {
        ((1 << 20) / Self::new(dim, 0).width).clamp(32, 4096)
    }

    /// Adds rows of `dim` values with their responsibilities `(rows, components)`.
    pub fn add(&mut self, rows: &[f64], responsibilities: &[f64]) -> Result<()> {
        let (dim, width, components) = (self.dim, self.width, self.components);
        let count = rows.len() / dim;
        let mut features = vec![0.0; count * width];
        features
            .par_chunks_mut(width)
            .zip(rows.par_chunks(dim))
            .with_min_len(64)
            .for_each(|(features, row)| {
                let ones_and_values = std::iter::once(1.0).chain(row.iter().copied());
                let products = row
                    .iter()
                    .enumerate()
                    .flat_map(|(i, a)| row.iter().take(i + 1).map(move |b| a * b));
                for (feature, value) in features.iter_mut().zip(ones_and_values.chain(products)) {
                    *feature = value;
                }
            });
        let features = Matrix::new(&features, count, width);
        let responsibilities = Matrix::new(responsibilities, count, components);
        // Each task has its own sums and adds the rows in order.
        self.sums
            .par_chunks_mut(PANEL * components)
            .enumerate()
            .try_for_each(|(panel, sums)| {
                let first = panel * PANEL;
                let of = features.columns(first..first + sums.len() / components);
                product(sums, components, of.t(), responsibilities, true)
            })?;
        Ok(())
    }

    /// The mixture with the highest likelihood under these responsibilities, among those whose covariances
    /// have no eigenvalue below [`FLOOR`]. The rows are assumed to have variance 1 in each value.
    ///
    /// This bound keeps every covariance invertible and, unlike a constant added to the diagonal, never
    /// lowers the likelihood (Hathaway, "A constrained formulation of maximum-likelihood estimation for
    /// normal mixture distributions", 1985): the best eigenvalues are those of the unconstrained
    /// covariance, raised to the bound where they are below it.
    pub fn mixture(&self) -> Result<Mixture> {
        let dim = self.dim;
        let counts = self.sums.get(..self.components).unwrap_or_default();
        let total: f64 = counts.iter().sum();
        let fitted: Vec<(f64, Vec<f64>, Vec<f64>)> = counts
            .par_iter()
            .enumerate()
            .filter(|(_, count)| **count >= LEAST_CODES)
            .map(|(component, &count)| {
                let of_component = self.sums.iter().skip(component).step_by(self.components);
                let sums: Vec<f64> = of_component.copied().collect();
                let means: Vec<f64> = sums.iter().skip(1).take(dim).map(|s| s / count).collect();
                let products = sums.get(1 + dim..).unwrap_or_default();
                let covariance = DMatrix::from_fn(dim, dim, |i, j| {
                    let (i, j) = (i.max(j), i.min(j));
                    let at = |values: &[f64], place| values.get(place).copied().unwrap_or(0.0);
                    at(products, i * (i + 1) / 2 + j) / count - at(&means, i) * at(&means, j)
                });
                // nalgebra stores columns.
                let factor = factor(covariance)?.transpose();
                Ok((count / total, means, factor.as_slice().to_vec()))
            })
            .collect::<Result<_>>()?;
        let mut mixture = Mixture {
            dim,
            weights: Vec::with_capacity(fitted.len()),
            means: Vec::with_capacity(fitted.len() * dim),
            factors: Vec::with_capacity(fitted.len() * dim * dim),
        };
        for (weight, means, factors) in fitted {
            mixture.weights.push(weight);
            mixture.means.extend(means);
            mixture.factors.extend(factors);
        }
        Ok(mixture)
    }
}

/// The lower triangular Cholesky factor of a covariance whose eigenvalues are raised to the floor.
fn factor(covariance: DMatrix<f64>) -> Result<DMatrix<f64>> {
    let dim = covariance.nrows();
    let above = &covariance - DMatrix::identity(dim, dim) * FLOOR;
    // If the matrix is positive definite after subtracting the floor, all eigenvalues are above it.
    let raised = if Cholesky::new(above).is_some() {
        covariance
    } else {
        let mut eigen = SymmetricEigen::new(covariance);
        for value in eigen.eigenvalues.iter_mut() {
            *value = value.max(FLOOR);
        }
        eigen.recompose()
    };
    Cholesky::new(raised)
        .map(Cholesky::unpack)
        .ok_or_else(|| Error::argument("codes", "a covariance that is finite", "another"))
}
