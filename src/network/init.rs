//! Where weights start.

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::Init;
use sha2::{Digest, Sha256};

use crate::random::{Purpose, Stream};
use crate::recipe::Initialization;

/// The distributions of one layer's weight and bias.
#[derive(Debug, Clone, Copy)]
pub(super) struct LayerInit {
    pub weight: Init,
    pub bias: Init,
}

impl Initialization {
    /// For a layer whose every output sums `fan_in` inputs, and whose every input goes to `fan_out` outputs.
    pub(super) fn layer(self, fan_in: usize, fan_out: usize) -> LayerInit {
        let uniform = |bound: f64| Init::Uniform {
            lo: -bound,
            up: bound,
        };
        match self {
            Self::GlorotUniform => LayerInit {
                weight: uniform((6.0 / (fan_in + fan_out) as f64).sqrt()),
                bias: Init::Const(0.0),
            },
            Self::FanIn => {
                let bound = uniform(1.0 / (fan_in as f64).sqrt());
                LayerInit {
                    weight: bound,
                    bias: bound,
                }
            }
            Self::Normal { deviation } => LayerInit {
                weight: Init::Randn {
                    mean: 0.0,
                    stdev: deviation,
                },
                bias: Init::Const(0.0),
            },
        }
    }
}

/// Draws the parameter of that name: always the same values for the same seed, name and shape,
/// whatever was drawn before and wherever it will live.
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

/// 40 bits of the name's digest: what a [`Stream`] takes as its index.
fn name_index(name: &str) -> u64 {
    Sha256::digest(name.as_bytes())
        .iter()
        .take(5)
        .fold(0, |index, &byte| index << 8 | u64::from(byte))
}
