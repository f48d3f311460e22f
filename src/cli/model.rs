//! The network that a command works with.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::Error;
use autoencode::checkpoint::{Checkpoint, locate};
use autoencode::engine::Inference;
use autoencode::network::Autoencoder;
use autoencode::picture::Picture;
use candle_core::{Device, Tensor};
use clap::Args;

use super::shared::Shared;

/// The denoiser in models/, built into the binary.
const SHIPPED: &[u8] = include_bytes!("../../models/conv-denoiser.safetensors");
const SHIPPED_NAME: &str = "models/conv-denoiser.safetensors (built in)";

#[derive(Debug, Args)]
pub struct Model {
    /// A checkpoint file or a run folder (its best checkpoint) [default: the denoiser that ships
    /// with the program].
    #[arg(long, short, value_name = "FILE|RUN")]
    checkpoint: Option<PathBuf>,
}

/// A network, its source and its device.
pub struct Loaded {
    pub network: Inference,
    pub checkpoint: Checkpoint,
    pub origin: PathBuf,
    pub device: Device,
}

impl Model {
    /// Opens the device and loads the network onto it.
    pub fn load(&self, shared: &Shared) -> Result<Loaded> {
        let device = shared.device()?.device;
        let (checkpoint, origin) = match &self.checkpoint {
            Some(path) => {
                let file = locate(path)?;
                (Checkpoint::read(&file)?, file)
            }
            None => {
                let origin = PathBuf::from(SHIPPED_NAME);
                (Checkpoint::from_bytes(SHIPPED, &origin)?, origin)
            }
        };
        Ok(Loaded {
            network: checkpoint.inference(&origin, &device)?,
            checkpoint,
            origin,
            device,
        })
    }

    /// The same for a command that reads or writes images: refuses a network of points.
    pub fn load_for_images(&self, shared: &Shared) -> Result<Loaded> {
        let loaded = self.load(shared)?;
        if let Some(points) = loaded.checkpoint.recipe.data.points {
            let expected = "a checkpoint of a network of images";
            let found = format!("one of {}", points.title());
            return Err(Error::file(&loaded.origin, expected, found).into());
        }
        Ok(loaded)
    }
}

impl Loaded {
    pub fn model(&self) -> &Autoencoder {
        self.network.model()
    }

    /// The name of the recipe.
    pub fn name(&self) -> &str {
        &self.checkpoint.recipe.name
    }

    /// Number of values in a code.
    pub fn code_len(&self) -> usize {
        self.model().code_shape().iter().product()
    }

    /// The images of codes `(N, code...)` on any device.
    pub fn decode(&self, codes: &Tensor) -> Result<Vec<Picture>> {
        let codes = codes.to_device(&self.device)?;
        Ok(Picture::from_batch(&self.network.decode(&codes)?)?)
    }

    /// The longest side of an image.
    pub fn longest_side(&self) -> usize {
        let sides = self.model().input_shape().iter().skip(1);
        sides.copied().max().unwrap_or(1).max(1)
    }

    /// The scale factor that makes the longest side of an image about this many pixels.
    pub fn scale(&self, pixels: usize) -> usize {
        (pixels / self.longest_side()).max(1)
    }

    /// The error for a network that lacks what was expected.
    pub fn lacks(&self, expected: &str) -> anyhow::Error {
        let found = format!("`{}`, which has none", self.name());
        Error::file(&self.origin, expected, found).into()
    }
}
