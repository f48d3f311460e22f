//! The densities of a mixture's components.

use nalgebra::DMatrix;

use super::Mixture;
use crate::ops::{Matrix, product};
use crate::{Error, Result};

/// Values of whitened codes held at once, per row.
const PANEL: usize = 1024;

/// Maps codes to standard normal values for each component: `inverse * (code - mean)`, with the inverse of
/// its Cholesky factor. This makes the triangular systems of all codes one matrix product.
pub(super) struct Whitening {
    dim: usize,
    /// `(components, dim, dim)`, row-major.
    inverses: Vec<f64>,
    /// `inverse * mean`, `(components, dim)`.
    offsets: Vec<f64>,
    /// The logarithm of weight times density at the mean.
    peaks: Vec<f64>,
}

impl Whitening {
    pub fn new(mixture: &Mixture) -> Result<Self> {
        let dim = mixture.dim;
        let mut whitening = Self {
            dim,
            inverses: Vec::with_capacity(mixture.factors.len()),
            offsets: Vec::with_capacity(mixture.means.len()),
            peaks: Vec::with_capacity(mixture.components()),
        };
        let components = mixture.means().zip(mixture.factors());
        for ((mean, factor), weight) in components.zip(&mixture.weights) {
            let factor = DMatrix::from_row_slice(dim, dim, factor);
            let inverse = factor
                .solve_lower_triangular(&DMatrix::identity(dim, dim))
                .ok_or_else(|| {
                    Error::argument("mixture", "factors with positive diagonals", "a zero")
                })?;
            let log_determinant: f64 = factor.diagonal().iter().map(|value| value.ln()).sum();
            let peak =
                weight.ln() - log_determinant - 0.5 * dim as f64 * std::f64::consts::TAU.ln();
            for row in inverse.row_iter() {
                let offset = row.iter().zip(mean).map(|(a, b)| a * b).sum();
                whitening.offsets.push(offset);
                whitening.inverses.extend(row.iter());
            }
            whitening.peaks.push(peak);
        }
        Ok(whitening)
    }

    /// The logarithm of weight times density of each row under each component, `(rows, components)`. `rows`
    /// holds rows of `dim` values.
    pub fn log_joint(&self, rows: &[f64], out: &mut [f64]) -> Result<()> {
        let (dim, components) = (self.dim, self.peaks.len());
        let count = rows.len() / dim;
        let rows = Matrix::new(rows, count, dim);
        let together = (PANEL / dim).max(1);
        let mut white = vec![0.0; count * together.min(components) * dim];
        let parts = self
            .inverses
            .chunks(together * dim * dim)
            .zip(self.offsets.chunks(together * dim))
            .zip(self.peaks.chunks(together));
        for (part, ((inverses, offsets), peaks)) in parts.enumerate() {
            let width = offsets.len();
            let inverses = Matrix::new(inverses, width, dim);
            product(&mut white, width, rows, inverses.t(), false)?;
            let out = out.chunks_exact_mut(components);
            for (out, white) in out.zip(white.chunks_exact(width)) {
                let out = out.iter_mut().skip(part * together);
                let values = white.chunks_exact(dim).zip(offsets.chunks_exact(dim));
                for ((out, peak), (white, offsets)) in out.zip(peaks).zip(values) {
                    let squares = white.iter().zip(offsets).map(|(a, b)| (a - b) * (a - b));
                    *out = peak - 0.5 * squares.sum::<f64>();
                }
            }
        }
        Ok(())
    }
}
