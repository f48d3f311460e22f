//! Means, medians and shares.

/// The middle value, or the mean of the two middle values for an even count; NaN for no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
    let half = sorted.len() / 2;
    match sorted.len().is_multiple_of(2) {
        true => 0.5 * (at(half) + at(half.wrapping_sub(1))),
        false => at(half),
    }
}

/// The values of each column of a table.
pub fn columns<const N: usize>(rows: &[[f64; N]]) -> [Vec<f64>; N] {
    std::array::from_fn(|column| rows.iter().map(|row| row[column]).collect())
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The share of true values.
pub fn share(holds: &[bool]) -> f64 {
    holds.iter().filter(|&&holds| holds).count() as f64 / holds.len().max(1) as f64
}

/// A seed count as text, such as "20 seeds".
pub fn seeds(count: usize) -> String {
    match count {
        1 => "1 seed".to_string(),
        _ => format!("{count} seeds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_and_even_numbers_of_values() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
