//! The largest eigenvalues of a symmetric matrix.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::Result;
use crate::random::{Purpose, Stream};

/// Vectors per block beyond the requested number; they speed up convergence.
const SPARE: usize = 8;
/// Convergence is checked each time the space has grown by one part in this: a check costs more the
/// larger the space is.
const LOOK: usize = 4;
/// The iteration ends when every residual |A v - l v| is below this times the largest eigenvalue.
const TOLERANCE: f64 = 1e-9;

/// Eigenvalues in descending order, and their unit eigenvectors as columns.
pub(super) struct Eigenpairs {
    pub values: Vec<f64>,
    pub vectors: DMatrix<f64>,
}

/// The `count` largest eigenvalues of a symmetric matrix, by its full decomposition.
pub(super) fn decompose(matrix: DMatrix<f64>, count: usize) -> Eigenpairs {
    let eigen = SymmetricEigen::new(matrix);
    let mut pairs: Vec<_> = eigen
        .eigenvalues
        .iter()
        .copied()
        .zip(eigen.eigenvectors.column_iter())
        .collect();
    pairs.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    pairs.truncate(count);
    let (values, vectors): (Vec<f64>, Vec<_>) = pairs.into_iter().unzip();
    Eigenpairs {
        values,
        vectors: DMatrix::from_columns(&vectors),
    }
}

/// The `count` largest eigenvalues of a positive semidefinite `(dim, dim)` matrix that is given by its
/// product with other matrices: the eigenvalues of its projection on the space spanned by its powers
/// times a random block of vectors (a block Krylov method; Musco and Musco, "Randomized block Krylov
/// methods for stronger and faster approximate singular value decomposition", NeurIPS 2015, algorithm
/// 2). The space grows by one block at a time until the residuals are small or it is the whole space.
pub(super) fn iterate(
    dim: usize,
    count: usize,
    times: impl Fn(&DMatrix<f64>) -> Result<DMatrix<f64>>,
) -> Result<Eigenpairs> {
    let block = (count + SPARE).min(dim);
    let mut start = vec![0f32; dim * block];
    Stream::new(0, Purpose::Subspace, 0, 0).fill_normal(&mut start);
    let mut next = DMatrix::from_iterator(dim, block, start.into_iter().map(f64::from));

    let mut space = DMatrix::zeros(dim, 0);
    let mut image = DMatrix::zeros(dim, 0);
    let mut looked = 0;
    loop {
        let room = (dim - space.ncols()).min(block);
        let new = orthonormal(&space, next.columns(0, room).into_owned());
        next = times(&new)?;
        append(&mut space, &new);
        append(&mut image, &next);
        let whole = space.ncols() == dim;
        if whole || space.ncols() >= looked + looked / LOOK {
            looked = space.ncols();
            let projected = space.tr_mul(&image);
            let Eigenpairs { values, vectors } =
                decompose((&projected + projected.transpose()) * 0.5, count);
            let (found, images) = (&space * &vectors, &image * &vectors);
            let largest = values.first().copied().unwrap_or(0.0);
            let is_near = |(place, &value): (usize, &f64)| {
                let residual = images.column(place) - found.column(place) * value;
                residual.norm() <= TOLERANCE * largest
            };
            let enough = values.len() == count;
            if whole || enough && values.iter().enumerate().all(is_near) {
                return Ok(Eigenpairs {
                    values,
                    vectors: found,
                });
            }
        }
    }
}

/// Orthonormal vectors, orthogonal to the space, that span what the block adds to it.
fn orthonormal(space: &DMatrix<f64>, mut block: DMatrix<f64>) -> DMatrix<f64> {
    // The second pass removes the rounding errors that the first leaves.
    for _ in 0..2 {
        block -= space * space.tr_mul(&block);
        block = block.qr().q();
    }
    block
}

/// Appends the columns of one matrix to those of another.
fn append(matrix: &mut DMatrix<f64>, columns: &DMatrix<f64>) {
    let before = matrix.ncols();
    let wider = std::mem::take(matrix).resize_horizontally(before + columns.ncols(), 0.0);
    *matrix = wider;
    matrix
        .columns_mut(before, columns.ncols())
        .copy_from(columns);
}
