//! Matrix products without packing.
//!
//! A general product packs both operands first, as it does not know their layout. Here the transforms write them as the
//! kernel reads them: rows of the left operand anywhere, the right operand in lines. Measured on one core of an AMD
//! EPYC (Zen 4, at most 118 GFLOP/s), in GFLOP/s, beside the `gemm` crate with AVX-512 (`cargo test --release --lib
//! products_per_second -- --ignored --nocapture`):
//!
//! | rows x columns x depth | gemm | here, AVX-512 | here, AVX2 | here, portable |
//! | --- | --- | --- | --- | --- |
//! | 12 x 64 x 32 | 76 | 110 | 106 | 15 |
//! | 16 x 128 x 128 | 112 | 117 | 109 | 15 |
//! | 56 x 128 x 64 | 104 | 116 | 108 | 15 |
//! | 64 x 256 x 784 | 109 | 118 | 108 | 15 |

mod block;
mod operands;
mod tail;
#[cfg(test)]
mod tests;

use pulp::Simd;

use super::isa::vectorize;
use super::lines::padded;
use block::panel;
pub(crate) use block::{load, store};
use operands::{Job, Offsets, PANEL, Step, Table};
pub(crate) use operands::{Left, Out, Places, Right, panel_place, panels_len, put_row};

/// Most rows of a panel that are used at once: they stay in the first-level cache.
const DEPTH: usize = 256;
/// The same for few rows of the left operand, which would read a panel once, slowly: the next panel continues the lines
/// of this one.
const SHALLOW: usize = 32;
/// Most rows of the left operand that are used with panels of this depth: they stay in the second-level cache.
const ROWS: usize = 512;
/// From this many rows, this depth and this distance between rows of the right operand on, copying its panels pays off:
/// lines a power of two apart share cache sets.
const WORTH_A_COPY: (usize, usize, usize) = (32, 64, 512);

/// `out = left right`, or `out += left right`.
///
/// # Shapes
/// `left` is (rows, depth), `right` is (depth, columns), `out` is (rows, columns).
///
/// # Panics
/// If an operand is shorter than its sizes say, which only a bug in the lowering can cause.
pub(crate) fn product<S: Simd>(
    simd: S,
    out: Out,
    (rows, columns, depth): (usize, usize, usize),
    left: Left,
    right: Right,
) {
    if rows == 0 || columns == 0 || depth == 0 {
        return;
    }
    assert!(left.rows.last(rows) + left.steps.last(depth) < left.data.len());
    assert!(out.rows.last(rows) + columns <= out.data.len());
    if let Places::Every(row) = out.rows {
        assert!(columns <= row);
    }
    match right {
        Right::Panels(data) => assert!(panels_len(depth, columns) <= data.len()),
        Right::Rows(data, row) => {
            assert!(columns <= row && (depth - 1) * row + columns <= data.len());
        }
        Right::At(data, places) => {
            assert!(Places::At(places).last(depth) + columns <= data.len());
        }
    }
    if let Right::Rows(right, row) = right
        && rows >= WORTH_A_COPY.0
        && depth >= WORTH_A_COPY.1
        && row >= WORTH_A_COPY.2
    {
        return by_copies(simd, out, (rows, columns, depth), left, (right, row));
    }
    let job = Job {
        rows,
        depth,
        left: left.data.as_ptr(),
        left_rows: left.rows,
        out_rows: out.rows,
        accumulate: out.accumulate,
    };
    let out = out.data.as_mut_ptr();
    match left.steps {
        Places::Every(step) => blocks(simd, job, Step(step), right, out, columns),
        Places::At(places) => blocks(simd, job, Table(places.as_ptr()), right, out, columns),
    }
}

/// A product in blocks for the caches.
#[inline(always)]
fn blocks<S: Simd, L: Offsets>(
    simd: S,
    job: Job,
    left: L,
    right: Right,
    out: *mut f32,
    columns: usize,
) {
    let most = match right {
        Right::Rows(..) if job.rows < 16 => SHALLOW,
        _ => DEPTH,
    };
    // Most products are small, and the divisions below take as long as a part of them.
    if job.rows <= ROWS && job.depth <= most {
        return all_columns(simd, job, left, (right, 0, job.depth), out, columns);
    }
    let at_once = job.depth.div_ceil(job.depth.div_ceil(most));
    for row in (0..job.rows).step_by(ROWS) {
        for first in (0..job.depth).step_by(at_once) {
            // SAFETY: `product` has asserted that every element of the rows and steps of all operands lies in their
            // data; `row` and `first` are among them.
            let (part, left, out) = unsafe {
                let (left_row, left_rows) = job.left_rows.from(row);
                let (out_row, out_rows) = job.out_rows.from(row);
                let (step, left) = left.from(first);
                let part = Job {
                    rows: ROWS.min(job.rows - row),
                    depth: at_once.min(job.depth - first),
                    left: job.left.add(left_row + step),
                    left_rows,
                    out_rows,
                    accumulate: job.accumulate || first > 0,
                };
                (part, left, out.add(out_row))
            };
            all_columns(simd, part, left, (right, first, job.depth), out, columns);
        }
    }
}

/// The columns of a block, a panel at a time. Its right operand are the rows from `first` on of `depth`.
fn all_columns<S: Simd, L: Offsets>(
    simd: S,
    job: Job,
    left: L,
    (right, first, depth): (Right, usize, usize),
    out: *mut f32,
    columns: usize,
) {
    vectorize(
        simd,
        #[inline(always)]
        || {
            let mut column = 0;
            while column < columns {
                let rest = columns - column;
                // SAFETY: `product` has asserted that all rows and columns lie in the operands' data; panels before
                // this one hold `depth * column` values, and `first` rows of this one come before.
                column += unsafe {
                    let out = out.add(column);
                    let (from, row, width) = match right {
                        Right::Panels(data) => {
                            let width = PANEL.min(padded(rest));
                            let place = depth * column + first * width;
                            (data.as_ptr().add(place), width, width)
                        }
                        Right::Rows(data, row) => {
                            (data.as_ptr().add(first * row + column), row, PANEL)
                        }
                        Right::At(data, places) => {
                            let places = Table(places.as_ptr().add(first));
                            let right = (data.as_ptr().add(column), places);
                            panel(simd, job, left, right, out, PANEL.min(rest));
                            column += PANEL;
                            continue;
                        }
                    };
                    panel(simd, job, left, (from, Step(row)), out, width.min(rest));
                    width
                };
            }
        },
    );
}

/// A product whose right operand is copied a panel at a time.
fn by_copies<S: Simd>(
    simd: S,
    out: Out,
    (rows, columns, depth): (usize, usize, usize),
    left: Left,
    (right, row): (&[f32], usize),
) {
    let mut copy = [0.0; DEPTH * PANEL];
    for first in (0..depth).step_by(DEPTH) {
        let here = DEPTH.min(depth - first);
        let left = left.skip_steps(first);
        for column in (0..columns).step_by(PANEL) {
            let width = PANEL.min(columns - column);
            for (k, to) in copy.chunks_exact_mut(PANEL).take(here).enumerate() {
                to[..width].copy_from_slice(&right[(first + k) * row + column..][..width]);
            }
            let out = Out {
                data: &mut out.data[column..],
                rows: out.rows,
                accumulate: out.accumulate || first > 0,
            };
            product(
                simd,
                out,
                (rows, width, here),
                left,
                Right::Rows(&copy, PANEL),
            );
        }
    }
}
