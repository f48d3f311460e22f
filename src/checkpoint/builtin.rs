//! The checkpoints in models/, built into the library.

use std::path::{Path, PathBuf};

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
    /// The denoiser of grey photographs of any size and noise.
    PhotoDenoiser,
}

/// The parts of a name before and after that of the recipe.
const FOLDER: &str = "models/";
const BUILT_IN: &str = ".safetensors (built in)";

impl BuiltIn {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ConvDenoiser, Self::ConvVae, Self::PhotoDenoiser];

    /// The one whose recipe has this name.
    pub fn named(name: &Path) -> Option<Self> {
        let names = |one: &Self| one.parts().0.strip_suffix(BUILT_IN)?.strip_prefix(FOLDER);
        let mut all = Self::ALL.into_iter();
        all.find(|one| names(one).is_some_and(|own| name.as_os_str() == own))
    }

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
            Self::PhotoDenoiser => (
                "models/photo-denoiser.safetensors (built in)",
                include_bytes!("../../models/photo-denoiser.safetensors"),
            ),
        }
    }
}
