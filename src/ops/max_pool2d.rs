//! Max pooling over windows that do not overlap.

use std::sync::OnceLock;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor, bail};

use super::composed;
use super::kernel::lanes;
use super::kernel::real::{Real, elements, has_kernel, storage, tensor, with_elements, with_real};
use crate::{Error, Result};

/// The largest window whose positions fit the byte that the kernel keeps for each of them.
const MAX_KERNEL_SIZE: usize = 16;

/// The largest value of each `size` x `size` window, windows side by side (stride = `size`), as
/// PyTorch's `nn.MaxPool2d(size)`: rows and columns that fill no window are left out, and the gradient
/// goes to the first maximum of a window, row by row.
///
/// # Shapes
/// (N, C, H, W) to (N, C, floor(H / size), floor(W / size)).
///
/// # Errors
/// [`Error::Argument`] if `size` is 0, [`Error::Layer`] if `x` is not (N, C, H, W) or smaller than a
/// window.
pub fn max_pool2d(x: &Tensor, size: usize) -> Result<Tensor> {
    let pool = Pool::new(x, size)?;
    if !has_kernel(&[x]) || size > MAX_KERNEL_SIZE {
        return composed::max_pool2d(x, size);
    }
    Ok(x.contiguous()?.apply_op1(MaxPool2d {
        pool,
        places: OnceLock::new(),
    })?)
}

/// The sizes of a pooling that has been found to fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    pub batch: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub size: usize,
}

impl Pool {
    /// Checks what [`max_pool2d`] is given.
    pub fn new(x: &Tensor, size: usize) -> Result<Self> {
        if size == 0 {
            return Err(Error::argument("max_pool2d size", "at least 1", size));
        }
        match *x.dims() {
            [batch, channels, height, width] if height >= size && width >= size => Ok(Self {
                batch,
                channels,
                height,
                width,
                size,
            }),
            _ => Err(Error::layer(
                "max_pool2d",
                format!("an input (N, C, H, W) with H and W at least {size}"),
                format!("{:?}", x.dims()),
            )),
        }
    }

    pub fn out_height(&self) -> usize {
        self.height / self.size
    }

    pub fn out_width(&self) -> usize {
        self.width / self.size
    }

    fn out_dims(&self) -> [usize; 4] {
        [
            self.batch,
            self.channels,
            self.out_height(),
            self.out_width(),
        ]
    }
}

struct MaxPool2d {
    pool: Pool,
    /// For each window the position of its first maximum, row by row, for the backward pass.
    places: OnceLock<Vec<u8>>,
}

impl MaxPool2d {
    fn forward<T: Real>(&self, x: &[T]) -> candle_core::Result<Vec<T>> {
        let pool = self.pool;
        let (plane, windows) = (
            pool.height * pool.width,
            pool.out_height() * pool.out_width(),
        );
        let mut out = vec![T::default(); pool.out_dims().iter().product()];
        let mut places = vec![0u8; out.len()];
        lanes::fill_both(
            &mut out,
            &mut places,
            windows,
            x.len(),
            |first, out, places| {
                let planes = x.get(first * plane..).unwrap_or_default();
                for ((x, out), places) in planes
                    .chunks_exact(plane)
                    .zip(out.chunks_exact_mut(windows))
                    .zip(places.chunks_exact_mut(windows))
                {
                    for ((x, out), places) in x
                        .chunks_exact(pool.width * pool.size)
                        .zip(out.chunks_exact_mut(pool.out_width()))
                        .zip(places.chunks_exact_mut(pool.out_width()))
                    {
                        match pool.size {
                            2 => maxima_of_four(x, pool.width, out, places),
                            size => maxima(x, pool.width, size, out, places),
                        }
                    }
                }
                Ok(())
            },
        )?;
        // Were the op applied again to the same input, the places would be the same.
        let _ = self.places.set(places);
        Ok(out)
    }

    /// Windows do not overlap, so every input takes one gradient or none.
    fn backward<T: Real>(&self, grad: &[T]) -> candle_core::Result<Vec<T>> {
        let pool = self.pool;
        let Some(places) = self.places.get() else {
            bail!("max_pool2d: the backward pass came before the forward pass");
        };
        let (plane, windows) = (
            pool.height * pool.width,
            pool.out_height() * pool.out_width(),
        );
        // How far from the first element of its window each place lies on the plane.
        let offsets: [usize; 256] =
            std::array::from_fn(|place| place / pool.size * pool.width + place % pool.size);
        let mut out = vec![T::default(); pool.batch * pool.channels * plane];
        lanes::fill(&mut out, plane, 4 * grad.len(), |first, out| {
            let grad = grad.get(first * windows..).unwrap_or_default();
            let places = places.get(first * windows..).unwrap_or_default();
            let rows = grad
                .chunks_exact(pool.out_width())
                .zip(places.chunks_exact(pool.out_width()));
            // The first out_height rows of windows of every plane; what lies below gets nothing.
            let starts = (0..out.len()).step_by(plane).flat_map(|plane| {
                (0..pool.out_height()).map(move |row| plane + row * pool.size * pool.width)
            });
            for ((grad, places), start) in rows.zip(starts) {
                for (column, (&grad, &place)) in grad.iter().zip(places).enumerate() {
                    let at = start + column * pool.size + offsets[usize::from(place)];
                    if let Some(out) = out.get_mut(at) {
                        *out = grad;
                    }
                }
            }
            Ok(())
        })?;
        Ok(out)
    }
}

/// The maxima of a row of `size` x `size` windows and their first places. As in PyTorch, a window that
/// holds NaN has NaN as its maximum.
fn maxima<T: Real>(x: &[T], width: usize, size: usize, out: &mut [T], places: &mut [u8]) {
    for (i, row) in x.chunks_exact(width).enumerate() {
        for ((window, out), place) in row.chunks_exact(size).zip(&mut *out).zip(&mut *places) {
            for (j, &value) in window.iter().enumerate() {
                if (i == 0 && j == 0) || exceeds(value, *out) {
                    *out = value;
                    *place = (i * size + j) as u8;
                }
            }
        }
    }
}

/// [`maxima`] of 2 x 2 windows without a branch, which would be mispredicted half of the time.
fn maxima_of_four<T: Real>(x: &[T], width: usize, out: &mut [T], places: &mut [u8]) {
    let (above, below) = x.split_at(width);
    let windows = above
        .as_chunks::<2>()
        .0
        .iter()
        .zip(below.as_chunks::<2>().0);
    for (((&[a, b], &[c, d]), out), place) in windows.zip(out).zip(places) {
        let (right_above, right_below) = (exceeds(b, a), exceeds(d, c));
        let above = if right_above { b } else { a };
        let below = if right_below { d } else { c };
        let lower = exceeds(below, above);
        *out = if lower { below } else { above };
        let right = if lower { right_below } else { right_above };
        *place = 2 * u8::from(lower) + u8::from(right);
    }
}

/// Whether a value takes the place of the best so far: if it is larger, or NaN.
#[allow(clippy::eq_op)]
fn exceeds<T: Real>(value: T, best: T) -> bool {
    (value > best) | (value != value)
}

impl CustomOp1 for MaxPool2d {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_real!(x.dtype(), T => {
            let out = self.forward(elements::<T>(x, layout)?)?;
            Ok((storage(out), Shape::from_dims(&self.pool.out_dims())))
        })
    }

    fn bwd(&self, x: &Tensor, _out: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        with_real!(x.dtype(), T => {
            let out = with_elements::<T, _>(grad, |grad| self.backward(grad))?;
            Ok(Some(tensor(out, x.dims())?))
        })
    }
}
