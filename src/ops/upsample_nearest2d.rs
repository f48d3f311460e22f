//! Upsampling by repeating every pixel.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::composed;
use super::kernel::lanes;
use super::kernel::real::{Real, elements, has_kernel, storage, tensor, with_elements, with_real};
use crate::{Error, Result};

/// Every pixel as a block of `scale` x `scale` pixels, as PyTorch's `nn.Upsample(scale_factor = scale)`
/// in its mode "nearest": y[n, c, i, j] = x[n, c, floor(i / scale), floor(j / scale)].
///
/// # Shapes
/// (N, C, H, W) to (N, C, scale H, scale W).
///
/// # Errors
/// [`Error::Argument`] if `scale` is 0 or the result would be too large to address, [`Error::Layer`]
/// if `x` is not (N, C, H, W).
pub fn upsample_nearest2d(x: &Tensor, scale: usize) -> Result<Tensor> {
    let upsample = UpsampleNearest2d::new(x, scale)?;
    if !has_kernel(&[x]) || x.elem_count() == 0 {
        return composed::upsample_nearest2d(x, scale);
    }
    Ok(x.contiguous()?.apply_op1(upsample)?)
}

/// The sizes of an upsampling that has been found to fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct UpsampleNearest2d {
    pub dims: [usize; 4],
    pub scale: usize,
}

impl UpsampleNearest2d {
    /// Checks what [`upsample_nearest2d`] is given.
    pub fn new(x: &Tensor, scale: usize) -> Result<Self> {
        let &[batch, channels, height, width] = x.dims() else {
            return Err(Error::layer(
                "upsample_nearest2d",
                "an input (N, C, H, W)",
                format!("{:?}", x.dims()),
            ));
        };
        let bytes = [x.elem_count(), scale, scale, size_of::<f64>()]
            .into_iter()
            .try_fold(1usize, usize::checked_mul);
        if scale == 0 || bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
            let expected = "at least 1, and a result that can be addressed";
            return Err(Error::argument("upsample_nearest2d scale", expected, scale));
        }
        Ok(Self {
            dims: [batch, channels, height, width],
            scale,
        })
    }

    pub fn out_dims(&self) -> [usize; 4] {
        let [batch, channels, height, width] = self.dims;
        [batch, channels, height * self.scale, width * self.scale]
    }

    fn forward<T: Real>(&self, x: &[T]) -> candle_core::Result<Vec<T>> {
        let [.., height, width] = self.dims;
        let (scale, out_width) = (self.scale, width * self.scale);
        let (from, to) = (height * width, height * width * scale * scale);
        let mut out = vec![T::default(); self.out_dims().iter().product()];
        let len = out.len();
        lanes::fill(&mut out, to, len, |first, out| {
            let x = x.get(first * from..).unwrap_or_default();
            for (x, rows) in x
                .chunks_exact(width)
                .zip(out.chunks_exact_mut(scale * out_width))
            {
                let (row, copies) = rows.split_at_mut(out_width);
                if scale == 2 {
                    for (pair, &value) in row.as_chunks_mut::<2>().0.iter_mut().zip(x) {
                        *pair = [value; 2];
                    }
                } else {
                    for (block, &value) in row.chunks_exact_mut(scale).zip(x) {
                        block.fill(value);
                    }
                }
                for copy in copies.chunks_exact_mut(out_width) {
                    copy.copy_from_slice(row);
                }
            }
            Ok(())
        })?;
        Ok(out)
    }

    /// The sum of the gradients of each block.
    fn backward<T: Real>(&self, grad: &[T]) -> candle_core::Result<Vec<T>> {
        let [batch, channels, height, width] = self.dims;
        let (scale, out_width) = (self.scale, width * self.scale);
        let (from, to) = (height * width * scale * scale, height * width);
        let mut out = vec![T::default(); batch * channels * to];
        lanes::fill(&mut out, to, grad.len(), |first, out| {
            let grad = grad.get(first * from..).unwrap_or_default();
            for (out, rows) in out
                .chunks_exact_mut(width)
                .zip(grad.chunks_exact(scale * out_width))
            {
                if scale == 2 {
                    let (above, below) = rows.split_at(out_width);
                    let above = above.as_chunks::<2>().0.iter();
                    let below = below.as_chunks::<2>().0.iter();
                    for ((sum, &[a, b]), &[c, d]) in out.iter_mut().zip(above).zip(below) {
                        *sum = (a + b) + (c + d);
                    }
                    continue;
                }
                for row in rows.chunks_exact(out_width) {
                    for (sum, block) in out.iter_mut().zip(row.chunks_exact(scale)) {
                        for &value in block {
                            *sum += value;
                        }
                    }
                }
            }
            Ok(())
        })?;
        Ok(out)
    }
}

impl CustomOp1 for UpsampleNearest2d {
    fn name(&self) -> &'static str {
        "upsample_nearest2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_real!(x.dtype(), T => {
            let out = self.forward(elements::<T>(x, layout)?)?;
            Ok((storage(out), Shape::from_dims(&self.out_dims())))
        })
    }

    fn bwd(&self, x: &Tensor, _out: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        with_real!(x.dtype(), T => {
            let out = with_elements::<T, _>(grad, |grad| self.backward(grad))?;
            Ok(Some(tensor(out, &self.dims)?))
        })
    }
}
