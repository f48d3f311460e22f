//! The layers of the families that restore pictures.

use super::activated::layer;
use crate::activation::Activation;
use crate::layer::{Conv2d, ConvTranspose2d, LayerSpec, Residual};
use crate::recipe::{ResidualConfig, UnetConfig};

/// A U-Net for images of this number of channels.
pub fn unet(config: &UnetConfig, channels: usize) -> Vec<LayerSpec> {
    let Some((&first, deeper)) = config.widths.split_first() else {
        return Vec::new();
    };
    let conv = |channels| conv(channels, 3, config.bias);
    residual(vec![
        conv(first),
        Residual {
            body: level(config, first, deeper),
        }
        .into(),
        conv(channels),
    ])
}

/// The layers of a level of this width, with those of the widths below it.
fn level(config: &UnetConfig, width: usize, deeper: &[usize]) -> Vec<LayerSpec> {
    let blocks = || (0..config.blocks).map(|_| block(config, width));
    let mut layers: Vec<LayerSpec> = blocks().collect();
    if let Some((&below, deepest)) = deeper.split_first() {
        let bias = config.bias;
        let down = Conv2d {
            stride: 2,
            bias,
            ..Conv2d::new(below, 2)
        };
        let up = ConvTranspose2d {
            bias,
            ..ConvTranspose2d::new(width, 2)
        };
        layers.push(down.into());
        layers.extend(residual(level(config, below, deepest)));
        layers.push(up.into());
        layers.extend(blocks());
    }
    layers
}

/// A residual block: convolution, activation, convolution.
fn block(config: &UnetConfig, width: usize) -> LayerSpec {
    let conv = conv(width, 3, config.bias);
    let body = activated(conv.clone(), &config.activation).chain([conv]);
    Residual {
        body: body.collect(),
    }
    .into()
}

/// A column of convolutions for images of this number of channels.
pub fn column(config: &ResidualConfig, channels: usize) -> Vec<LayerSpec> {
    let conv = |channels| conv(channels, config.kernel, config.bias);
    let hidden = (1..config.depth).flat_map(|_| activated(conv(config.width), &config.activation));
    residual(hidden.chain([conv(channels)]).collect())
}

fn residual(body: Vec<LayerSpec>) -> Vec<LayerSpec> {
    vec![Residual { body }.into()]
}

fn conv(channels: usize, kernel: usize, bias: bool) -> LayerSpec {
    let conv = Conv2d::new(channels, kernel);
    Conv2d { bias, ..conv }.into()
}

fn activated(conv: LayerSpec, activation: &Activation) -> impl Iterator<Item = LayerSpec> {
    [conv].into_iter().chain(layer(activation))
}
