//! The initial values of parameters.

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::Init;
use sha2::{Digest, Sha256};

use crate::random::{Purpose, Stream};

/// Draws the parameter of that name. The values depend only on the seed, the name and the shape, not on
/// earlier draws or the device.
pub(super) fn draw(
    seed: u64,
    name: &str,
    shape: Shape,
    init: Init,
    dtype: DType,
    device: &Device,
) -> candle_core::Result<Tensor> {
    let mut stream = Stream::new(seed, Purpose::Init, 0, name_index(name));
    let count = shape.elem_count();
    let values: Vec<f32> = match init {
        Init::Const(value) => vec![value as f32; count],
        Init::Uniform { lo, up } => (0..count)
            .map(|_| (lo + (up - lo) * stream.uniform()) as f32)
            .collect(),
        Init::Randn { mean, stdev } => {
            let mut values = vec![0f32; count];
            stream.fill_normal(&mut values);
            for value in &mut values {
                *value = (mean + stdev * f64::from(*value)) as f32;
            }
            values
        }
        Init::Kaiming { .. } => {
            candle_core::bail!("parameter {name}: candle's Kaiming hint has no keyed stream")
        }
    };
    Tensor::from_vec(values, shape, device)?.to_dtype(dtype)
}

/// The first 40 bits of the name's digest, used as the index of a [`Stream`].
fn name_index(name: &str) -> u64 {
    Sha256::digest(name.as_bytes())
        .iter()
        .take(5)
        .fold(0, |index, &byte| index << 8 | u64::from(byte))
}
