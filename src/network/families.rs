//! Expands the sizes of a family into lists of layers.

use std::iter::repeat;

use super::activated::layer;
use super::restoration::{column, unet};
use crate::activation::Activation;
use crate::layer::{Conv2d, Dense, Flatten, LayerSpec, MaxPool2d, Reshape, Upsample, count};
use crate::recipe::{Body, ConvConfig, DenseConfig, LayersConfig, NetworkConfig, VaeConfig};
use crate::{Error, Result};

/// The layer lists of a recipe's network.
///
/// # Errors
/// If the input shape is not stated.
pub fn lists(config: &NetworkConfig) -> Result<LayersConfig> {
    let input = config.input().ok_or_else(|| {
        let expected = "channels, height and width of an image, as [1, 28, 28]";
        Error::recipe("network.input", expected, "nothing")
    })?;
    let ((encoder, decoder), latent, init) = match config {
        NetworkConfig::Dense(config) => (dense(config, input), None, config.init),
        NetworkConfig::Conv(config) => (conv(config, input), None, config.init),
        NetworkConfig::Vae(config) => (vae(config, input), Some(config.latent), config.init),
        NetworkConfig::Unet(config) => ((Vec::new(), unet(config, input[0])), None, config.init),
        NetworkConfig::Residual(config) => {
            ((Vec::new(), column(config, input[0])), None, config.init)
        }
        NetworkConfig::Layers(config) => return Ok(config.clone()),
    };
    Ok(LayersConfig {
        input: Some(input),
        latent,
        init,
        encoder,
        decoder,
    })
}

/// Encoder and decoder.
type Lists = (Vec<LayerSpec>, Vec<LayerSpec>);

fn dense(config: &DenseConfig, input: [usize; 3]) -> Lists {
    let bias = config.bias;
    let own = config.activations.iter().flatten();
    let activations = &mut own.chain(repeat(&config.activation));
    let mut encoder = vec![Flatten.into()];
    encoder.extend(dense_layers(&config.encoder, bias, activations));
    let mut decoder = dense_layers(&config.decoder(), bias, activations);
    let units = count(&input);
    decoder.push(Dense { units, bias }.into());
    let (reshape, activation) = (reshape(&input), layer(&config.output_activation));
    // The reshape comes before the activation, so that the last layer is the activation in every
    // family. A softmax comes before the reshape, as it is taken over all units of the dense layer.
    if config.output_activation.couples() {
        decoder.extend(activation.into_iter().chain([reshape]));
    } else {
        decoder.extend([reshape].into_iter().chain(activation));
    }
    (encoder, decoder)
}

fn conv(config: &ConvConfig, [channels, ..]: [usize; 3]) -> Lists {
    let (kernel, scale) = (config.kernel, config.scale);
    let blocks = |widths, resize| conv_blocks(widths, kernel, &config.activation, resize);
    let mut encoder = blocks(&config.encoder, MaxPool2d { size: scale }.into());
    // The last convolution's output is the code, without a max-pool.
    encoder.pop();
    let mut decoder = blocks(&config.decoder, Upsample { scale }.into());
    decoder.push(Conv2d::new(channels, kernel).into());
    decoder.extend(layer(&config.output_activation));
    (encoder, decoder)
}

fn vae(config: &VaeConfig, input: [usize; 3]) -> Lists {
    let both = unit(2 * config.latent);
    let (encoder, mut decoder) = match config.body {
        Body::Dense => dense_body(config, input, both),
        Body::Conv => conv_body(config, input, both),
    };
    decoder.extend(layer(&config.output_activation));
    (encoder, decoder)
}

fn dense_body(config: &VaeConfig, input: [usize; 3], both: LayerSpec) -> Lists {
    let layers = |widths: &[usize]| dense_layers(widths, true, &mut repeat(&config.activation));
    let mut encoder = vec![Flatten.into()];
    encoder.extend(layers(&config.encoder));
    encoder.push(both);
    let mut decoder = layers(&config.decoder());
    decoder.extend([unit(count(&input)), reshape(&input)]);
    (encoder, decoder)
}

/// The first decoder channel count is that of the small image from the dense layer. Each upsampling is
/// followed by a convolution to the next count, the last one to the image's channels.
fn conv_body(config: &VaeConfig, input: [usize; 3], both: LayerSpec) -> Lists {
    let (kernel, scale) = (config.kernel, config.scale);
    let blocks = |widths, resize| conv_blocks(widths, kernel, &config.activation, resize);
    let mut encoder = blocks(&config.encoder, MaxPool2d { size: scale }.into());
    encoder.extend([Flatten.into(), both]);

    let [channels, height, width] = input;
    // The encoder's max-pools refuse sizes that do not divide.
    let shrunk = |side| (0..config.encoder.len()).fold(side, |side, _| side / scale);
    let widths = config.decoder();
    let (first, rest) = widths.split_first().unwrap_or((&channels, &[]));
    let shape = [*first, shrunk(height), shrunk(width)];
    let upsample = LayerSpec::from(Upsample { scale });
    let mut decoder = vec![unit(count(&shape))];
    decoder.extend(layer(&config.activation));
    decoder.extend([reshape(&shape), upsample.clone()]);
    decoder.extend(blocks(rest, upsample));
    decoder.push(Conv2d::new(channels, kernel).into());
    (encoder, decoder)
}

/// Dense layers of these widths, each followed by the next activation.
fn dense_layers<'a>(
    widths: &[usize],
    bias: bool,
    activations: &mut impl Iterator<Item = &'a Activation>,
) -> Vec<LayerSpec> {
    let mut layers = Vec::new();
    for (&units, activation) in widths.iter().zip(activations) {
        layers.push(Dense { units, bias }.into());
        layers.extend(layer(activation));
    }
    layers
}

/// For each width a convolution, its activation, and a change of the image's size.
fn conv_blocks(
    widths: &[usize],
    kernel: usize,
    activation: &Activation,
    resize: LayerSpec,
) -> Vec<LayerSpec> {
    let mut layers = Vec::new();
    for &channels in widths {
        layers.push(Conv2d::new(channels, kernel).into());
        layers.extend(layer(activation));
        layers.push(resize.clone());
    }
    layers
}

fn unit(units: usize) -> LayerSpec {
    Dense { units, bias: true }.into()
}

fn reshape(shape: &[usize]) -> LayerSpec {
    let shape = shape.to_vec();
    Reshape { shape }.into()
}
