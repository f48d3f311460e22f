//! Codes drawn from the prior of a variational autoencoder.

use candle_core::{Device, Tensor};

use crate::Result;
use crate::random::{Purpose, Stream};

/// `count` codes of `latent` standard normal values each, `(count, latent)`, starting at number `first`.
/// Each number has its own random stream: a larger count only adds codes.
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
