//! Distances between two images with values from 0 to 1.

use rayon::prelude::*;
use serde::Serialize;

use super::ssim;

/// Means over a set of samples. A pixel is any value of a sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quality {
    /// Binary cross-entropy in nats per pixel. Absent for a network that does not end in a sigmoid.
    pub bce_per_pixel: Option<f64>,
    /// Mean squared error per pixel.
    pub mse_per_pixel: f64,
    /// Mean absolute error per pixel.
    pub mae_per_pixel: f64,
    /// Mean [`psnr_db()`] of the images; absent for points, which have no peak.
    pub psnr_db: Option<f64>,
    /// Mean [`ssim()`] of the images; absent for points, which have no structure.
    pub ssim: Option<f64>,
}

/// Sums over samples, in order and in f64: the same for any number of threads.
#[derive(Debug, Default)]
pub(super) struct Totals {
    bce: Option<f64>,
    squared: f64,
    absolute: f64,
    /// PSNR and SSIM.
    of_images: Option<(f64, f64)>,
}

impl Totals {
    /// Adds the sum of the binary cross-entropy over some samples.
    pub fn add_bce(&mut self, bce: f64) {
        self.bce = Some(self.bce.unwrap_or(0.0) + bce);
    }

    /// Adds images of shape `(channels, height, width)`, concatenated in `output` and `target`.
    pub fn add_images(&mut self, shape: (usize, usize, usize), output: &[f32], target: &[f32]) {
        let size = (shape.0 * shape.1 * shape.2).max(1);
        let images = output.par_chunks(size).zip(target.par_chunks(size));
        let scores = images.map(|(output, target)| {
            [
                squared_error(output, target),
                absolute_error(output, target),
                psnr_db(output, target),
                ssim(shape, output, target),
            ]
        });
        let (mut psnr, mut ssim) = self.of_images.unwrap_or_default();
        for [squared, absolute, one_psnr, one_ssim] in scores.collect::<Vec<_>>() {
            self.squared += squared;
            self.absolute += absolute;
            psnr += one_psnr;
            ssim += one_ssim;
        }
        self.of_images = Some((psnr, ssim));
    }

    /// Adds points, concatenated in `output` and `target`.
    pub fn add_points(&mut self, output: &[f64], target: &[f64]) {
        for (output, target) in output.iter().zip(target) {
            self.squared += (output - target).powi(2);
            self.absolute += (output - target).abs();
        }
    }

    /// The means over this number of samples, which have `values` values in all.
    pub fn mean(&self, samples: usize, values: usize) -> Quality {
        let samples = samples.max(1) as f64;
        let values = values.max(1) as f64;
        Quality {
            bce_per_pixel: self.bce.map(|sum| sum / values),
            mse_per_pixel: self.squared / values,
            mae_per_pixel: self.absolute / values,
            psnr_db: self.of_images.map(|(psnr, _)| psnr / samples),
            ssim: self.of_images.map(|(_, ssim)| ssim / samples),
        }
    }
}

/// The sum of a term over pairs of values.
fn sum(output: &[f32], target: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let pairs = output.iter().zip(target);
    pairs.map(|(&o, &t)| term(f64::from(o), f64::from(t))).sum()
}

/// Sum of squared differences.
pub fn squared_error(output: &[f32], target: &[f32]) -> f64 {
    sum(output, target, |o, t| (o - t).powi(2))
}

/// Sum of absolute differences.
pub fn absolute_error(output: &[f32], target: &[f32]) -> f64 {
    sum(output, target, |o, t| (o - t).abs())
}

/// Peak signal-to-noise ratio of one image in decibels: `10 log10(1 / MSE)`, with a peak of 1. Equal
/// images, whose ratio is infinite, count as 100 dB, so that a mean stays finite.
pub fn psnr_db(output: &[f32], target: &[f32]) -> f64 {
    let mse = squared_error(output, target) / target.len().max(1) as f64;
    (-10.0 * mse.log10()).min(100.0)
}

/// Mean binary cross-entropy of values from 0 to 1, in nats; outputs are clamped 1e-7 away from 0 and 1,
/// where the logarithm would be infinite, as in Keras.
pub fn bce_per_pixel(output: &[f32], target: &[f32]) -> f64 {
    let sum = sum(output, target, |o, t| {
        let o = o.clamp(1e-7, 1.0 - 1e-7);
        -(t * o.ln() + (1.0 - t) * (1.0 - o).ln())
    });
    sum / target.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::psnr_db;

    #[test]
    fn the_psnr_of_equal_images_is_finite() {
        assert_eq!(psnr_db(&[0.5; 100], &[0.5; 100]), 100.0);
    }
}
