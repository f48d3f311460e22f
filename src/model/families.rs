//! From a family's sizes to its lists of layers.

use candle_nn::VarBuilder;

use super::layer::LayerSpec;
use super::{Autoencoder, Code, Stack};
use crate::recipe::{Activation, Body, ConvConfig, DenseConfig, VaeConfig};
use crate::{Error, Result};

/// A dense autoencoder.
///
/// # Errors
/// As [`Autoencoder::new`].
pub fn dense(config: &DenseConfig, vb: VarBuilder) -> Result<Autoencoder> {
    let input = stated(config.input)?;
    let mut encoder = vec![LayerSpec::Flatten];
    for &units in &config.encoder {
        encoder.push(LayerSpec::Dense { units });
        push_activation(&mut encoder, config.activation);
    }
    let mirrored = || config.encoder.iter().rev().skip(1).copied().collect();
    let mut decoder = Vec::new();
    for units in config.decoder.clone().unwrap_or_else(mirrored) {
        decoder.push(LayerSpec::Dense { units });
        push_activation(&mut decoder, config.activation);
    }
    decoder.push(LayerSpec::Dense {
        units: input.iter().product(),
    });
    // The reshape stands before the activation, so that the last layer is the activation in every family.
    decoder.push(LayerSpec::Reshape {
        shape: input.to_vec(),
    });
    push_activation(&mut decoder, config.output_activation);

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
        push_activation(&mut encoder, config.activation);
    }
    let mut decoder = Vec::new();
    for &channels in &config.decoder {
        decoder.push(convolution(channels));
        push_activation(&mut decoder, config.activation);
        decoder.push(LayerSpec::Upsample {
            scale: config.scale,
        });
    }
    let [channels, ..] = input;
    decoder.push(convolution(channels));
    push_activation(&mut decoder, config.output_activation);

    let encoder = Stack::new("encoder", encoder, &input, config.init, vb.clone())?;
    let decoder = Stack::new("decoder", decoder, encoder.output_shape(), config.init, vb)?;
    Autoencoder::from_stacks(encoder, Code::Plain, decoder)
}

/// A variational autoencoder.
///
/// # Errors
/// As [`Autoencoder::new`]; also if a max-pool's input does not divide by its size.
pub fn vae(config: &VaeConfig, vb: VarBuilder) -> Result<Autoencoder> {
    let input = stated(config.input)?;
    let both = LayerSpec::Dense {
        units: 2 * config.latent,
    };
    let (encoder, mut decoder) = match config.body {
        Body::Dense => dense_body(config, input, both),
        Body::Conv => conv_body(config, input, both),
    };
    push_activation(&mut decoder, config.output_activation);
    let code = Code::Gaussian {
        latent: config.latent,
    };
    let encoder = Stack::new("encoder", encoder, &input, config.init, vb.clone())?;
    let decoder = Stack::new("decoder", decoder, &[config.latent], config.init, vb)?;
    Autoencoder::from_stacks(encoder, code, decoder)
}

fn dense_body(
    config: &VaeConfig,
    input: [usize; 3],
    both: LayerSpec,
) -> (Vec<LayerSpec>, Vec<LayerSpec>) {
    let mut encoder = vec![LayerSpec::Flatten];
    for &units in &config.encoder {
        encoder.push(LayerSpec::Dense { units });
        push_activation(&mut encoder, config.activation);
    }
    encoder.push(both);
    let mut decoder = Vec::new();
    for units in config.decoder() {
        decoder.push(LayerSpec::Dense { units });
        push_activation(&mut decoder, config.activation);
    }
    decoder.push(LayerSpec::Dense {
        units: input.iter().product(),
    });
    decoder.push(LayerSpec::Reshape {
        shape: input.to_vec(),
    });
    (encoder, decoder)
}

/// The first of the decoder's channels are those of the small image that its dense layer makes; each
/// upsampling is followed by a convolution to the next, the last one to the image's.
fn conv_body(
    config: &VaeConfig,
    input: [usize; 3],
    both: LayerSpec,
) -> (Vec<LayerSpec>, Vec<LayerSpec>) {
    let convolution = |channels: usize| LayerSpec::Conv2d {
        channels,
        kernel: config.kernel,
    };
    let mut encoder = Vec::new();
    for &channels in &config.encoder {
        encoder.push(convolution(channels));
        push_activation(&mut encoder, config.activation);
        encoder.push(LayerSpec::MaxPool2d { size: config.scale });
    }
    encoder.extend([LayerSpec::Flatten, both]);

    let [channels, height, width] = input;
    // Sizes that do not divide are refused by the encoder's max-pools.
    let shrunk = (0..config.encoder.len()).fold((height, width), |(height, width), _| {
        (height / config.scale, width / config.scale)
    });
    let widths = config.decoder();
    let first = widths.first().copied().unwrap_or(channels);
    let shape = vec![first, shrunk.0, shrunk.1];
    let mut decoder = vec![LayerSpec::Dense {
        units: shape.iter().product(),
    }];
    push_activation(&mut decoder, config.activation);
    decoder.push(LayerSpec::Reshape { shape });
    for &channels in widths.iter().skip(1) {
        decoder.push(LayerSpec::Upsample {
            scale: config.scale,
        });
        decoder.push(convolution(channels));
        push_activation(&mut decoder, config.activation);
    }
    decoder.push(LayerSpec::Upsample {
        scale: config.scale,
    });
    decoder.push(convolution(channels));
    (encoder, decoder)
}

fn stated(input: Option<[usize; 3]>) -> Result<[usize; 3]> {
    input.ok_or_else(|| {
        Error::recipe(
            "network.input",
            "channels, height and width of an image, as [1, 28, 28]",
            "nothing",
        )
    })
}

fn push_activation(layers: &mut Vec<LayerSpec>, activation: Activation) {
    if activation != Activation::Linear {
        layers.push(LayerSpec::Activation(activation));
    }
}
