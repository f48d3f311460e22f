//! A mixture of Gaussians as a density of codes, for sampling new ones.

mod density;
mod fit;
mod seeding;
mod sums;
mod tensors;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use crate::random::{Purpose, Stream};
use crate::{Error, Result};
use density::Whitening;

/// Codes per block in computing densities.
const BLOCK: usize = 128;

/// A mixture of Gaussians with full covariances.
///
/// Fitted to the codes of the training images after training, it gives a density that suits the decoder: a
/// plain autoencoder has no other, and the prior of a variational one has regions where hardly any training
/// image is encoded (Ghosh, Sajjadi, Vergari, Black and Schoelkopf, "From variational to deterministic
/// autoencoders", ICLR 2020, section 4, "ex-post density estimation").
///
/// Its parameters are rounded to 32-bit floats, so that a file stores them exactly; all computation is in
/// f64 and in a fixed order, so that results are bit-identical for any number of threads.
///
/// ```
/// use autoencode::codes::Mixture;
///
/// // Twenty codes of one value around -5, and sixty around 5.
/// let codes: Vec<f32> = (0..80)
///     .map(|i| if i < 20 { -5.0 } else { 5.0 } + (i % 10) as f32 / 10.0)
///     .collect();
/// let mixture = Mixture::fit(&codes, 1, 2, 1, &mut |_, _| true)?;
/// let mut weights = mixture.weights().to_vec();
/// weights.sort_by(f64::total_cmp);
/// assert!((weights[0] - 0.25).abs() < 1e-6 && (weights[1] - 0.75).abs() < 1e-6);
/// # Ok::<(), autoencode::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    dim: usize,
    weights: Vec<f64>,
    /// `(components, dim)`, row-major.
    means: Vec<f64>,
    /// `(components, dim, dim)`, row-major: the lower triangular Cholesky factors of the covariances.
    factors: Vec<f64>,
}

impl Mixture {
    /// Number of Gaussians.
    pub fn components(&self) -> usize {
        self.weights.len()
    }

    /// Values per code.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The probability of each component.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The mean of each component, `dim` values.
    pub fn means(&self) -> impl Iterator<Item = &[f64]> {
        self.means.chunks_exact(self.dim)
    }

    /// The Cholesky factor of each component's covariance, `(dim, dim)`, row-major and lower triangular.
    pub fn factors(&self) -> impl Iterator<Item = &[f64]> {
        self.factors.chunks_exact(self.dim * self.dim)
    }

    /// `count` codes drawn from the mixture, `(count, dim)`, starting at number `first`. Each number has
    /// its own random stream: a larger count only adds codes.
    pub fn sample(&self, seed: u64, first: u64, count: usize, device: &Device) -> Result<Tensor> {
        let mut codes = vec![0f32; count * self.dim];
        for (number, code) in (first..).zip(codes.chunks_mut(self.dim)) {
            let mut stream = Stream::new(seed, Purpose::Mixture, 0, number);
            let component = self.component(stream.uniform());
            let mut noise = vec![0f32; self.dim];
            stream.fill_normal(&mut noise);
            let mean = self.means().nth(component).unwrap_or_default();
            let factor = self.factors().nth(component).unwrap_or_default();
            let rows = factor.chunks_exact(self.dim);
            for ((value, mean), row) in code.iter_mut().zip(mean).zip(rows) {
                let along = row.iter().zip(&noise).map(|(a, &b)| a * f64::from(b));
                *value = (mean + along.sum::<f64>()) as f32;
            }
        }
        Ok(Tensor::from_vec(codes, (count, self.dim), device)?)
    }

    /// The component at this share, from 0 to 1, of the cumulative weights.
    fn component(&self, share: f64) -> usize {
        let mut sum = 0.0;
        let ends = self.weights.iter().map(|weight| {
            sum += weight;
            sum
        });
        // Rounding may leave the sum a little below 1.
        let last = self.components().saturating_sub(1);
        ends.take(last).position(|end| share < end).unwrap_or(last)
    }

    /// The natural logarithm of the density at each of the codes, which are concatenated rows of `dim`
    /// values.
    ///
    /// # Errors
    /// If the number of values is not a multiple of `dim`.
    pub fn log_density(&self, codes: &[f32]) -> Result<Vec<f64>> {
        let count = check_rows(codes, self.dim)?;
        let whitening = Whitening::new(self)?;
        let mut densities = vec![0.0; count];
        densities
            .par_chunks_mut(BLOCK)
            .zip(codes.par_chunks(BLOCK * self.dim))
            .try_for_each(|(densities, codes)| {
                let rows: Vec<f64> = codes.iter().map(|&value| f64::from(value)).collect();
                let mut joint = vec![0.0; densities.len() * self.components()];
                whitening.log_joint(&rows, &mut joint)?;
                let joint = joint.chunks_exact(self.components());
                for (density, joint) in densities.iter_mut().zip(joint) {
                    *density = log_sum_exp(joint);
                }
                Ok::<(), Error>(())
            })?;
        Ok(densities)
    }
}

/// The logarithm of the sum of the exponentials, without overflow.
fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = values.iter().map(|value| (value - largest).exp()).sum();
    largest + sum.ln()
}

/// The number of codes of `dim` values.
fn check_rows(codes: &[f32], dim: usize) -> Result<usize> {
    if dim == 0 || codes.is_empty() || !codes.len().is_multiple_of(dim) {
        let expected = format!("one or more, of {dim} values each (1 or more)");
        let found = format!("{} values", codes.len());
        return Err(Error::argument("codes", expected, found));
    }
    Ok(codes.len() / dim)
}
