//! The picture of an epoch: inputs and outputs.

use std::path::Path;

use candle_core::{Device, Tensor};

use super::metrics::EpochMetrics;
use crate::Result;
use crate::data::{Batch, Dataset, Preparation};
use crate::engine::Inference;
use crate::evaluate::Part;
use crate::file::Publish;
use crate::picture::{ContactSheet, Picture, write_rgb};
use crate::recipe::Recipe;

/// Images per picture.
const COLUMNS: usize = 10;

/// Validation images, the same in every epoch: one of each class if there are ten.
pub(super) struct SamplePicture {
    input: Tensor,
    /// The rows above the outputs, with their labels.
    rows: Vec<Vec<Picture>>,
    labels: Vec<&'static str>,
}

impl SamplePicture {
    pub fn new(dataset: &Dataset, recipe: &Recipe, seed: u64, device: &Device) -> Result<Self> {
        let images = &dataset.validation;
        let indices = images.one_of_each(COLUMNS);
        let mut preparation = Preparation::of(recipe);
        preparation.corruption = preparation.corruption.evaluated();
        let keys = Part::Validation.keys(seed);
        let batch = Batch::prepare(images, &indices, &preparation, keys, device)?;
        let (mut rows, mut labels) = (vec![Picture::from_batch(&batch.target)?], vec!["clean"]);
        if !preparation.corruption.is_none() {
            rows.push(Picture::from_batch(&batch.input)?);
            labels.push("noisy");
        }
        Ok(Self {
            input: batch.input,
            rows,
            labels,
        })
    }

    pub fn write(
        &self,
        network: &Inference,
        recipe: &Recipe,
        metrics: &EpochMetrics,
        path: &Path,
    ) -> Result<()> {
        let output = Picture::from_batch(&network.reconstruct(&self.input)?)?;
        let psnr = metrics.validation_psnr_db;
        let sheet = ContactSheet::new(format!(
            "{}, epoch {}: validation {} {:.4} {}{}",
            recipe.name,
            metrics.epoch,
            recipe.objective.label(),
            metrics.validation_loss,
            recipe.loss_unit(),
            psnr.map_or(String::new(), |psnr| format!(", {psnr:.2} dB")),
        ))
        .rows([self.rows.as_slice(), &[output]].concat())
        .row_labels([self.labels.as_slice(), &["output"]].concat())
        .scale(3);
        write_rgb(path, &sheet.render()?, Publish::Replace)
    }
}
