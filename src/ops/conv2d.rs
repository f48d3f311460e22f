//! Two-dimensional convolution.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};

use super::composed;
use super::kernel::columns::Geometry;
use super::kernel::convolution::{Convolution, channel_sums};
use super::kernel::real::{Real, elements, has_kernel, storage, tensor, with_elements, with_real};
use crate::{Error, Result};

/// Convolution (cross-correlation, as in PyTorch's `nn.Conv2d`) with zero padding on all sides:
///
/// ```text
/// y[n, o, i, j] = b[o] + sum over c, u, v of
///                 w[o, c, u, v] x[n, c, i stride + u - padding, j stride + v - padding]
/// ```
///
/// # Shapes
/// `x` is (N, C, H, W), `weight` is (O, C, kh, kw), `bias` is (O). The result is (N, O, H', W') with
/// H' = floor((H + 2 padding - kh) / stride) + 1, and W' likewise.
///
/// # Errors
/// [`Error::Layer`] if the shapes do not fit each other or the kernel is larger than the padded
/// image; [`Error::Argument`] if `stride` is 0.
///
/// # Source
/// Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016
/// (<https://arxiv.org/abs/1603.07285>).
pub fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: usize,
    padding: usize,
) -> Result<Tensor> {
    let op = Conv2d {
        shape: Conv2dShape::new(x, weight, bias, stride, padding)?,
    };
    if !has_kernel(&[x, weight, bias.unwrap_or(weight)]) || x.elem_count() == 0 {
        return composed::conv2d(x, weight, bias, stride, padding);
    }
    // Without biases the kernel gets an empty tensor of them.
    let biases = match bias {
        Some(bias) => bias.contiguous()?,
        None => Tensor::zeros(0, x.dtype(), x.device())?,
    };
    Ok(x.contiguous()?
        .apply_op3(&weight.contiguous()?, &biases, op)?)
}

/// The sizes of a convolution that has been found to fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv2dShape {
    pub batch: usize,
    pub in_channels: usize,
    pub out_channels: usize,
    pub geometry: Geometry,
}

impl Conv2dShape {
    /// Checks what [`conv2d`] is given.
    pub fn new(
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        stride: usize,
        padding: usize,
    ) -> Result<Self> {
        let misfit = |expected: &str, found: String| Error::layer("conv2d", expected, found);
        if stride == 0 {
            return Err(Error::argument("conv2d stride", "at least 1", stride));
        }
        let &[batch, in_channels, height, width] = x.dims() else {
            return Err(misfit("an input (N, C, H, W)", format!("{:?}", x.dims())));
        };
        let &[out_channels, channels, kernel_height, kernel_width] = weight.dims() else {
            let found = format!("{:?}", weight.dims());
            return Err(misfit("a weight (O, C, kh, kw)", found));
        };
        if weight.elem_count() == 0 || channels != in_channels {
            let found = format!("{:?}", weight.dims());
            return Err(misfit(
                &format!("a weight (O, {in_channels}, kh, kw), no size 0"),
                found,
            ));
        }
        if let Some(bias) = bias
            && bias.dims() != [out_channels]
        {
            let found = format!("{:?}", bias.dims());
            return Err(misfit(&format!("a bias ({out_channels})"), found));
        }
        let grid = |size: usize, kernel: usize| {
            let padded = padding.checked_mul(2)?.checked_add(size)?;
            Some(padded.checked_sub(kernel)? / stride + 1)
        };
        let grids = grid(height, kernel_height)
            .zip(grid(width, kernel_width))
            .filter(|&(grid_height, grid_width)| {
                [
                    grid_height,
                    grid_width,
                    batch,
                    out_channels.max(in_channels),
                ]
                .into_iter()
                .chain([kernel_height, kernel_width, size_of::<f64>()])
                .try_fold(1usize, usize::checked_mul)
                .is_some_and(|bytes| isize::try_from(bytes).is_ok())
            });
        let Some((grid_height, grid_width)) = grids else {
            return Err(misfit(
                &format!("an image that holds a {kernel_height}x{kernel_width} kernel"),
                format!("{height}x{width} with padding {padding}"),
            ));
        };
        Ok(Self {
            batch,
            in_channels,
            out_channels,
            geometry: Geometry {
                height,
                width,
                kernel_height,
                kernel_width,
                stride,
                padding,
                grid_height,
                grid_width,
                first_row: 0,
            },
        })
    }

    /// The convolution as it is written: x are the images, the result is the grids.
    fn direct(&self) -> Convolution {
        Convolution {
            geometry: self.geometry,
            images: self.batch,
            image_channels: self.in_channels,
            grid_channels: self.out_channels,
        }
    }

