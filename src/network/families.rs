//! From a family's sizes to its lists of layers.

use candle_nn::VarBuilder;

use super::layer::{LayerSpec, count};
use super::{Autoencoder, Code, Stack};
use crate::activation::Activation;
use crate::recipe::{ConvConfig, DenseConfig};
use crate::{Error, Result};

/// A dense autoencoder.
///
/// # Errors
/// As [`Autoencoder::new`].
pub fn dense(config: &DenseConfig, vb: VarBuilder) -> Result<Autoencoder> {
    let input = stated(config.input)?;
    let dense = |units: usize| LayerSpec::Dense {
        units,
        bias: config.bias,
    };
    let mut own = config.activations.iter().flatten();
    let mut activation = || own.next().unwrap_or(&config.activation);
    let mut encoder = vec![LayerSpec::Flatten];
    for &units in &config.encoder {
        encoder.push(dense(units));
        push_activation(&mut encoder, activation());
    }
    let mut decoder = Vec::new();
    for units in config.decoder() {
        decoder.push(dense(units));
        push_activation(&mut decoder, activation());
    }
    decoder.push(dense(count(&input)));
    let reshape = LayerSpec::Reshape {
        shape: input.to_vec(),
    };
    // The reshape stands before the activation, so that the last layer is the activation in every
    // family; but a dense layer's softmax is over all its units.
    if config.output_activation.couples() {
        push_activation(&mut decoder, &config.output_activation);
        decoder.push(reshape);
    } else {
        decoder.push(reshape);
        push_activation(&mut decoder, &config.output_activation);
    }

    let encoder = Stack::new("encoder", encoder, &input, config.init, vb.clone())?;
    let decoder = Stack::new("decoder", decoder, encoder.output_shape(), config.init, vb)?;
    Autoencoder::from_stacks(encoder, Code::Plain, decoder)
}

/// A convolutional autoencoder.
///
/// # Errors
/// As [`Autoencoder::new`]; also if a max-pool's input does not divide by its size.
pub fn conv(config: &ConvConfig, vb: VarBuilder) -> Result<Autoencoder> {
    let input = stated(config.input)?;
    let convolution = |channels: usize| LayerSpec::Conv2d {
        channels,
        kernel: config.kernel,
    };
    let mut encoder = Vec::new();
    for (place, &channels) in config.encoder.iter().enumerate() {
        if place > 0 {
            encoder.push(LayerSpec::MaxPool2d { size: config.scale });
        }
        encoder.push(convolution(channels));
        push_activation(&mut encoder, &config.activation);
    }
    let mut decoder = Vec::new();
    for &channels in &config.decoder {
        decoder.push(convolution(channels));
        push_activation(&mut decoder, &config.activation);
        decoder.push(LayerSpec::Upsample {
            scale: config.scale,
        });
    }
    let [channels, ..] = input;
    decoder.push(convolution(channels));
    push_activation(&mut decoder, &config.output_activation);

    let encoder = Stack::new("encoder", encoder, &input, config.init, vb.clone())?;
    let decoder = Stack::new("decoder", decoder, encoder.output_shape(), config.init, vb)?;
    Autoencoder::from_stacks(encoder, Code::Plain, decoder)
}

pub(super) fn stated(input: Option<[usize; 3]>) -> Result<[usize; 3]> {
    input.ok_or_else(|| {
        Error::recipe(
            "network.input",
            "channels, height and width of an image, as [1, 28, 28]",
            "nothing",
        )
    })
}

pub(super) fn push_activation(layers: &mut Vec<LayerSpec>, activation: &Activation) {
    if *activation != Activation::Linear {
        layers.push(LayerSpec::Activation(activation.clone()));
    }
}
