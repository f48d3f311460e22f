//! `autoencode filters`.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::file::Publish;
use autoencode::network::{Filters as LayerFilters, filters};
use autoencode::picture::{filter_grid, write_rgb};
use clap::Args;
use serde_json::json;

use super::files::{claim, make_folders, png_file};
use super::model::Model;
use super::shared::Shared;
use super::wording::FORCE;

/// Draw a layer's learned filters, scaled together to [0,1], one tile each.
///
/// For a convolution: the kernels for one input channel, one tile per output channel. For a dense
/// layer that reads the image: the image that each unit looks for. For one that produces the image:
/// the image that each unit draws.
#[derive(Debug, Args)]
pub struct Filters {
    #[command(flatten)]
    model: Model,

    /// The layer's name in `autoencode summary` [default: the first with filters].
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,

    /// The input channel of a convolution, from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    channel: usize,

    /// The picture to write.
    #[arg(long, short, value_name = "FILE.png", value_parser = png_file())]
    output: PathBuf,

    /// Pixels per weight on each side [default: 16 for kernels, 3 for whole images].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    scale: Option<u16>,

    #[arg(long, help = FORCE)]
    force: bool,
}

impl Filters {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let loaded = self.model.load_for_images(shared)?;
        claim([&self.output], [&loaded.origin], self.force)?;
        let LayerFilters {
            layer,
            tiles,
            height,
            width,
            channels,
        } = filters(loaded.model(), self.layer.as_deref(), self.channel)
            .map_err(|error| error.inside(&loaded.origin))?;
        let scale = match self.scale {
            Some(scale) => usize::from(scale),
            None if height.max(width) > 11 => 3,
            None => 16,
        };
        let grid = filter_grid(&tiles, height, width, scale)?;
        make_folders([&self.output])?;
        write_rgb(&self.output, &grid, Publish::forced(self.force))?;
        let json = json!({
            "layer": layer,
            "channel": self.channel,
            "tiles": tiles.len(),
            "height": height,
            "width": width,
            "output": self.output.to_string_lossy(),
        });
        shared.report(&json, || {
            let of = match channels {
                Some(count) => format!(", input channel {} of {count}", self.channel),
                None => String::new(),
            };
            format!(
                "{layer}: {} filters of {height}x{width}{of} -> {}",
                tiles.len(),
                self.output.display()
            )
        })
    }
}
