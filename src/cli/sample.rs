//! `autoencode sample`.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::codes::{Mixture, from_prior};
use autoencode::data::counted;
use autoencode::file::Publish;
use autoencode::network::Code;
use autoencode::picture::{ContactSheet, write_png, write_rgb};
use clap::Args;
use serde_json::json;

use super::files::{claim, lossy, make_folders, numbered, png_file};
use super::model::{Loaded, Model};
use super::output::listed;
use super::pictures::square;
use super::shared::Shared;
use super::wording::FORCE;

/// Draw new images: random codes, decoded.
///
/// The codes come from the mixture of Gaussians fitted to the codes of the training images, if the recipe
/// had `[sampling] components`; otherwise, for a variational autoencoder, from its prior. Without --checkpoint,
/// digits are drawn from the variational autoencoder that ships with the program.
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
    #[arg(long, value_name = "FILE.png", value_parser = png_file(), required_unless_present = "output")]
    sheet: Option<PathBuf>,

    /// Folder for one PNG per image, sample-0001.png and so on.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    #[arg(long, help = FORCE)]
    force: bool,
}

/// Codes per decoder pass.
const BATCH: usize = 250;
/// The scale factor of an image on the sheet.
const SHEET_SCALE: usize = 2;

impl Sample {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let loaded = self.model.load_to_sample(shared)?;
        let density = self.density(&loaded)?;
        let (key, density_name, components) = match &density {
            Density::Prior { .. } => ("prior", "the prior", None),
            Density::Mixture(mixture) => {
                let components = mixture.components();
                ("mixture", "the density of its codes", Some(components))
            }
        };
        let count = usize::from(self.count);
        let files = numbered(self.output.as_ref(), "sample", count);
        let written: Vec<&PathBuf> = files.iter().chain(&self.sheet).collect();
        claim(written.iter().copied(), [&loaded.origin], self.force)?;
        make_folders(written)?;
        let publish = Publish::forced(self.force);

        let mut pictures = Vec::with_capacity(count);
        for first in (0..count).step_by(BATCH) {
            let (start, some) = (first as u64, BATCH.min(count - first));
            let (seed, device) = (self.seed, &loaded.device);
            let codes = match &density {
                Density::Prior { latent } => from_prior(seed, start, some, *latent, device)?,
                Density::Mixture(mixture) => mixture.sample(seed, start, some, device)?,
            };
            let shape = [&[some], loaded.model().code_shape()].concat();
            pictures.extend(loaded.decode(&codes.reshape(shape)?)?);
        }
        shared.note_network(&loaded.network);
        for (file, picture) in files.iter().zip(&pictures) {
            write_png(file, picture, publish)?;
        }
        if let Some(path) = &self.sheet {
            let title = format!("{}: samples from {density_name}", loaded.name());
            let sheet = ContactSheet::new(title).rows(square(&pictures));
            write_rgb(path, &sheet.scale(SHEET_SCALE).render()?, publish)?;
        }
        let json = json!({
            "checkpoint": loaded.origin.to_string_lossy(),
            "count": count,
            "seed": self.seed,
            "from": key,
            "components": components,
            "files": lossy(&files),
            "sheet": self.sheet.as_ref().map(|sheet| sheet.to_string_lossy()),
        });
        shared.report(&json, || {
            let written = listed(self.output.iter().chain(&self.sheet));
            format!(
                "{} from {density_name} -> {written}",
                counted(count, "samples")
            )
        })
    }

    /// The distribution to draw from, by the checkpoint and the flags.
    fn density(&self, loaded: &Loaded) -> Result<Density> {
        let prior = match loaded.model().code() {
            Code::Gaussian { latent } => Some(Density::Prior { latent }),
            Code::Plain => None,
        };
        let density = match self.from_prior {
            true => prior,
            false => Mixture::of(&loaded.checkpoint, loaded.code_len(), &loaded.origin)?
                .map(Density::Mixture)
                .or(prior),
        };
        density.ok_or_else(|| {
            loaded.lacks(match self.from_prior {
                true => "a checkpoint of a variational autoencoder, which has a prior to draw from",
                false => {
                    "a checkpoint of a variational autoencoder, or of a network with a code of at most 256 \
                     values that was trained with a density of its codes (train --set sampling.components=50)"
                }
            })
        })
    }
}

/// The distribution that codes are drawn from.
enum Density {
    Prior { latent: usize },
    Mixture(Mixture),
}
