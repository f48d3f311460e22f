//! The region to show of a plane of two-dimensional codes.

use statrs::distribution::{ContinuousCDF, Normal};

/// Positions along one axis that divide a standard normal prior into equal shares: its quantiles at
/// `(k + 1/2) / count` (Kingma and Welling 2014, appendix A: the inverse of its cumulative distribution
/// function on an even grid).
pub fn prior_quantiles(count: usize) -> Vec<f64> {
    let normal = Normal::standard();
    (0..count)
        .map(|place| normal.inverse_cdf((place as f64 + 0.5) / count as f64))
        .collect()
}

/// Positions along one axis, evenly from the 1st to the 99th percentile of some values, so that a few
/// outliers do not squeeze all other codes. Empty if there are no values.
pub fn spread(values: &[f32], count: usize) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let (Some(low), Some(high)) = (percentile(&sorted, 0.01), percentile(&sorted, 0.99)) else {
        return Vec::new();
    };
    let last = count.saturating_sub(1).max(1) as f64;
    (0..count)
        .map(|place| low + (high - low) * place as f64 / last)
        .collect()
}

/// The value below which a share of the sorted values lies, linearly interpolated between two
/// neighbours (type 7 of Hyndman and Fan 1996, NumPy's default).
fn percentile(sorted: &[f32], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let below = f64::from(*sorted.get(place as usize)?);
    let above = sorted
        .get(place as usize + 1)
        .map_or(below, |v| f64::from(*v));
    Some(below + place.fract() * (above - below))
}
