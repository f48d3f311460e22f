//! Group normalisation.

use candle_core::{D, Tensor};

use super::check::{misfit, vector};
use super::composed::at_least_f32;
use crate::{Error, Result};

/// Group normalisation, as PyTorch's `nn.GroupNorm`: the channels of each sample are divided into `groups` groups of
/// consecutive channels, every group is normalised to mean 0 and variance 1 over its channels and positions, and every
/// channel is then scaled and shifted:
///
/// ```text
/// y = (x - mean) / sqrt(variance + eps) * weight + bias
/// ```
///
/// The variance is that of the group itself (divided by its size, not by one less). Samples are independent. Types of
/// fewer bits than f32 are computed in f32.
///
/// # Shapes
/// `x` is (N, C) or (N, C, ...), `weight` and `bias` are (C). The result has the shape of `x`.
///
/// # Errors
/// [`Error::Argument`] if `groups` is 0 or `eps` is not a finite number above 0, [`Error::Layer`] if the
/// shapes do not fit each other or the groups do not divide the channels.
///
/// # Source
/// Wu and He, "Group normalization", ECCV 2018 (<https://arxiv.org/abs/1803.08494>).
pub fn group_norm(
    x: &Tensor,
    groups: usize,
    weight: &Tensor,
    bias: &Tensor,
    eps: f64,
) -> Result<Tensor> {
    check(x, groups, weight, bias, eps)?;
    let dtype = at_least_f32(x.dtype());
    let (batch, channels) = (x.dim(0)?, x.dim(1)?);
    let places: usize = x.dims().iter().skip(2).product();
    let grouped = x
        .to_dtype(dtype)?
        .reshape((batch, groups, channels / groups * places))?;
    let centred = grouped.broadcast_sub(&grouped.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centred.broadcast_mul(&(variance + eps)?.sqrt()?.recip()?)?;
    let of_channels = |parameter: &Tensor| parameter.to_dtype(dtype)?.reshape((1, channels, 1));
    Ok(normal
        .reshape((batch, channels, places))?
        .broadcast_mul(&of_channels(weight)?)?
        .broadcast_add(&of_channels(bias)?)?
        .to_dtype(x.dtype())?
        .reshape(x.shape())?)
}

/// Checks the arguments of [`group_norm`].
fn check(x: &Tensor, groups: usize, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<()> {
    if groups == 0 {
        return Err(Error::argument("group_norm groups", "at least 1", groups));
    }
    if !(eps.is_finite() && eps > 0.0) {
        let expected = "a finite number above 0";
        return Err(Error::argument("group_norm eps", expected, eps));
    }
    let [_, channels, ..] = *x.dims() else {
        return Err(misfit("group_norm", "an input (N, C, ...)", x));
    };
    if channels % groups != 0 {
        let expected = format!("channels in {groups} groups of one size");
        return Err(Error::layer("group_norm", expected, channels.to_string()));
    }
    vector("group_norm", "weight", Some(weight), channels)?;
    vector("group_norm", "bias", Some(bias), channels)
}
