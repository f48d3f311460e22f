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
        tracked: x.track_op(),
        first_maximum: OnceLock::new(),
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
    tracked: bool,
    /// For each window the position of its first maximum, row by row, for the backward pass.
    first_maximum: OnceLock<Vec<u8>>,
}

impl MaxPool2d {
    fn forward<T: Real>(&self, x: &[T]) -> candle_core::Result<Vec<T>> {
        let pool = self.pool;
        let windows = pool.out_height() * pool.out_width();
        let plane = pool.height * pool.width;
        let mut out = vec![T::default(); pool.out_dims().iter().product()];
        lanes::fill(&mut out, windows, x.len(), |first, out| {
            let x = x.get(first * plane..).unwrap_or_default();
            for (x, out) in x.chunks_exact(plane).zip(out.chunks_exact_mut(windows)) {
                self.window_rows(x, out, |row, out| self.maxima(row, out));
            }
            Ok(())
        })?;
        if self.tracked {
            let mut places = vec![0u8; out.len()];
            lanes::fill(&mut places, windows, x.len(), |first, places| {
                let x = x.get(first * plane..).unwrap_or_default();
                let out = out.get(first * windows..).unwrap_or_default();
                for ((x, out), places) in x
                    .chunks_exact(plane)
                    .zip(out.chunks_exact(windows))
                    .zip(places.chunks_exact_mut(windows))
                {
                    let rows = x.chunks_exact(pool.width * pool.size);
                    for ((x, out), places) in rows
                        .zip(out.chunks_exact(pool.out_width()))
                        .zip(places.chunks_exact_mut(pool.out_width()))
                    {
                        self.places(x, out, places);
                    }
                }
                Ok(())
            })?;
            // The op is applied once; were it applied again, the input would be the same.
            let _ = self.first_maximum.set(places);
        }
        Ok(out)
    }

    /// Calls `work` with each row of windows of a plane and its row of results.
    fn window_rows<T, R>(&self, x: &[T], out: &mut [R], work: impl Fn(&[T], &mut [R])) {
        let rows = x.chunks_exact(self.pool.width * self.pool.size);
        for (x, out) in rows.zip(out.chunks_exact_mut(self.pool.out_width())) {
            work(x, out);
        }
    }

    /// The maxima of a row of windows; as in PyTorch, a window that holds NaN has NaN as its maximum.
    fn maxima<T: Real>(&self, x: &[T], out: &mut [T]) {
        let size = self.pool.size;
        for (index, row) in x.chunks_exact(self.pool.width).enumerate() {
            for (out, window) in out.iter_mut().zip(row.chunks_exact(size)) {
                let mut best = if index == 0 { window[0] } else { *out };
                for &value in window {
                    best = larger(value, best);
                }
                *out = best;
            }
        }
    }

    /// The position of the first maximum of each window, found from the last position to the first.
    fn places<T: Real>(&self, x: &[T], maxima: &[T], places: &mut [u8]) {
        let size = self.pool.size;
        for (i, row) in x.chunks_exact(self.pool.width).enumerate().rev() {
            for ((window, &best), place) in row.chunks_exact(size).zip(maxima).zip(&mut *places) {
                for (j, &value) in window.iter().enumerate().rev() {
                    if value == best || is_nan(value) {
                        *place = (i * size + j) as u8;
                    }
                }
            }
        }
    }

    fn backward<T: Real>(&self, grad: &[T]) -> candle_core::Result<Vec<T>> {
        let pool = self.pool;
        let Some(places) = self.first_maximum.get() else {
            bail!("max_pool2d: gradient of an input that was not tracked");
        };
        let windows = pool.out_height() * pool.out_width();
        let plane = pool.height * pool.width;
        let mut out = vec![T::default(); pool.batch * pool.channels * plane];
        lanes::fill(&mut out, plane, grad.len() * pool.size, |first, out| {
            let grad = grad.get(first * windows..).unwrap_or_default();
            let places = places.get(first * windows..).unwrap_or_default();
            for ((out, grad), places) in out
                .chunks_exact_mut(plane)
                .zip(grad.chunks_exact(windows))
                .zip(places.chunks_exact(windows))
            {
                for ((out, grad), places) in out
                    .chunks_exact_mut(pool.width * pool.size)
                    .zip(grad.chunks_exact(pool.out_width()))
                    .zip(places.chunks_exact(pool.out_width()))
                {
                    self.spread(grad, places, out);
                }
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// Writes each gradient of a row of windows to its place and zero elsewhere in the windows.
    fn spread<T: Real>(&self, grad: &[T], places: &[u8], out: &mut [T]) {
        let size = self.pool.size;
        for (i, row) in out.chunks_exact_mut(self.pool.width).enumerate() {
            for ((window, &grad), &place) in row.chunks_exact_mut(size).zip(grad).zip(places) {
                for (j, to) in window.iter_mut().enumerate() {
                    let here = usize::from(place) == i * size + j;
                    *to = if here { grad } else { T::default() };
                }
            }
        }
    }
}

/// The larger of two values, and NaN if one of them is NaN.
fn larger<T: Real>(value: T, best: T) -> T {
    if value > best || is_nan(value) {
        value
    } else {
        best
    }
}

#[allow(clippy::eq_op)]
fn is_nan<T: Real>(value: T) -> bool {
    value != value
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
