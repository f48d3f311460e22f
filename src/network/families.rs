//! Expands the sizes of a family into lists of layers.

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
    let dense = |units: usize| Dense {
        units,
        bias: config.bias,
    };
    let mut own = config.activations.iter().flatten();
    let mut activation = || own.next().unwrap_or(&config.activation);
    let mut encoder = vec![Flatten.into()];
    for &units in &config.encoder {
        encoder.push(dense(units).into());
        push_activation(&mut encoder, activation());
    }
    let mut decoder = Vec::new();
    for units in config.decoder() {
        decoder.push(dense(units).into());
        push_activation(&mut decoder, activation());
    }
    decoder.push(dense(count(&input)).into());
    let reshape = reshape(&input);
    // The reshape comes before the activation, so that the last layer is the activation in every
    // family. A softmax comes before the reshape, as it is taken over all units of the dense layer.
    if config.output_activation.couples() {
        push_activation(&mut decoder, &config.output_activation);
        decoder.push(reshape);
    } else {
        decoder.push(reshape);
        push_activation(&mut decoder, &config.output_activation);
    }
    (encoder, decoder)
}

fn conv(config: &ConvConfig, [channels, ..]: [usize; 3]) -> Lists {
    let convolution = |channels: usize| Conv2d::new(channels, config.kernel).into();
    let size = config.scale;
    let scale = config.scale;
    let mut encoder = Vec::new();
    for (place, &channels) in config.encoder.iter().enumerate() {
        if place > 0 {
            encoder.push(MaxPool2d { size }.into());
        }
        encoder.push(convolution(channels));
        push_activation(&mut encoder, &config.activation);
    }
    let mut decoder = Vec::new();
    for &channels in &config.decoder {
        decoder.push(convolution(channels));
        push_activation(&mut decoder, &config.activation);
        decoder.push(Upsample { scale }.into());
    }
    decoder.push(convolution(channels));
    push_activation(&mut decoder, &config.output_activation);
    (encoder, decoder)
}

fn vae(config: &VaeConfig, input: [usize; 3]) -> Lists {
    let both = unit(2 * config.latent);
    let (encoder, mut decoder) = match config.body {
        Body::Dense => dense_body(config, input, both),
        Body::Conv => conv_body(config, input, both),
    };
    push_activation(&mut decoder, &config.output_activation);
    (encoder, decoder)
}

fn dense_body(config: &VaeConfig, input: [usize; 3], both: LayerSpec) -> Lists {
    let mut encoder = vec![Flatten.into()];
    for &units in &config.encoder {
        encoder.push(unit(units));
        push_activation(&mut encoder, &config.activation);
    }
    encoder.push(both);
    let mut decoder = Vec::new();
    for units in config.decoder() {
        decoder.push(unit(units));
        push_activation(&mut decoder, &config.activation);
    }
    decoder.extend([unit(count(&input)), reshape(&input)]);
    (encoder, decoder)
}

/// The first decoder channel count is that of the small image from the dense layer. Each upsampling is
/// followed by a convolution to the next count, the last one to the image's channels.
fn conv_body(config: &VaeConfig, input: [usize; 3], both: LayerSpec) -> Lists {
    let convolution = |channels: usize| Conv2d::new(channels, config.kernel).into();
    let size = config.scale;
    let upsample = || Upsample { scale: size }.into();
    let mut encoder = Vec::new();
    for &channels in &config.encoder {
        encoder.push(convolution(channels));
        push_activation(&mut encoder, &config.activation);
        encoder.push(MaxPool2d { size }.into());
    }
    encoder.extend([Flatten.into(), both]);

    let [channels, height, width] = input;
    // The encoder's max-pools refuse sizes that do not divide.
    let shrunk = (0..config.encoder.len()).fold((height, width), |(height, width), _| {
        (height / config.scale, width / config.scale)
    });
    let widths = config.decoder();
    let first = widths.first().copied().unwrap_or(channels);
    let shape = [first, shrunk.0, shrunk.1];
    let mut decoder = vec![unit(count(&shape))];
    push_activation(&mut decoder, &config.activation);
    decoder.push(reshape(&shape));
    for &channels in widths.iter().skip(1) {
        decoder.extend([upsample(), convolution(channels)]);
        push_activation(&mut decoder, &config.activation);
    }
    decoder.extend([upsample(), convolution(channels)]);
    (encoder, decoder)
}

fn unit(units: usize) -> LayerSpec {
    Dense { units, bias: true }.into()
}

fn reshape(shape: &[usize]) -> LayerSpec {
    let shape = shape.to_vec();
    Reshape { shape }.into()
}

fn push_activation(layers: &mut Vec<LayerSpec>, activation: &Activation) {
    if *activation != Activation::Linear {
        layers.push(activation.clone().into());
    }
}
