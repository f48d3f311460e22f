//! Initial clusters for the fit of a mixture, by k-means.

use rayon::prelude::*;

use crate::random::{Purpose, Stream};

/// Iterations of Lloyd's algorithm. Expectation maximisation continues from there, so a few are enough.
const ROUNDS: usize = 10;
/// The fewest rows per task.
const ROWS_A_TASK: usize = 256;

/// The cluster of each row, `0..groups`; there may be fewer clusters than asked for if rows are equal.
///
/// The first centres are rows drawn in sequence with probabilities proportional to the squared distance to
/// the nearest centre so far (Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding",
/// SODA 2007, section 2.2); then clusters and centres are improved in turn (Lloyd, "Least squares
/// quantization in PCM", 1982).
pub(super) fn groups(rows: &[f64], dim: usize, groups: usize, seed: u64) -> Vec<usize> {
    let mut centres = first_centres(rows, dim, groups, seed);
    for _ in 0..ROUNDS {
        let nearest = nearest(rows, dim, &centres);
        centres = means(rows, dim, &nearest, centres.len() / dim);
    }
    nearest(rows, dim, &centres)
}

/// `(groups, dim)` values of different rows.
fn first_centres(rows: &[f64], dim: usize, groups: usize, seed: u64) -> Vec<f64> {
    let mut stream = Stream::new(seed, Purpose::MixtureFit, 1, 0);
    let count = rows.len() / dim;
    let first = stream.below(u32::try_from(count).unwrap_or(u32::MAX)) as usize;
    let mut centres = row(rows, dim, first).to_vec();
    let mut distances = vec![f64::INFINITY; count];
    while centres.len() < groups * dim {
        let latest = row(&centres, dim, centres.len() / dim - 1);
        distances
            .par_iter_mut()
            .zip(rows.par_chunks_exact(dim))
            .with_min_len(ROWS_A_TASK)
            .for_each(|(distance, row)| *distance = distance.min(squared(row, latest)));
        let total: f64 = distances.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = stream.uniform() * total;
        let chosen = distances.iter().position(|distance| {
            left -= distance;
            left < 0.0
        });
        // Rounding may leave a small remainder after the last row.
        let chosen = chosen.or_else(|| distances.iter().rposition(|&distance| distance > 0.0));
        centres.extend_from_slice(row(rows, dim, chosen.unwrap_or_default()));
    }
    centres
}

/// The index of each row's nearest centre, the first of equals.
fn nearest(rows: &[f64], dim: usize, centres: &[f64]) -> Vec<usize> {
    rows.par_chunks_exact(dim)
        .with_min_len(ROWS_A_TASK)
        .map(|row| {
            let mut best = (0, f64::INFINITY);
            for (number, centre) in centres.chunks_exact(dim).enumerate() {
                let distance = squared(row, centre);
                if distance < best.1 {
                    best = (number, distance);
                }
            }
            best.0
        })
        .collect()
}

/// The mean of each cluster; empty clusters are left out.
fn means(rows: &[f64], dim: usize, nearest: &[usize], groups: usize) -> Vec<f64> {
    let mut sums = vec![0.0; groups * dim];
    let mut counts = vec![0usize; groups];
    for (row, &group) in rows.chunks_exact(dim).zip(nearest) {
        let sums = sums.iter_mut().skip(group * dim);
        for (sum, value) in sums.zip(row) {
            *sum += value;
        }
        if let Some(count) = counts.get_mut(group) {
            *count += 1;
        }
    }
    sums.chunks_exact(dim)
        .zip(counts)
        .filter(|(_, count)| *count > 0)
        .flat_map(|(sums, count)| sums.iter().map(move |sum| sum / count as f64))
        .collect()
}

fn row(rows: &[f64], dim: usize, number: usize) -> &[f64] {
    rows.chunks_exact(dim).nth(number).unwrap_or_default()
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
