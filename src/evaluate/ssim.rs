//! Structural similarity.

/// Standard deviation of the window, in pixels.
const SIGMA: f64 = 1.5;
/// Width of the window.
const WINDOW: usize = 11;
/// (0.01 L)^2 and (0.03 L)^2 with a dynamic range L of 1.
const C1: f64 = 0.0001;
const C2: f64 = 0.0009;

/// Structural similarity of two images of shape `(channels, height, width)` with values from 0 to 1
/// (Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to
/// structural similarity", IEEE TIP 2004, equation 13): a Gaussian window of 11x11 pixels with
/// standard deviation 1.5, the mean over all windows that lie wholly inside and over the channels.
/// Images smaller than the window are treated as one window.
pub fn ssim(shape: (usize, usize, usize), a: &[f32], b: &[f32]) -> f64 {
    let (channels, height, width) = shape;
    let plane = (height * width).max(1);
    let sum: f64 = a
        .chunks(plane)
        .zip(b.chunks(plane))
        .map(|(a, b)| plane_ssim(height, width, a, b))
        .sum();
    sum / channels.max(1) as f64
}

fn plane_ssim(height: usize, width: usize, a: &[f32], b: &[f32]) -> f64 {
    let (vertical, horizontal) = (window(height), window(width));
    let blurred = |value: &dyn Fn(f64, f64) -> f64| {
        let values: Vec<f64> = a
            .iter()
            .zip(b)
            .map(|(&a, &b)| value(f64::from(a), f64::from(b)))
            .collect();
        blur(&values, width, &vertical, &horizontal)
    };
    let (mean_a, mean_b) = (blurred(&|a, _| a), blurred(&|_, b| b));
    let (square_a, square_b) = (blurred(&|a, _| a * a), blurred(&|_, b| b * b));
    let product = blurred(&|a, b| a * b);
    let mut sum = 0.0;
    for ((((ma, mb), aa), bb), ab) in mean_a
        .iter()
        .zip(&mean_b)
        .zip(&square_a)
        .zip(&square_b)
        .zip(&product)
    {
        let (variance_a, variance_b, covariance) = (aa - ma * ma, bb - mb * mb, ab - ma * mb);
        sum += (2.0 * ma * mb + C1) * (2.0 * covariance + C2)
            / ((ma * ma + mb * mb + C1) * (variance_a + variance_b + C2));
    }
    sum / mean_a.len().max(1) as f64
}

/// The Gaussian weights along one axis, summing to 1.
fn window(size: usize) -> Vec<f64> {
    let width = WINDOW.min(size);
    let middle = (width as f64 - 1.0) / 2.0;
    let weights: Vec<f64> = (0..width)
        .map(|i| (-(i as f64 - middle).powi(2) / (2.0 * SIGMA * SIGMA)).exp())
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// The weighted means of all windows that lie wholly inside, row by row.
fn blur(values: &[f64], width: usize, vertical: &[f64], horizontal: &[f64]) -> Vec<f64> {
    let rows: Vec<Vec<f64>> = values
        .chunks(width.max(1))
        .map(|row| {
            row.windows(horizontal.len().max(1))
                .map(|part| part.iter().zip(horizontal).map(|(v, w)| v * w).sum())
                .collect()
        })
        .collect();
    rows.windows(vertical.len().max(1))
        .flat_map(|rows| {
            let mut sums = vec![0.0; rows.first().map_or(0, Vec::len)];
            for (row, weight) in rows.iter().zip(vertical) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += weight * value;
                }
            }
            sums
        })
        .collect()
}
