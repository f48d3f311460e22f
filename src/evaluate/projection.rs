//! Rows of any width brought to a few coordinates, for looking at them.

use super::Pca;
use super::covariance::{centred, means};
use crate::ops::{Matrix, product};
use crate::{Error, Result};

/// Rows projected onto their leading principal components.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// `(rows, components)`, row-major.
    pub coordinates: Vec<f64>,
    /// Of each component, the share of the rows' variance that it explains, from 0 to 1.
    pub explained: Vec<f64>,
}

/// Up to so many values a row, the whole covariance is decomposed.
const EXACT: usize = 512;
/// Directions that are kept beside those asked for, and how often they are turned towards the leading
/// ones: each time, a direction's share in the others shrinks by the ratio of their variances.
const SPARE: usize = 10;
const TURNS: usize = 16;
/// Rows that are brought to f64 at once.
const BLOCK: usize = 512;

/// Projects `rows`, which holds rows of `dim` values one after the other, onto their first `components`
/// principal components.
///
/// Rows of more than 512 values, whose covariance would be too large, are first reduced to the subspace
/// that subspace iteration finds (Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM
/// Review 2011, algorithm 4.4, started from rows instead of random directions), and the components are
/// those within it. All is computed in a fixed order.
///
/// # Errors
/// As [`Pca::fit`].
pub fn project(rows: &[f32], dim: usize, components: usize) -> Result<Projection> {
    let width = components.saturating_add(SPARE);
    let count = rows.len() / dim.max(1);
    if dim <= EXACT || width >= dim.min(count) || count * dim != rows.len() {
        let pca = Pca::fit(rows, dim, components)?;
        return Ok(Projection {
            coordinates: pca.project_rows(rows)?,
            explained: shares(&pca, pca.total_variance()),
        });
    }
    let mean = means(rows, dim)?;
    let blocks = || rows.chunks(BLOCK * dim).map(|rows| centred(rows, &mean));
    // Rows evenly spread over all.
    let start = (0..width).filter_map(|place| {
        let row = place * count / width;
        rows.get(row * dim..(row + 1) * dim)
    });
    let mut basis: Vec<f64> = start.flat_map(|row| centred(row, &mean)).collect();
    let mut total = 0.0;
    for turn in 0..TURNS {
        orthonormalise(&mut basis, dim);
        let mut turned = vec![0.0; width * dim];
        for block in blocks() {
            if turn == 0 {
                total += block.iter().map(|value| value * value).sum::<f64>();
            }
            let within = coordinates(&block, &basis, dim, width)?;
            let block = Matrix::new(&block, block.len() / dim, dim);
            let within = Matrix::new(&within, within.len() / width, width);
            product(&mut turned, dim, within.t(), block, true)?;
        }
        basis = turned;
    }
    orthonormalise(&mut basis, dim);
    let mut reduced = Vec::with_capacity(count * width);
    for block in blocks() {
        let within = coordinates(&block, &basis, dim, width)?;
        reduced.extend(within.into_iter().map(|value| value as f32));
    }
    let pca = Pca::fit(&reduced, width, components)?;
    Ok(Projection {
        coordinates: pca.project_rows(&reduced)?,
        explained: shares(&pca, total / (count - 1).max(1) as f64),
    })
}

fn shares(pca: &Pca, total: f64) -> Vec<f64> {
    let share = |variance: &f64| if total > 0.0 { variance / total } else { 0.0 };
    pca.explained_variance().iter().map(share).collect()
}

/// `(rows, width)` from rows `(rows, dim)` and a basis `(width, dim)`.
fn coordinates(rows: &[f64], basis: &[f64], dim: usize, width: usize) -> Result<Vec<f64>> {
    let count = rows.len() / dim;
    let mut within = vec![0.0; count * width];
    let (rows, basis) = (
        Matrix::new(rows, count, dim),
        Matrix::new(basis, width, dim),
    );
    product(&mut within, width, rows, basis.t(), false).map_err(Error::from)?;
    Ok(within)
}

/// Makes the rows of a basis orthogonal unit vectors (Gram and Schmidt, each row twice, which keeps them
/// orthogonal to rounding); a row that depends on those before becomes 0.
fn orthonormalise(basis: &mut [f64], dim: usize) {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for place in 0..basis.len() / dim {
        let (before, from) = basis.split_at_mut(place * dim);
        let Some(row) = from.get_mut(..dim) else {
            return;
        };
        let length = dot(row, row).sqrt();
        for _ in 0..2 {
            for other in before.chunks_exact(dim) {
                let along = dot(row, other);
                row.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
            }
        }
        let left = dot(row, row).sqrt();
        let scale = if left > 1e-12 * length {
            1.0 / left
        } else {
            0.0
        };
        row.iter_mut().for_each(|value| *value *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Source, load};

    #[test]
    fn wide_rows_get_the_components_of_their_whole_covariance() {
        let images = load(&Source::Sample, true).unwrap().test;
        let rows: Vec<f32> = images
            .pixels()
            .iter()
            .map(|&p| f32::from(p) / 255.0)
            .collect();
        let dim = images.image_len();
        assert!(dim > EXACT);
        let fast = project(&rows, dim, 2).unwrap();
        let pca = Pca::fit(&rows, dim, 2).unwrap();
        let exact = shares(&pca, pca.total_variance());
        for (fast, exact) in fast.explained.iter().zip(&exact) {
            assert!((fast - exact).abs() < 1e-6 * exact, "{fast} {exact}");
        }
        // The sign of a component is free.
        let codes = pca.project_rows(&rows).unwrap();
        for component in 0..2 {
            let of = |codes: &[f64]| -> Vec<f64> {
                codes.iter().skip(component).step_by(2).copied().collect()
            };
            let (fast, exact) = (of(&fast.coordinates), of(&codes));
            let same: f64 = fast.iter().zip(&exact).map(|(a, b)| a * b).sum();
            for (fast, exact) in fast.iter().zip(&exact) {
                assert!(
                    (fast * same.signum() - exact).abs() < 1e-4,
                    "{fast} {exact}"
                );
            }
        }
    }

    #[test]
    fn rows_on_a_line_have_one_component_however_wide_they_are() {
        let dim = 600;
        let rows: Vec<f32> = (0..40)
            .flat_map(|row| (0..dim).map(move |place| (row * (place % 7)) as f32))
            .collect();
        let projection = project(&rows, dim, 2).unwrap();
        assert!(
            (projection.explained[0] - 1.0).abs() < 1e-6,
            "{projection:?}"
        );
        assert!(projection.explained[1].abs() < 1e-6, "{projection:?}");
        assert!(project(&[1.0; 1200], 600, 2).is_ok());
        assert!(project(&[f32::NAN; 40 * 600], 600, 2).is_err());
    }
}