    /// With stride 1, the same convolution seen from the other side: the results are the images, x is
    /// the grids, and each kernel element moves to the opposite place. Columns hold every channel of
    /// their images once for each kernel element, so the side with fewer channels should be images.
    fn mirrored(&self) -> Option<Convolution> {
        let g = self.geometry;
        let padding = (g.kernel_height.checked_sub(1 + g.padding))
            .filter(|_| g.kernel_height == g.kernel_width && g.stride == 1)?;
        (self.out_channels < self.in_channels).then_some(Convolution {
            geometry: Geometry {
                height: g.grid_height,
                width: g.grid_width,
                padding,
                grid_height: g.height,
                grid_width: g.width,
                ..g
            },
            images: self.batch,
            image_channels: self.out_channels,
            grid_channels: self.in_channels,
        })
    }

    fn out_dims(&self) -> [usize; 4] {
        let g = self.geometry;
        [self.batch, self.out_channels, g.grid_height, g.grid_width]
    }

    fn in_dims(&self) -> [usize; 4] {
        let g = self.geometry;
        [self.batch, self.in_channels, g.height, g.width]
    }
}

/// A kernel (outer, inner, taps) as (inner, outer, taps), each list of taps from its end.
fn mirror<T: Real>(kernel: &[T], outer: usize, inner: usize, taps: usize) -> Vec<T> {
    let mut out = vec![T::default(); kernel.len()];
    for (index, from) in kernel.chunks_exact(taps).enumerate() {
        let (o, i) = (index / inner, index % inner);
        let to = &mut out[(i * outer + o) * taps..][..taps];
        for (to, &value) in to.iter_mut().zip(from.iter().rev()) {
            *to = value;
        }
    }
    out
}

struct Conv2d {
    shape: Conv2dShape,
}

impl Conv2d {
    fn forward<T: Real>(&self, x: &[T], weight: &[T], bias: &[T]) -> candle_core::Result<Vec<T>> {
        let shape = &self.shape;
        let mut out = vec![T::default(); shape.out_dims().iter().product()];
        match shape.mirrored() {
            Some(mirrored) => {
                let kernel = self.mirrored_kernel(weight);
                mirrored.images_from_grids(x, &kernel, bias, &mut out)?;
            }
            None => shape
                .direct()
                .grids_from_images(x, weight, bias, &mut out)?,
        }
        Ok(out)
    }

    fn input_gradient<T: Real>(&self, weight: &[T], grad: &[T]) -> candle_core::Result<Tensor> {
        let shape = &self.shape;
        let mut out = vec![T::default(); shape.in_dims().iter().product()];
        match shape.mirrored() {
            Some(mirrored) => {
                let kernel = self.mirrored_kernel(weight);
                mirrored.grids_from_images(grad, &kernel, &[], &mut out)?;
            }
            None => shape
                .direct()
                .images_from_grids(grad, weight, &[], &mut out)?,
        }
        tensor(out, &shape.in_dims())
    }

    fn weight_gradient<T: Real>(&self, x: &[T], grad: &[T]) -> candle_core::Result<Tensor> {
        let shape = &self.shape;
        let taps = shape.geometry.taps();
        let gradient = match shape.mirrored() {
            Some(mirrored) => {
                let gradient = mirrored.kernel_gradient(grad, x)?;
                mirror(&gradient, shape.in_channels, shape.out_channels, taps)
            }
            None => shape.direct().kernel_gradient(x, grad)?,
        };
        let g = shape.geometry;
        let dims = [
            shape.out_channels,
            shape.in_channels,
            g.kernel_height,
            g.kernel_width,
        ];
        tensor(gradient, &dims)
    }

    /// The kernel of [`Conv2dShape::mirrored`]: (C, O, taps).
    fn mirrored_kernel<T: Real>(&self, weight: &[T]) -> Vec<T> {
        let shape = &self.shape;
        let taps = shape.geometry.taps();
        mirror(weight, shape.out_channels, shape.in_channels, taps)
    }

    /// The gradients of x, weight and bias; None for what nobody asked a gradient of.
    fn backward<T: Real>(
        &self,
        (x, weight, bias): (&Tensor, &Tensor, &Tensor),
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        with_elements::<T, _>(grad, |grad| {
            let x_grad = (x.track_op())
                .then(|| with_elements(weight, |weight| self.input_gradient::<T>(weight, grad)))
                .transpose()?;
            let weight_grad = (weight.track_op())
                .then(|| with_elements(x, |x| self.weight_gradient::<T>(x, grad)))
                .transpose()?;
            let (channels, plane) = (self.shape.out_channels, self.shape.geometry.grid());
            let bias_grad = (bias.track_op())
                .then(|| tensor(channel_sums(grad, channels, plane)?, &[channels]))
                .transpose()?;
            Ok((x_grad, weight_grad, bias_grad))
        })
    }
}

impl CustomOp3 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        with_real!(x.dtype(), T => {
            let (x, weight) = (elements::<T>(x, x_layout)?, elements(weight, weight_layout)?);
            let out = self.forward(x, weight, elements(bias, bias_layout)?)?;
            Ok((storage(out), Shape::from_dims(&self.shape.out_dims())))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        with_real!(x.dtype(), T => self.backward::<T>((x, weight, bias), grad))
    }
}
