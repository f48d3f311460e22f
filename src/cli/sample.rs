//! `autoencode sample`.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Mixture, from_prior};
use autoencode::network::Code;
use autoencode::picture::{ContactSheet, Picture, write_png, write_rgb};
use candle_core::{Device, Tensor};
use clap::Args;
use serde_json::json;

use super::files::{claim, make_folders};
use super::model::{Loaded, Model};
use super::output::{print, print_json};
use super::shared::Shared;

/// Draw new images: random codes, decoded.
///
/// The codes come from the mixture of Gaussians fitted to the codes of the training images, if the recipe
/// had `[sampling] components`; otherwise, for a variational autoencoder, from its prior.
#[derive(Debug, Args)]
pub struct Sample {
    #[command(flatten)]
    model: Model,

    /// Number of images.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    count: u16,

    /// Seed of the codes: the same seed draws the same images.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Draw the codes of a variational autoencoder from its prior, even if it has a mixture.
    #[arg(long)]
    from_prior: bool,

    /// File for one picture of all the images.
    #[arg(long, value_name = "FILE.png", required_unless_present = "output")]
    grid: Option<PathBuf>,

    /// Folder for one PNG per image, sample-0001.png and so on.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Overwrite existing files.
    #[arg(long)]
    force: bool,
}

/// Codes per decoder pass.
const BATCH: usize = 250;
/// The scale factor of an image on the grid.
const GRID_SCALE: usize = 2;

impl Sample {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let chosen = shared.device()?;
        let loaded = self.model.load(&chosen)?;
        loaded.of_images()?;
        let density = self.density(&loaded)?;
        let count = usize::from(self.count);
        let files: Vec<PathBuf> = match &self.output {
            Some(folder) => (1..=count)
                .map(|number| folder.join(format!("sample-{number:04}.png")))
                .collect(),
            None => Vec::new(),
        };
        let written: Vec<&PathBuf> = files.iter().chain(&self.grid).collect();
        claim(written.iter().copied(), [&loaded.origin], self.force)?;
        make_folders(written)?;

        let mut pictures = Vec::with_capacity(count);
        for first in (0..count).step_by(BATCH) {
            let some = BATCH.min(count - first);
            let codes = density.draw(self.seed, first as u64, some, &chosen.device)?;
            let shape: Vec<usize> = std::iter::once(some)
                .chain(loaded.model().code_shape().iter().copied())
                .collect();
            let codes = codes.reshape(shape)?;
            pictures.extend(Picture::from_batch(&loaded.network.decode(&codes)?)?);
        }
        shared.note_network(&loaded.network);
        for (file, picture) in files.iter().zip(&pictures) {
            write_png(file, picture)?;
        }
        if let Some(path) = &self.grid {
            let title = format!(
                "{}: samples from {}",
                loaded.checkpoint.recipe.name,
                density.name()
            );
            write_rgb(path, &grid(title, &pictures).render()?)?;
        }
        if shared.json {
            return print_json(&json!({
                "checkpoint": loaded.origin.to_string_lossy(),
                "count": count,
                "seed": self.seed,
                "from": density.key(),
                "components": density.components(),
                "files": files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
                "grid": self.grid.as_ref().map(|grid| grid.to_string_lossy()),
            }));
        }
        if shared.talks() {
            let written = self.output.iter().chain(&self.grid);
            let written: Vec<String> = written.map(|path| path.display().to_string()).collect();
            print(&format!(
                "{count} samples from {} -> {}",
                density.name(),
                written.join(", ")
            ))?;
        }
        Ok(())
    }

    /// The distribution to draw from, by the checkpoint and the flags.
    fn density(&self, loaded: &Loaded) -> Result<Density> {
        let dim = loaded.model().code_shape().iter().product();
        let prior = match loaded.model().code() {
            Code::Gaussian { latent } => Some(Density::Prior { latent }),
            Code::Plain => None,
        };
        let density = match self.from_prior {
            true => prior,
            false => Mixture::of(&loaded.checkpoint, dim, &loaded.origin)?
                .map(Density::Mixture)
                .or(prior),
        };
        density.ok_or_else(|| {
            let expected = match self.from_prior {
                true => "a checkpoint of a variational autoencoder, which has a prior to draw from",
                false => {
                    "a checkpoint of a variational autoencoder, or of a network with a code of at most 256 \
                     values that was trained with a density of its codes (train --set sampling.components=50)"
                }
            };
            let found = format!("`{}`, which has none", loaded.checkpoint.recipe.name);
            Error::file(&loaded.origin, expected, found).into()
        })
    }
}

/// The distribution that codes are drawn from.
enum Density {
    Prior { latent: usize },
    Mixture(Mixture),
}

impl Density {
    fn draw(&self, seed: u64, first: u64, count: usize, device: &Device) -> Result<Tensor> {
        Ok(match self {
            Self::Prior { latent } => from_prior(seed, first, count, *latent, device)?,
            Self::Mixture(mixture) => mixture.sample(seed, first, count, device)?,
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Prior { .. } => "the prior",
            Self::Mixture(_) => "the density of its codes",
        }
    }

    fn key(&self) -> &'static str {
        match self {
            Self::Prior { .. } => "prior",
            Self::Mixture(_) => "mixture",
        }
    }

    fn components(&self) -> Option<usize> {
        match self {
            Self::Prior { .. } => None,
            Self::Mixture(mixture) => Some(mixture.components()),
        }
    }
}

/// All images in a nearly square grid.
fn grid(title: String, pictures: &[Picture]) -> ContactSheet {
    let columns = (1..=pictures.len())
        .find(|columns| columns * columns >= pictures.len())
        .unwrap_or(1);
    ContactSheet::new(title)
        .rows(pictures.chunks(columns).map(<[Picture]>::to_vec).collect())
        .scale(GRID_SCALE)
}
