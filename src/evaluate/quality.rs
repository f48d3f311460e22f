//! Distances between two images with values from 0 to 1.

use rayon::prelude::*;
use serde::Serialize;

use super::ssim;

/// Means over a set of images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quality {
    /// Binary cross-entropy in nats a pixel. Absent for a network that does not end in a sigmoid.
    pub bce_per_pixel: Option<f64>,
    /// Mean squared error a pixel.
    pub mse_per_pixel: f64,
    /// Mean over the images of each one's [`psnr_db`].
    pub psnr_db: f64,
    /// Mean over the images of each one's [`ssim()`].
    pub ssim: f64,
}

/// Sums over images, in their order, in f64: the same for any number of threads.
#[derive(Debug, Default)]
pub(super) struct Totals {
    bce: Option<f64>,
    squared: f64,
    psnr: f64,
    ssim: f64,
}

impl Totals {
    /// Adds images of shape `(channels, height, width)`, one after the other in `output` and `target`.
    pub fn add(
        &mut self,
        shape: (usize, usize, usize),
        output: &[f32],
        target: &[f32],
        bce: Option<f64>,
    ) {
        if let Some(bce) = bce {
            self.bce = Some(self.bce.unwrap_or(0.0) + bce);
        }
        let size = (shape.0 * shape.1 * shape.2).max(1);
        let scores: Vec<(f64, f64, f64)> = output
            .par_chunks(size)
            .zip(target.par_chunks(size))
            .map(|(output, target)| {
                (
                    squared_error(output, target),
                    psnr_db(output, target),
                    ssim(shape, output, target),
                )
            })
            .collect();
        for (squared, psnr, ssim) in scores {
            self.squared += squared;
            self.psnr += psnr;
            self.ssim += ssim;
        }
    }

    pub fn mean(&self, images: usize, image_len: usize) -> Quality {
        let images = images.max(1) as f64;
        let pixels = images * image_len.max(1) as f64;
        Quality {
            bce_per_pixel: self.bce.map(|sum| sum / pixels),
            mse_per_pixel: self.squared / pixels,
            psnr_db: self.psnr / images,
            ssim: self.ssim / images,
        }
    }
}

/// Sum of squared differences.
pub fn squared_error(output: &[f32], target: &[f32]) -> f64 {
    output
        .iter()
        .zip(target)
        .map(|(&o, &t)| (f64::from(o) - f64::from(t)).powi(2))
        .sum()
}

/// Peak signal-to-noise ratio of one image in decibels: `10 log10(1 / MSE)`, the peak being 1.
/// Equal images, whose ratio is infinite, count as 100 dB, so that a mean stays finite.
pub fn psnr_db(output: &[f32], target: &[f32]) -> f64 {
    let mse = squared_error(output, target) / target.len().max(1) as f64;
    (-10.0 * mse.log10()).min(100.0)
}

/// Mean binary cross-entropy of values from 0 to 1, in nats; the values are kept 1e-7 away from 0 and 1,
/// as Keras does, where the logarithm would be infinite.
pub fn bce_per_pixel(output: &[f32], target: &[f32]) -> f64 {
    let sum: f64 = output
        .iter()
        .zip(target)
        .map(|(&o, &t)| {
            let o = f64::from(o).clamp(1e-7, 1.0 - 1e-7);
            let t = f64::from(t);
            -(t * o.ln() + (1.0 - t) * (1.0 - o).ln())
        })
        .sum();
    sum / target.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn psnr_of_a_known_error() {
        let target = [0.5f32; 100];
        let output = [0.6f32; 100];
        assert!((psnr_db(&output, &target) - 20.0).abs() < 1e-4);
        assert_eq!(psnr_db(&target, &target), 100.0);
    }

    #[test]
    fn bce_of_known_values_and_of_certain_mistakes() {
        let half = bce_per_pixel(&[0.5, 0.5], &[0.0, 1.0]);
        assert!((half - std::f64::consts::LN_2).abs() < 1e-12);
        let wrong = bce_per_pixel(&[0.0], &[1.0]);
        assert!((wrong - 1e7f64.ln()).abs() < 1e-9);
    }
}
