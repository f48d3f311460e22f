//! Fitting a mixture by expectation maximisation.

use rayon::prelude::*;

use super::density::Whitening;
use super::sums::Sums;
use super::{BLOCK, Mixture, check_rows, log_sum_exp, seeding};
use crate::{Error, Result};

/// The most iterations.
const ROUNDS: usize = 100;
/// The fit ends when the mean log density rises by less than this, in nats per code.
const LEAST_RISE: f64 = 1e-3;
/// The fewest codes per component, on average.
const CODES_A_COMPONENT: usize = 10;
/// The least standard deviation of a value, relative to the root of the mean variance of all values; if all
/// codes are equal, used as it is.
const LEAST_DEVIATION: f64 = 1e-3;

impl Mixture {
    /// Fits up to `components` Gaussians to `codes`, concatenated rows of `dim` values, by expectation
    /// maximisation (Dempster, Laird and Rubin, "Maximum likelihood from incomplete data via the EM
    /// algorithm", 1977), starting from k-means clusters.
    ///
    /// Each component gets on average at least 10 codes, and at least as many as a code has values, which a
    /// full covariance needs: fewer codes get fewer components. Components that lose all their codes are
    /// dropped, too. After each iteration `go_on` receives its number, from 1, and the mean log density of
    /// the codes before its update; the fit ends if `go_on` returns false.
    ///
    /// # Errors
    /// If there are no codes, no components, or values that are not finite.
    pub fn fit(
        codes: &[f32],
        dim: usize,
        components: usize,
        seed: u64,
        go_on: &mut dyn FnMut(usize, f64) -> bool,
    ) -> Result<Self> {
        let count = check_rows(codes, dim)?;
        if components == 0 {
            return Err(Error::argument("components", "1 or more", components));
        }
        let components = components.min(Self::most_components(count, dim));
        let scale = Scale::of(codes, dim)?;
        let rows = scale.apply(codes);
        let groups = seeding::groups(&rows, dim, components, seed);
        let mut mixture = grouped(&rows, dim, &groups)?.mixture()?;
        let mut before = f64::NEG_INFINITY;
        for round in 1..=ROUNDS {
            let (sums, log_density) = expectation(&mixture, &rows)?;
            mixture = sums.mixture()?;
            let log_density = log_density - scale.log_volume();
            if !go_on(round, log_density) || log_density - before < LEAST_RISE {
                break;
            }
            before = log_density;
        }
        Ok(scale.undo(mixture))
    }

    /// The most components that are fitted to `count` codes of `dim` values.
    pub fn most_components(count: usize, dim: usize) -> usize {
        (count / Self::least_codes(dim)).max(1)
    }

    /// The fewest codes of `dim` values that a component gets on average.
    pub fn least_codes(dim: usize) -> usize {
        dim.max(CODES_A_COMPONENT)
    }
}

/// The sums of the clusters.
fn grouped(rows: &[f64], dim: usize, groups: &[usize]) -> Result<Sums> {
    let components = groups.iter().max().map_or(0, |last| last + 1);
    let mut sums = Sums::new(dim, components);
    let block = Sums::block(dim);
    for (rows, groups) in rows.chunks(block * dim).zip(groups.chunks(block)) {
        let mut responsibilities = vec![0.0; groups.len() * components];
        for (one, &group) in responsibilities.chunks_exact_mut(components).zip(groups) {
            if let Some(one) = one.get_mut(group) {
                *one = 1.0;
            }
        }
        sums.add(rows, &responsibilities)?;
    }
    Ok(sums)
}

/// The sums under the mixture's responsibilities, and the mean log density.
fn expectation(mixture: &Mixture, rows: &[f64]) -> Result<(Sums, f64)> {
    let (dim, components) = (mixture.dim, mixture.components());
    let whitening = Whitening::new(mixture)?;
    let mut sums = Sums::new(dim, components);
    let mut log_density = 0.0;
    for rows in rows.chunks(Sums::block(dim) * dim) {
        let count = rows.len() / dim;
        let mut joint = vec![0.0; count * components];
        let mut densities = vec![0.0; count];
        joint
            .par_chunks_mut(BLOCK * components)
            .zip(densities.par_chunks_mut(BLOCK))
            .zip(rows.par_chunks(BLOCK * dim))
            .try_for_each(|((joint, densities), rows)| {
                whitening.log_joint(rows, joint)?;
                for (joint, density) in joint.chunks_exact_mut(components).zip(densities) {
                    *density = log_sum_exp(joint);
                    for value in joint {
                        *value = (*value - *density).exp();
                    }
                }
                Ok::<(), Error>(())
            })?;
        log_density += densities.iter().sum::<f64>();
        sums.add(rows, &joint)?;
    }
    Ok((sums, log_density / (rows.len() / dim) as f64))
}

/// Mean and standard deviation of each value over all codes. The fit works on standardised codes, so that
/// neither clusters nor the least variance depend on the scales of the values.
struct Scale {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Scale {
    fn of(codes: &[f32], dim: usize) -> Result<Self> {
        if let Some(value) = codes.iter().find(|value| !value.is_finite()) {
            return Err(Error::argument("codes", "finite values", value));
        }
        let count = (codes.len() / dim) as f64;
        let mut means = vec![0.0; dim];
        for code in codes.chunks_exact(dim) {
            for (mean, &value) in means.iter_mut().zip(code) {
                *mean += f64::from(value) / count;
            }
        }
        let mut variances = vec![0.0; dim];
        for code in codes.chunks_exact(dim) {
            for ((variance, &value), mean) in variances.iter_mut().zip(code).zip(&means) {
                *variance += (f64::from(value) - mean).powi(2) / count;
            }
        }
        let whole = (variances.iter().sum::<f64>() / dim as f64).sqrt();
        let least = LEAST_DEVIATION * if whole > 0.0 { whole } else { 1.0 };
        let deviations = variances.iter().map(|v| v.sqrt().max(least)).collect();
        Ok(Self { means, deviations })
    }

    /// The amount by which undoing the scale lowers a log density.
    fn log_volume(&self) -> f64 {
        self.deviations.iter().map(|deviation| deviation.ln()).sum()
    }

    fn apply(&self, codes: &[f32]) -> Vec<f64> {
        let scales = self.means.iter().zip(&self.deviations).cycle();
        codes
            .iter()
            .zip(scales)
            .map(|(&value, (mean, deviation))| (f64::from(value) - mean) / deviation)
            .collect()
    }

    /// The mixture for the original codes, rounded to 32-bit floats.
    fn undo(&self, mut mixture: Mixture) -> Mixture {
        let rounded = |value: f64| f64::from(value as f32);
        for weight in &mut mixture.weights {
            *weight = rounded(*weight);
        }
        let scales = self.means.iter().zip(&self.deviations).cycle();
        for (value, (mean, deviation)) in mixture.means.iter_mut().zip(scales) {
            *value = rounded(mean + deviation * *value);
        }
        let rows = mixture.factors.chunks_exact_mut(mixture.dim);
        for (row, deviation) in rows.zip(self.deviations.iter().cycle()) {
            for value in row {
                *value = rounded(deviation * *value);
            }
        }
        mixture
    }
}
