//! The picture of an epoch: inputs and outputs.

use std::path::Path;

use candle_core::Device;

use super::metrics::EpochMetrics;
use crate::Result;
use crate::data::{Batch, Dataset, Preparation};
use crate::engine::Inference;
use crate::evaluate::Part;
use crate::picture::{ContactSheet, Picture, write_rgb};
use crate::recipe::Recipe;

/// Images per picture.
const COLUMNS: usize = 10;

/// Validation images, the same in every epoch: one of each class if there are ten.
pub(super) struct SamplePicture {
    batch: Batch,
    clean: Vec<Picture>,
    noisy: Option<Vec<Picture>>,
}

impl SamplePicture {
    pub fn new(dataset: &Dataset, recipe: &Recipe, seed: u64, device: &Device) -> Result<Self> {
        let images = &dataset.validation;
        let indices = images.one_of_each(COLUMNS);
        let mut preparation = Preparation::of(recipe);
        preparation.corruption = preparation.corruption.evaluated();
        let keys = Part::Validation.keys(seed);
        let batch = Batch::prepare(images, &indices, &preparation, keys, device)?;
        let noisy = match preparation.corruption.is_none() {
            true => None,
            false => Some(Picture::from_batch(&batch.input)?),
        };
        Ok(Self {
            clean: Picture::from_batch(&batch.target)?,
            noisy,
            batch,
        })
    }

    pub fn write(
        &self,
        network: &Inference,
        recipe: &Recipe,
        metrics: &EpochMetrics,
        path: &Path,
    ) -> Result<()> {
        let mut rows = vec![self.clean.clone()];
        let mut labels = vec!["clean"];
        if let Some(noisy) = &self.noisy {
            rows.push(noisy.clone());
            labels.push("noisy");
        }
        rows.push(Picture::from_batch(
            &network.reconstruct(&self.batch.input)?,
        )?);
        labels.push("output");
        let sheet = ContactSheet::new(format!(
            "{}, epoch {}: validation {} {:.4} {}{}",
            recipe.name,
            metrics.epoch,
            recipe.objective.label(),
            metrics.validation_loss,
            recipe.loss_unit(),
            metrics
                .validation_psnr_db
                .map_or(String::new(), |psnr| format!(", {psnr:.2} dB")),
        ))
        .rows(rows)
        .row_labels(labels)
        .scale(3);
        write_rgb(path, &sheet.render()?)
    }
}
