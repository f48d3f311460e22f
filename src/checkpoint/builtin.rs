//! The checkpoints in models/, built into the library.

use std::path::PathBuf;

use candle_core::Device;

use super::Checkpoint;
use crate::Result;
use crate::engine::Inference;

/// A trained network that needs no file.
///
/// ```
/// use autoencode::checkpoint::BuiltIn;
/// use candle_core::Device;
///
/// let denoiser = BuiltIn::ConvDenoiser.inference(&Device::Cpu)?;
/// assert_eq!(denoiser.model().code_shape(), [128, 7, 7]);
/// # Ok::<(), autoencode::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltIn {
    /// The convolutional denoiser of MNIST digits.
    ConvDenoiser,
    /// The convolutional variational autoencoder of MNIST digits, with codes of 16 dimensions.
    ConvVae,
}

impl BuiltIn {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ConvDenoiser, Self::ConvVae];

    /// Its place in the repository, which stands for its file in messages.
    pub fn origin(self) -> PathBuf {
        PathBuf::from(self.parts().0)
    }

    /// Its recipe and weights.
    ///
    /// # Errors
    /// None in a sound build.
    pub fn checkpoint(self) -> Result<Checkpoint> {
        Checkpoint::from_bytes(self.parts().1, &self.origin())
    }

    /// Its network.
    ///
    /// # Errors
    /// If the device has no memory for it.
    pub fn inference(self, device: &Device) -> Result<Inference> {
        self.checkpoint()?.inference(&self.origin(), device)
    }

    fn parts(self) -> (&'static str, &'static [u8]) {
        match self {
            Self::ConvDenoiser => (
                "models/conv-denoiser.safetensors (built in)",
                include_bytes!("../../models/conv-denoiser.safetensors"),
            ),
            Self::ConvVae => (
                "models/conv-vae.safetensors (built in)",
                include_bytes!("../../models/conv-vae.safetensors"),
            ),
        }
    }
}
