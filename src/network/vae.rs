//! From the sizes of a variational autoencoder to its lists of layers.

use candle_nn::VarBuilder;

use super::families::{push_activation, stated};
use super::layer::{LayerSpec, count};
use super::{Autoencoder, Code, Stack};
use crate::Result;
use crate::recipe::{Body, VaeConfig};

/// A variational autoencoder.
///
/// # Errors
/// As [`Autoencoder::new`]; also if a max-pool's input does not divide by its size.
pub fn vae(config: &VaeConfig, vb: VarBuilder) -> Result<Autoencoder> {
    let input = stated(config.input)?;
    let both = dense(2 * config.latent);
    let (encoder, mut decoder) = match config.body {
        Body::Dense => dense_body(config, input, both),
        Body::Conv => conv_body(config, input, both),
    };
    push_activation(&mut decoder, &config.output_activation);
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
        encoder.push(dense(units));
        push_activation(&mut encoder, &config.activation);
    }
    encoder.push(both);
    let mut decoder = Vec::new();
    for units in config.decoder() {
        decoder.push(dense(units));
        push_activation(&mut decoder, &config.activation);
    }
    decoder.push(dense(count(&input)));
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
        push_activation(&mut encoder, &config.activation);
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
    let mut decoder = vec![dense(count(&shape))];
    push_activation(&mut decoder, &config.activation);
    decoder.push(LayerSpec::Reshape { shape });
    for &channels in widths.iter().skip(1) {
        decoder.push(LayerSpec::Upsample {
            scale: config.scale,
        });
        decoder.push(convolution(channels));
        push_activation(&mut decoder, &config.activation);
    }
    decoder.push(LayerSpec::Upsample {
        scale: config.scale,
    });
    decoder.push(convolution(channels));
    (encoder, decoder)
}

fn dense(units: usize) -> LayerSpec {
    LayerSpec::Dense { units, bias: true }
}
