//! The operations composed from candle's, right in value and gradient on any device and for any float
//! type: the reference for the CPU kernels, and what runs on other devices.
//!
//! They avoid what candle 0.11 gets wrong: gradients of its max pooling (shared out wrongly), of its
//! nearest upsampling (overwrites what other uses of the tensor added) and of its convolution (slow,
//! and wrong on Metal); and the places of equal maxima, which its argmax does not find in order on CUDA.

use candle_core::{D, DType, Tensor};

use super::activation::check_slope;
use super::bce;
use super::conv2d::Conv2dShape;
use super::kernel::real::without_kernels;
use super::linear::Linear;
use super::max_pool2d::Pool;
use super::upsample_nearest2d::UpsampleNearest2d;
use crate::Result;

pub use super::composed_pointwise::pointwise;

/// Runs `work` as another device than the CPU would: on this thread, networks, engines and optimisers use
/// the compositions in place of the CPU kernels.
///
/// ```
/// use autoencode::ops::{composed, max_pool2d};
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 2.], [3., 4.]]]], &Device::Cpu)?;
/// let (kernel, composition) = (max_pool2d(&x, 2)?, composed::only(|| max_pool2d(&x, 2))?);
/// assert_eq!(kernel.flatten_all()?.to_vec1::<f32>()?, [4.0]);
/// assert_eq!(composition.flatten_all()?.to_vec1::<f32>()?, [4.0]);
/// # Ok::<(), autoencode::Error>(())
/// ```
pub fn only<R>(work: impl FnOnce() -> R) -> R {
    without_kernels(work)
}

/// [`super::conv2d`] as one slice of the padded input for each kernel element and one matrix product.
///
/// # Shapes
/// See [`super::conv2d`].
///
/// # Errors
/// See [`super::conv2d`].
pub fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: usize,
    padding: usize,
) -> Result<Tensor> {
    let shape = Conv2dShape::new(x, weight, bias, stride, padding)?;
    let g = shape.geometry;
    let (batch, channels) = (shape.batch, shape.in_channels);
    // Behind the image there are stride - 1 more zeros, so that every slice has whole strides.
    let padded = x
        .pad_with_zeros(2, padding, padding + stride - 1)?
        .pad_with_zeros(3, padding, padding + stride - 1)?;
    let width = padded.dim(3)?;
    let mut slices = Vec::with_capacity(g.taps());
    for i in 0..g.kernel_height {
        let rows = padded
            .narrow(2, i, g.grid_height * stride)?
            .contiguous()?
            .reshape((batch, channels, g.grid_height, stride, width))?
            .narrow(3, 0, 1)?
            .squeeze(3)?;
        for j in 0..g.kernel_width {
            let slice = rows
                .narrow(3, j, g.grid_width * stride)?
                .contiguous()?
                .reshape((batch, channels, g.grid_height, g.grid_width, stride))?
                .narrow(4, 0, 1)?
                .squeeze(4)?;
            slices.push(slice);
        }
    }
    let depth = channels * g.taps();
    // (N, C, taps, H', W') -> (N H' W', C taps)
    let columns = Tensor::stack(&slices, 2)?
        .reshape((batch, depth, g.grid()))?
        .transpose(1, 2)?
        .contiguous()?
        .reshape((batch * g.grid(), depth))?;
    let kernel = weight.reshape((shape.out_channels, depth))?;
    // (N H' W', O) -> (N, O, H', W')
    let out = linear(&columns, &kernel, bias)?
        .reshape((batch, g.grid(), shape.out_channels))?
        .transpose(1, 2)?
        .contiguous()?;
    Ok(out.reshape((batch, shape.out_channels, g.grid_height, g.grid_width))?)
}

/// [`super::max_pool2d`] as windows along a last axis, the places of their first maxima, and a gather.
///
/// # Shapes
/// See [`super::max_pool2d`].
///
/// # Errors
/// See [`super::max_pool2d`].
pub fn max_pool2d(x: &Tensor, size: usize) -> Result<Tensor> {
    let pool = Pool::new(x, size)?;
    let (height, width) = (pool.out_height(), pool.out_width());
    // (N, C, H', size, W', size) -> (N, C, H', W', size size)
    let windows = x
        .narrow(2, 0, height * size)?
        .narrow(3, 0, width * size)?
        .contiguous()?
        .reshape(vec![pool.batch, pool.channels, height, size, width, size])?
        .permute([0, 1, 2, 4, 3, 5])?
        .contiguous()?
        .reshape((pool.batch, pool.channels, height, width, size * size))?;
    Ok(windows
        .gather(&first_maxima(&windows.detach())?, D::Minus1)?
        .squeeze(D::Minus1)?)
}

