//! Transposed convolution without overlap.

use candle_core::Tensor;

use super::linear::linear_rows;
use crate::{Error, Result};

/// The transposed convolution whose kernel is as large as its stride, as PyTorch's
/// `nn.ConvTranspose2d(C, O, kernel_size=scale, stride=scale)`: every pixel becomes a block of
/// `scale` x `scale` pixels, and blocks do not overlap:
///
/// ```text
/// y[n, o, i scale + u, j scale + v] = b[o] + sum over c of x[n, c, i, j] w[c, o, u, v]
/// ```
///
/// # Shapes
/// `x` is (N, C, H, W), `weight` is (C, O, scale, scale), `bias` is (O). The result is
/// (N, O, scale H, scale W).
///
/// # Errors
/// [`Error::Argument`] if `scale` is 0, [`Error::Layer`] if the shapes do not fit each other or the result
/// would be too large to address.
///
/// # Source
/// Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016
/// (<https://arxiv.org/abs/1603.07285>), chapter 4.
pub fn conv_transpose2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    scale: usize,
) -> Result<Tensor> {
    let [batch, channels, height, width] = check(x, weight, bias, scale)?;
    let outputs = weight.dim(1)?;
    let block = outputs * scale * scale;
    let kernel = weight.reshape((channels, block))?.t()?;
    // Repeat the bias for every element of a block.
    let biases = bias
        .map(|bias| {
            let blocks = bias.unsqueeze(1)?.broadcast_as((outputs, scale * scale))?;
            blocks.reshape(block)
        })
        .transpose()?;
    // (N, H, W, C) -> (N, H, W, O, scale, scale)
    let blocks = linear_rows(
        &x.permute((0, 2, 3, 1))?,
        &kernel,
        biases.as_ref(),
        &[batch, height, width, outputs, scale, scale],
    )?;
    // (N, H, W, O, scale, scale) -> (N, O, H, scale, W, scale)
    Ok(blocks.permute([0, 3, 1, 4, 2, 5])?.reshape((
        batch,
        outputs,
        height * scale,
        width * scale,
    ))?)
}

/// Checks the arguments of [`conv_transpose2d`], and returns the dimensions of `x`.
fn check(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, scale: usize) -> Result<[usize; 4]> {
    let misfit = |expected: String, found: &Tensor| {
        Error::layer("conv_transpose2d", expected, format!("{:?}", found.dims()))
    };
    if scale == 0 {
        return Err(Error::argument(
            "conv_transpose2d scale",
            "at least 1",
            scale,
        ));
    }
    let &[batch, channels, height, width] = x.dims() else {
        return Err(misfit("an input (N, C, H, W)".to_string(), x));
    };
    let outputs = match *weight.dims() {
        [inputs, outputs, rows, columns]
            if inputs == channels
                && rows == scale
                && columns == scale
                && weight.elem_count() > 0 =>
        {
            outputs
        }
        _ => {
            let expected = format!("a weight ({channels}, O, {scale}, {scale}), no size 0");
            return Err(misfit(expected, weight));
        }
    };
    if let Some(bias) = bias
        && bias.dims() != [outputs]
    {
        return Err(misfit(format!("a bias ({outputs})"), bias));
    }
    let bytes = [
        batch,
        outputs,
        height,
        scale,
        width,
        scale,
        size_of::<f64>(),
    ]
    .into_iter()
    .try_fold(1usize, usize::checked_mul);
    if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        let expected = format!("an input whose result at scale {scale} can be addressed");
        return Err(misfit(expected, x));
    }
    Ok([batch, channels, height, width])
}
