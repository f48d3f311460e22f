//! Codes drawn from the prior of a variational autoencoder.

use candle_core::{Device, Tensor};

use crate::Result;
use crate::random::{Purpose, Stream};

/// `count` codes of `latent` standard normal values each, `(count, latent)`, from number `first` on. Each
/// number has a stream of its own: a larger count only adds codes.
///
/// # Errors
/// Only candle's own.
pub fn from_prior(
    seed: u64,
    first: u64,
    count: usize,
    latent: usize,
    device: &Device,
) -> Result<Tensor> {
    let mut codes = vec![0f32; count * latent];
    for (number, code) in (first..).zip(codes.chunks_mut(latent.max(1))) {
        Stream::new(seed, Purpose::Prior, 0, number).fill_normal(code);
    }
    Ok(Tensor::from_vec(codes, (count, latent), device)?)
}
