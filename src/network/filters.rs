//! A layer's weights as pictures.

use candle_core::{DType, Tensor};

use super::Autoencoder;
use crate::device::to_host;
use crate::layer::{Layer, LayerSpec};
use crate::{Error, Result};

/// The tiles of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Filters {
    /// Its name, such as `encoder.0`.
    pub layer: String,
    /// One entry per filter: `height * width` weights, row by row.
    pub tiles: Vec<Vec<f32>>,
    /// Height of each filter.
    pub height: usize,
    /// Width of each filter.
    pub width: usize,
    /// Input channels of a convolution.
    pub channels: Option<usize>,
}

/// The filters of the named layer, or of the first layer that has filters.
///
/// For a convolution: the kernels that read input channel `channel`. For a dense layer whose inputs are
/// the pixels of a one-channel image: the weights of each unit as an image. For a dense layer whose
/// outputs are the pixels: the image that each input unit draws.
///
/// # Errors
/// If there is no layer of that name, its weights cannot be shown as images, or it has no such channel.
/// The message lists the layers that have filters.
pub fn filters(model: &Autoencoder, layer: Option<&str>, channel: usize) -> Result<Filters> {
    let mut found = Vec::new();
    let mut known = false;
    for candidate in model.encoder().walk().chain(model.decoder().walk()) {
        let name = candidate.name();
        known |= layer == Some(name);
        let Some((weight, channels)) = pictures(candidate, model.input_shape())? else {
            continue;
        };
        if layer.is_none_or(|wanted| wanted == name) {
            return cut(name.to_string(), &weight, channels, channel);
        }
        found.push(name);
    }
    let expected = match found.is_empty() {
        true => "a network with filters".to_string(),
        false => format!("a layer with filters, one of {}", found.join(", ")),
    };
    let Some(wanted) = layer else {
        return Err(Error::argument("filters", expected, "none"));
    };
    let found = match known {
        true => "a layer without weights that are pictures",
        false => "no layer of that name (see `autoencode summary`)",
    };
    Err(Error::layer(wanted, expected, found))
}

/// Weights as `(filters, input channels, height, width)`, and whether those channels belong to a
/// convolution.
fn pictures(layer: &Layer, input: &[usize]) -> Result<Option<(Tensor, bool)>> {
    if let Some(kernels) = layer.spec().kind().kernels(layer)? {
        return Ok(Some((kernels, true)));
    }
    let (LayerSpec::Dense(_), &[1, height, width]) = (layer.spec(), input) else {
        return Ok(None);
    };
    let weight = layer.weight()?;
    let images = match weight.dims2()? {
        (outputs, inputs) if inputs == height * width => {
            weight.reshape((outputs, 1, height, width))?
        }
        (outputs, inputs) if outputs == height * width => {
            weight.t()?.reshape((inputs, 1, height, width))?
        }
        _ => return Ok(None),
    };
    Ok(Some((images, false)))
}

fn cut(layer: String, weight: &Tensor, convolution: bool, channel: usize) -> Result<Filters> {
    let (count, channels, height, width) = weight.dims4()?;
    if channel >= channels {
        return Err(Error::layer(
            layer,
            format!("an input channel from 0 to {}", channels.saturating_sub(1)),
            channel.to_string(),
        ));
    }
    // Computed once, not for each tile.
    let weight = to_host(weight)?;
    let tiles = (0..count)
        .map(|filter| {
            let tile = weight.get(filter)?.get(channel)?.flatten_all()?;
            Ok(tile.to_dtype(DType::F32)?.to_vec1()?)
        })
        .collect::<Result<_>>()?;
    Ok(Filters {
        layer,
        tiles,
        height,
        width,
        channels: convolution.then_some(channels),
    })
}
