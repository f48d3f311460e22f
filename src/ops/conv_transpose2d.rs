//! Transposed convolution without overlap.

use candle_core::Tensor;

use super::check::{images, is_addressable, misfit, vector};
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

const NAME: &str = "conv_transpose2d";

/// Checks the arguments of [`conv_transpose2d`], and returns the dimensions of `x`.
fn check(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, scale: usize) -> Result<[usize; 4]> {
    if scale == 0 {
        let what = "conv_transpose2d scale";
        return Err(Error::argument(what, "at least 1", scale));
    }
    let [batch, channels, height, width] = images(NAME, x)?;
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
            return Err(misfit(NAME, expected, weight));
        }
    };
    vector(NAME, "bias", bias, outputs)?;
    if !is_addressable(&[batch, outputs, height, scale, width, scale]) {
        let expected = format!("an input whose result at scale {scale} can be addressed");
        return Err(misfit(NAME, expected, x));
    }
    Ok([batch, channels, height, width])
}
