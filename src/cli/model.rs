//! The network that a command works with.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::Error;
use autoencode::checkpoint::{BuiltIn, Checkpoint, locate};
use autoencode::engine::Inference;
use autoencode::network::Autoencoder;
use autoencode::picture::Picture;
use candle_core::{Device, Tensor};
use clap::Args;

use super::shared::Shared;

#[derive(Debug, Args)]
pub struct Model {
    /// A checkpoint file, a run folder (its best checkpoint), or the name of a network that ships with the program:
    /// conv-denoiser, conv-vae or photo-denoiser [default: conv-denoiser, for `sample` conv-vae].
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
        self.load_or(BuiltIn::ConvDenoiser, shared)
    }

    fn load_or(&self, default: BuiltIn, shared: &Shared) -> Result<Loaded> {
        let device = shared.device()?.device;
        let (checkpoint, origin) = match &self.checkpoint {
            Some(path) => match BuiltIn::named(path).filter(|_| !path.exists()) {
                Some(shipped) => (shipped.checkpoint()?, shipped.origin()),
                None => {
                    let file = locate(path)?;
                    (Checkpoint::read(&file)?, file)
                }
            },
            None => (default.checkpoint()?, default.origin()),
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

    /// The same for a command that reads or writes codes: refuses a network that has none.
    pub fn load_for_codes(&self, takes_points: bool, shared: &Shared) -> Result<Loaded> {
        let loaded = match takes_points {
            true => self.load(shared)?,
            false => self.load_for_images(shared)?,
        };
        if loaded.has_code() {
            return Ok(loaded);
        }
        let expected = "a network with a code between encoder and decoder";
        let found = format!(
            "`{}`, which restores pictures and keeps all of them throughout (see infer)",
            loaded.name()
        );
        Err(Error::file(&loaded.origin, expected, found).into())
    }

    /// The same for a command that draws codes at random, which the denoiser has no distribution for.
    pub fn load_to_sample(&self, shared: &Shared) -> Result<Loaded> {
        if self.checkpoint.is_some() {
            return self.load_for_images(shared);
        }
        let loaded = self.load_or(BuiltIn::ConvVae, shared)?;
        shared.note(format_args!(
            "{} is sampled, as no --checkpoint is given (the denoiser cannot be)",
            loaded.origin.display()
        ));
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

    /// Whether it has a code: a network that restores pictures has no encoder.
    pub fn has_code(&self) -> bool {
        !self.model().encoder().layers().is_empty()
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

    /// Height and width of an image on a sheet, at this scale.
    pub fn tile(&self, scale: usize) -> (usize, usize) {
        let mut sides = self.model().input_shape().iter().skip(1);
        let mut side = || scale.saturating_mul(sides.next().copied().unwrap_or(1));
        (side(), side())
    }

    /// The error for a network that lacks what was expected.
    pub fn lacks(&self, expected: &str) -> anyhow::Error {
        let found = format!("`{}`, which has none", self.name());
        Error::file(&self.origin, expected, found).into()
    }
}
