//! The network that a command works with.

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::checkpoint::{Checkpoint, locate};
use autoencode::device::Chosen;
use autoencode::engine::Inference;
use autoencode::network::Autoencoder;
use clap::Args;

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

/// A network and its source.
pub struct Loaded {
    pub network: Inference,
    pub checkpoint: Checkpoint,
    pub origin: PathBuf,
}

impl Model {
    pub fn load(&self, chosen: &Chosen) -> Result<Loaded> {
        match &self.checkpoint {
            Some(path) => open(path, chosen),
            None => {
                let origin = PathBuf::from(SHIPPED_NAME);
                finish(Checkpoint::from_bytes(SHIPPED, &origin)?, origin, chosen)
            }
        }
    }
}

impl Loaded {
    pub fn model(&self) -> &Autoencoder {
        self.network.model()
    }

    /// Refuses a network of points for a command that reads or writes images.
    pub fn of_images(&self) -> Result<()> {
        match self.checkpoint.recipe.data.points {
            None => Ok(()),
            Some(points) => Err(Error::file(
                &self.origin,
                "a checkpoint of a network of images",
                format!("one of {}", points.title()),
            )
            .into()),
        }
    }
}

/// Opens a checkpoint file or run folder.
pub fn open(path: &Path, chosen: &Chosen) -> Result<Loaded> {
    let file = locate(path)?;
    finish(Checkpoint::read(&file)?, file, chosen)
}

fn finish(checkpoint: Checkpoint, origin: PathBuf, chosen: &Chosen) -> Result<Loaded> {
    Ok(Loaded {
        network: checkpoint.inference(&origin, &chosen.device)?,
        checkpoint,
        origin,
    })
}
