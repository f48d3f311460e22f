//! k-nearest-neighbour classification.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::ops::{Matrix, product};
use crate::{Error, Result};

/// Reference rows compared at once.
const REFERENCES: usize = 1024;
/// Query rows per task.
const QUERIES: usize = 64;

/// Rows with a label each.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// Concatenated rows of values.
    pub rows: &'a [f32],
    /// The label of each vector.
    pub labels: &'a [u32],
}

impl Labelled<'_> {
    fn check(&self, what: &str, dim: usize) -> Result<()> {
        let needed = self.labels.len().checked_mul(dim);
        if dim > 0 && !self.labels.is_empty() && needed == Some(self.rows.len()) {
            return Ok(());
        }
        let labels = self.labels.len();
        let expected = format!("{dim} values (1 or more) for each of {labels} labels (1 or more)");
        let found = format!("{} values", self.rows.len());
        Err(Error::argument(what, expected, found))
    }
}

/// The fraction of queries whose label is the one that [`knn_labels`] predicts.
///
/// # Errors
/// As for [`knn_labels`].
pub fn knn_accuracy(references: Labelled, queries: Labelled, dim: usize, k: usize) -> Result<f64> {
    queries.check("queries", dim)?;
    let found = knn_labels(references, queries.rows, dim, k)?;
    let right = found.iter().zip(queries.labels).filter(|(a, b)| a == b);
    Ok(right.count() as f64 / queries.labels.len() as f64)
}

/// For each query the most frequent label among its `k` nearest reference rows (Cover and Hart, "Nearest
/// neighbor pattern classification", IEEE TIT 1967); ties between labels go to the one with the nearest
/// row. Rows are compared by their Euclidean distance, computed from squares and products in f64; among
/// rows at equal distances the earlier one counts as nearer.
///
/// # Errors
/// If rows and labels do not fit `dim` values a row, if a value is not finite, or if there are not at
/// least `k` references, `k` being 1 or more.
pub fn knn_labels(references: Labelled, queries: &[f32], dim: usize, k: usize) -> Result<Vec<u32>> {
    references.check("references", dim)?;
    if !queries.len().is_multiple_of(dim) {
        let expected = format!("whole rows of {dim} values");
        return Err(Error::argument("queries", expected, queries.len()));
    }
    check_k(k, references.labels.len())?;
    let mut values = references.rows.iter().chain(queries);
    if let Some(value) = values.find(|value| !value.is_finite()) {
        return Err(Error::argument("rows", "finite values", value));
    }

    let queries: Vec<f64> = queries.iter().map(|&value| f64::from(value)).collect();
    let none = Nearest {
        k,
        worst: f64::INFINITY,
        rows: Vec::new(),
    };
    let mut nearest = vec![none; queries.len() / dim];
    let blocks = references.rows.chunks(REFERENCES * dim);
    for (rows, labels) in blocks.zip(references.labels.chunks(REFERENCES)) {
        let rows: Vec<f64> = rows.iter().map(|&value| f64::from(value)).collect();
        let squares: Vec<f64> = rows
            .chunks_exact(dim)
            .map(|row| row.iter().map(|value| value * value).sum())
            .collect();
        let rows = Matrix::new(&rows, labels.len(), dim);
        nearest
            .par_chunks_mut(QUERIES)
            .zip(queries.par_chunks(QUERIES * dim))
            .try_for_each(|(nearest, queries)| {
                let mut products = vec![0.0; nearest.len() * labels.len()];
                let queries = Matrix::new(queries, nearest.len(), dim);
                product(&mut products, labels.len(), queries, rows.t(), false)?;
                for (nearest, products) in nearest.iter_mut().zip(products.chunks(labels.len())) {
                    for ((product, square), &label) in products.iter().zip(&squares).zip(labels) {
                        // The square of the query itself is the same for all references, so it is
                        // omitted.
                        nearest.offer(square - 2.0 * product, label);
                    }
                }
                Ok::<(), Error>(())
            })?;
    }
    Ok(nearest.iter().map(Nearest::vote).collect())
}

/// Refuses a `k` of 0 or above the number of references.
pub(super) fn check_k(k: usize, references: usize) -> Result<()> {
    if (1..=references).contains(&k) {
        return Ok(());
    }
    let expected = format!("1 to {references}, the number of references");
    Err(Error::argument("k", expected, k))
}

/// The nearest rows so far.
#[derive(Debug, Clone)]
struct Nearest {
    k: usize,
    /// The distance of the farthest row once there are `k`; infinite before.
    worst: f64,
    /// Distance and label, by increasing distance.
    rows: Vec<(f64, u32)>,
}

impl Nearest {
    /// Takes in a row if it is nearer than the farthest. Rows must be offered in order.
    #[inline]
    fn offer(&mut self, distance: f64, label: u32) {
        if distance < self.worst {
            self.insert(distance, label);
        }
    }

    fn insert(&mut self, distance: f64, label: u32) {
        let place = self.rows.partition_point(|&(other, _)| other <= distance);
        self.rows.insert(place, (distance, label));
        self.rows.truncate(self.k);
        if let (true, Some(&(last, _))) = (self.rows.len() == self.k, self.rows.last()) {
            self.worst = last;
        }
    }

    /// The most frequent label; of several the one with the nearest row.
    fn vote(&self) -> u32 {
        let mut votes = HashMap::new();
        for &(_, label) in &self.rows {
            *votes.entry(label).or_insert(0usize) += 1;
        }
        // Of equal counts `max_by_key` takes the last.
        let labels = self.rows.iter().rev().map(|&(_, label)| label);
        let winner = labels.max_by_key(|label| votes.get(label));
        winner.unwrap_or(0)
    }
}
