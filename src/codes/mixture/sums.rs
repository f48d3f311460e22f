//! What the codes of each component sum up to, and the Gaussian that fits these sums best.

use nalgebra::{Cholesky, DMatrix, SymmetricEigen};
use rayon::prelude::*;

use super::Mixture;
use crate::ops::{Matrix, product};
use crate::{Error, Result};

/// The least variance of a component in any direction, as a share of the variance of all codes in each of
/// their values.
const FLOOR: f64 = 1e-3;
/// A component with fewer codes than this is left out: its weight is nothing beside the others', and its
/// mean would be lost in rounding.
const LEAST_CODES: f64 = 1e-8;
/// Sums of each component that one task adds to.
const PANEL: usize = 48;

/// For each component the sums, weighted by the responsibilities, of 1, of the values and of the products
/// of two values: all that its Gaussian is fitted to.
pub(super) struct Sums {
    dim: usize,
    /// How many sums each component has.
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

    /// How many rows are best added at once: so many that their products take some megabytes.
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
        // Each task has sums of its own and adds the rows in order.
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
    /// have no eigenvalue below [`FLOOR`]. The rows are taken to have a variance of 1 in each value.
    ///
    /// Such a bound keeps every covariance invertible and, other than a constant added to the diagonal,
    /// never lets the likelihood fall (Hathaway, "A constrained formulation of maximum-likelihood
    /// estimation for normal mixture distributions", 1985): the best eigenvalues are those of the
    /// unconstrained covariance, or the bound where they are below it.
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
                let factor = factor(covariance)?;
                let factor = factor
                    .row_iter()
                    .flat_map(|row| row.iter().copied().collect::<Vec<_>>());
                Ok((count / total, means, factor.collect()))
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

/// The lower triangular Cholesky factor of a covariance whose eigenvalues are brought to the floor.
fn factor(covariance: DMatrix<f64>) -> Result<DMatrix<f64>> {
    let dim = covariance.nrows();
    let above = &covariance - DMatrix::identity(dim, dim) * FLOOR;
    // What remains positive definite without the floor has all eigenvalues above it.
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
