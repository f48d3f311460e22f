//! `autoencode sample`.

use std::path::PathBuf;

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::from_prior;
use autoencode::model::Code;
use autoencode::picture::{ContactSheet, Picture, write_png, write_rgb};
use clap::Args;
use serde_json::json;

use super::files::{make_folders, refuse_collisions, refuse_existing};
use super::model::Model;
use super::output::{print, print_json};
use super::shared::Shared;

/// Draw new images from a variational autoencoder: codes from its prior, decoded.
#[derive(Debug, Args)]
pub struct Sample {
    #[command(flatten)]
    model: Model,

    /// How many images.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    count: u16,

    /// Key of the codes: the same key draws the same images.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// One picture of all of them.
    #[arg(long, value_name = "FILE.png", required_unless_present = "output")]
    grid: Option<PathBuf>,

    /// Folder for one PNG an image, sample-0001.png and on.
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Overwrite files that exist.
    #[arg(long)]
    force: bool,
}

/// Images that go through the decoder at once.
const BATCH: usize = 250;
/// Pixels a side on the grid for each of an image's.
const GRID_SCALE: usize = 2;

impl Sample {
    pub fn run(&self, shared: &Shared) -> Result<()> {
        let chosen = shared.device()?;
        let loaded = self.model.load(&chosen)?;
        loaded.of_images()?;
        let Code::Gaussian { latent } = loaded.model.code() else {
            let expected =
                "a checkpoint of a variational autoencoder, which has a prior to draw from";
            let found = format!("`{}`, which has none", loaded.checkpoint.recipe.name);
            return Err(Error::file(&loaded.origin, expected, found).into());
        };
        let count = usize::from(self.count);
        let files: Vec<PathBuf> = match &self.output {
            Some(folder) => (1..=count)
                .map(|number| folder.join(format!("sample-{number:04}.png")))
                .collect(),
            None => Vec::new(),
        };
        let written: Vec<&PathBuf> = files.iter().chain(&self.grid).collect();
        refuse_collisions(&written)?;
        if !self.force {
            refuse_existing(written.iter().copied())?;
        }
        make_folders(written)?;

        let mut pictures = Vec::with_capacity(count);
        for first in (0..count).step_by(BATCH) {
            let some = BATCH.min(count - first);
            let codes = from_prior(self.seed, first as u64, some, latent, &chosen.device)?;
            pictures.extend(Picture::from_batch(&loaded.model.decode(&codes)?)?);
        }
        for (file, picture) in files.iter().zip(&pictures) {
            write_png(file, picture)?;
        }
        if let Some(path) = &self.grid {
            write_rgb(
                path,
                &grid(&loaded.checkpoint.recipe.name, &pictures).render()?,
            )?;
        }
        if shared.json {
            return print_json(&json!({
                "checkpoint": loaded.origin.to_string_lossy(),
                "count": count,
                "seed": self.seed,
                "files": files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
                "grid": self.grid.as_ref().map(|grid| grid.to_string_lossy()),
            }));
        }
        if shared.talks() {
            let written = self.output.iter().chain(&self.grid);
            let written: Vec<String> = written.map(|path| path.display().to_string()).collect();
            print(&format!("{count} samples -> {}", written.join(", ")))?;
        }
        Ok(())
    }
}

/// All images in a nearly square grid.
fn grid(name: &str, pictures: &[Picture]) -> ContactSheet {
    let columns = (1..=pictures.len())
        .find(|columns| columns * columns >= pictures.len())
        .unwrap_or(1);
    ContactSheet::new(format!("{name}: samples from the prior"))
        .rows(pictures.chunks(columns).map(<[Picture]>::to_vec).collect())
        .scale(GRID_SCALE)
}
