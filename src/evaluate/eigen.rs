//! The largest eigenvalues of a symmetric matrix.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::Result;
use crate::random::{Purpose, Stream};

/// Vectors of a block beyond those that are asked for; they speed up the others.
const SPARE: usize = 8;
/// The space grows by one part in this between two looks at how near its eigenvectors are: a look costs
/// more the larger it is.
const LOOK: usize = 4;
/// The iteration ends when every residual |A v - l v| is below this times the largest eigenvalue.
const TOLERANCE: f64 = 1e-9;

/// Eigenvalues, falling, and their unit eigenvectors, one a column.
pub(super) struct Eigenpairs {
    pub values: Vec<f64>,
    pub vectors: DMatrix<f64>,
}

/// The `count` largest eigenvalues of a symmetric matrix, by its whole decomposition.
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

/// The `count` largest eigenvalues of a positive semidefinite `(dim, dim)` matrix that is known by its
/// product with others: those of its projection on the space that its powers make of a random block of
/// vectors (a block Krylov method; Musco and Musco, "Randomized block Krylov methods for stronger and
/// faster approximate singular value decomposition", NeurIPS 2015, algorithm 2). The space grows by a
/// block at a time until the residuals are small or nothing is left outside of it.
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
            let is_near = |place: usize, &value: &f64| {
                let residual = images.column(place) - found.column(place) * value;
                residual.norm() <= TOLERANCE * largest
            };
            let enough = values.len() == count;
            if whole
                || enough
                    && values
                        .iter()
                        .enumerate()
                        .all(|(i, value)| is_near(i, value))
            {
                return Ok(Eigenpairs {
                    values,
                    vectors: found,
                });
            }
        }
    }
}

/// Unit vectors at right angles to each other and to the space, which span what the block adds to it.
fn orthonormal(space: &DMatrix<f64>, mut block: DMatrix<f64>) -> DMatrix<f64> {
    // What rounding leaves of the space the first time goes the second time.
    for _ in 0..2 {
        block -= space * space.tr_mul(&block);
        block = block.qr().q();
    }
    block
}

/// Puts the columns of a matrix behind those of another.
fn append(matrix: &mut DMatrix<f64>, columns: &DMatrix<f64>) {
    let before = matrix.ncols();
    let wider = std::mem::take(matrix).resize_horizontally(before + columns.ncols(), 0.0);
    *matrix = wider;
    matrix
        .columns_mut(before, columns.ncols())
        .copy_from(columns);
}
