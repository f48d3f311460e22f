//! Max pooling over windows that do not overlap.

use candle_core::{D, DType, Tensor};

use super::check::misfit;
use crate::{Error, Result};

/// The maximum of each `size` x `size` window, without overlap (stride = `size`), as PyTorch's `nn.MaxPool2d(size)`:
/// rows and columns that fill no window are ignored, a window with a NaN has the maximum NaN, and the gradient goes to
/// the first maximum of a window, row by row.
///
/// # Shapes
/// (N, C, H, W) to (N, C, floor(H / size), floor(W / size)).
///
/// # Errors
/// [`Error::Argument`] if `size` is 0, [`Error::Layer`] if `x` is not (N, C, H, W) or smaller than a
/// window.
pub fn max_pool2d(x: &Tensor, size: usize) -> Result<Tensor> {
    if size == 0 {
        return Err(Error::argument("max_pool2d size", "at least 1", size));
    }
    let [batch, channels, height, width] = match *x.dims() {
        [batch, channels, height, width] if height >= size && width >= size => {
            [batch, channels, height / size, width / size]
        }
        _ => {
            let expected = format!("an input (N, C, H, W) with H and W at least {size}");
            return Err(misfit("max_pool2d", expected, x));
        }
    };
    // (N, C, H', size, W', size) -> (N, C, H', W', size size)
    let windows = x
        .narrow(2, 0, height * size)?
        .narrow(3, 0, width * size)?
        .contiguous()?
        .reshape(vec![batch, channels, height, size, width, size])?
        .permute([0, 1, 2, 4, 3, 5])?
        .reshape((batch, channels, height, width, size * size))?;
    let (maxima, places) = first_maxima(&windows.detach())?;
    let out = if windows.track_op() {
        windows.gather(&places, D::Minus1)?
    } else {
        maxima
    };
    Ok(out.squeeze(D::Minus1)?)
}

/// The first maxima along the last axis and their indices, both (..., size) to (..., 1); a NaN counts as the maximum.
/// On CUDA, candle's `argmax` does not return the first of equal maxima.
fn first_maxima(windows: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
    let value = |place: usize| windows.narrow(D::Minus1, place, 1)?.contiguous();
    let mut best = value(0)?;
    let mut places = Tensor::zeros(best.shape(), DType::U32, best.device())?;
    for place in 1..windows.dim(D::Minus1)? {
        let next = value(place)?;
        // A NaN is not <= the best value; a best value that is NaN is unequal to itself.
        let stays = next.le(&best)?.add(&best.ne(&best)?)?;
        let here = Tensor::full(place as u32, places.shape(), places.device())?;
        places = stays.where_cond(&places, &here)?;
        best = stays.where_cond(&best, &next)?;
    }
    Ok((best, places))
}