/// The places of the first maxima along the last axis, (..., size) to (..., 1); that of a NaN where there is
/// one.
fn first_maxima(windows: &Tensor) -> candle_core::Result<Tensor> {
    let value = |place: usize| windows.narrow(D::Minus1, place, 1)?.contiguous();
    let mut best = value(0)?;
    let mut places = Tensor::zeros(best.shape(), DType::U32, best.device())?;
    for place in 1..windows.dim(D::Minus1)? {
        let next = value(place)?;
        // A NaN is not at most the best; one that is the best is unequal to itself.
        let stays = next.le(&best)?.add(&best.ne(&best)?)?;
        let here = Tensor::full(place as u32, places.shape(), places.device())?;
        places = stays.where_cond(&places, &here)?;
        best = stays.where_cond(&best, &next)?;
    }
    Ok(places)
}

/// [`super::upsample_nearest2d`] as two new axes to repeat along.
///
/// # Shapes
/// See [`super::upsample_nearest2d`].
///
/// # Errors
/// See [`super::upsample_nearest2d`].
pub fn upsample_nearest2d(x: &Tensor, scale: usize) -> Result<Tensor> {
    let upsample = UpsampleNearest2d::new(x, scale)?;
    let [batch, channels, height, width] = upsample.dims;
    // (N, C, H, 1, W, 1) -> (N, C, H, scale, W, scale)
    let blocks = x
        .unsqueeze(3)?
        .unsqueeze(5)?
        .broadcast_as(vec![batch, channels, height, scale, width, scale])?
        .contiguous()?;
    Ok(blocks.reshape(upsample.out_dims().to_vec())?)
}

/// [`super::relu`] as a choice between x and 0.
///
/// # Shapes
/// See [`super::relu`].
///
/// # Errors
/// See [`super::relu`].
pub fn relu(x: &Tensor) -> Result<Tensor> {
    Ok(x.le(0.0)?.where_cond(&x.zeros_like()?, x)?)
}

/// [`super::leaky_relu`] as a choice between x and `slope` x.
///
/// # Shapes
/// See [`super::leaky_relu`].
///
/// # Errors
/// See [`super::leaky_relu`].
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    check_slope(slope)?;
    Ok(x.le(0.0)?.where_cond(&(x * slope)?, x)?)
}

/// [`super::sigmoid`] as candle-nn's.
///
/// # Shapes
/// See [`super::sigmoid`].
///
/// # Errors
/// See [`super::sigmoid`].
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    Ok(candle_nn::ops::sigmoid(x)?)
}

/// [`super::bce_with_logits_sum`], summed in f32 for types of fewer bits.
///
/// max(x, 0) is written x / 2 + |x| / 2: whatever |x| has for a derivative at 0, it cancels against
/// that of the logarithm, and sigmoid(0) - t remains.
///
/// # Shapes
/// See [`super::bce_with_logits_sum`].
///
/// # Errors
/// See [`super::bce_with_logits_sum`].
pub fn bce_with_logits_sum(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    bce::check(logits, targets)?;
    let dtype = match logits.dtype() {
        DType::F64 => DType::F64,
        _ => DType::F32,
    };
    let (x, t) = (logits.to_dtype(dtype)?, targets.to_dtype(dtype)?);
    let abs = x.abs()?;
    let positive = ((&x * 0.5)? + (&abs * 0.5)?)?;
    let log = (abs.neg()?.exp()? + 1.0)?.log()?;
    Ok(((positive - (x * t)?)? + log)?.sum_all()?)
}

/// [`super::linear`] as a matrix product and a broadcast sum.
///
/// # Shapes
/// See [`super::linear`].
///
/// # Errors
/// See [`super::linear`].
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    Linear::new(x, weight, bias)?;
    let product = x.matmul(&weight.t()?)?;
    Ok(match bias {
        Some(bias) => product.broadcast_add(bias)?,
        None => product,
    })
}
