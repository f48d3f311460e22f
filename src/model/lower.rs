//! Networks and their parts as steps for the CPU.

use super::code::LOG_VARIANCE_BOUND;
use super::layer::LayerSpec;
use super::stack::Stack;
use super::{Autoencoder, Code};
use crate::ops::Scalar;
use crate::plan::{Elementwise, Isa, Latent, Network, Shape, Stage, lower};
use crate::recipe::Activation;

impl Autoencoder {
    /// The network lowered, without its last activation where `logits` says so; none if it has a layer
    /// that steps cannot do.
    pub(crate) fn lowered(&self, logits: bool) -> Option<Network> {
        let mut encoder = self.encoder.stages()?;
        if let Code::Gaussian { latent } = self.code {
            encoder.push(Stage::Latent(Latent {
                dimensions: latent,
                bound: LOG_VARIANCE_BOUND,
            }));
        }
        let mut decoder = self.decoder.stages()?;
        if logits {
            decoder.pop();
        }
        let input = Shape::new(self.input_shape())?;
        let (steps, code) = lower(&encoder, &decoder, input);
        (!steps.is_empty()).then(|| Network::new(steps, code, Isa::best()))
    }
}

impl Stack {
    /// The layers as stages; none if one of them cannot be.
    fn stages(&self) -> Option<Vec<Stage>> {
        let mut stages = Vec::new();
        for (_, placed) in self.layers() {
            stages.push(match &placed.spec {
                LayerSpec::Dense { units, bias } => Stage::Dense {
                    units: *units,
                    bias: *bias,
                },
                LayerSpec::Conv2d { channels, kernel } => Stage::Conv {
                    channels: *channels,
                    kernel: *kernel,
                },
                LayerSpec::MaxPool2d { size } => Stage::MaxPool { size: *size },
                LayerSpec::Upsample { scale } => Stage::Upsample { scale: *scale },
                LayerSpec::Flatten | LayerSpec::Reshape { .. } => {
                    Stage::Reshape(Shape::new(&placed.output)?)
                }
                LayerSpec::Activation(Activation::Softmax) => Stage::Softmax,
                LayerSpec::Activation(activation) => {
                    Stage::Elementwise(elementwise(activation.scalar()?))
                }
                LayerSpec::Function(_) => return None,
            });
        }
        Some(stages)
    }
}

fn elementwise(function: Scalar) -> Elementwise {
    match function {
        Scalar::Relu => Elementwise::Relu,
        Scalar::LeakyRelu(slope) => Elementwise::LeakyRelu(slope as f32),
        Scalar::Sigmoid => Elementwise::Sigmoid,
        other => Elementwise::Other(other),
    }
}
