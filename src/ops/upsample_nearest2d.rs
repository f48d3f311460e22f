//! Upsampling by repeating every pixel.

use candle_core::Tensor;

use super::check::{images, is_addressable};
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
    let [batch, channels, height, width] = images("upsample_nearest2d", x)?;
    if scale == 0 || !is_addressable(&[x.elem_count(), scale, scale]) {
        let expected = "at least 1, and a result that can be addressed";
        return Err(Error::argument("upsample_nearest2d scale", expected, scale));
    }
    // Pixels side by side, then rows below each other.
    let wide = x
        .unsqueeze(4)?
        .broadcast_as((batch, channels, height, width, scale))?
        .reshape((batch, channels, height, 1, width * scale))?;
    Ok(wide
        .broadcast_as((batch, channels, height, scale, width * scale))?
        .reshape((batch, channels, height * scale, width * scale))?)
}
