//! PCA with as many components as a code has values, as a baseline.

use candle_core::{Device, Tensor};
use serde::Serialize;

use super::{BATCH, Conditions, Pca, Quality, add, quality, values};
use crate::Result;
use crate::data::{Dataset, Images, grouped};

/// The quality of a reconstruction from as many principal components as a network's code has values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PcaBaseline {
    /// The number of principal components, that of the code's values.
    pub components: usize,
    /// Number of training images that the components were fitted to.
    pub fitted: usize,
    /// The share of these images' variance along the components.
    pub explained_variance: Option<f64>,
    /// Compared with the clean test images. Reconstructions are not clipped to the range of the values.
    pub quality: Option<Quality>,
    /// Why there are no figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Fits `components` principal components to the clean training images, and measures how well their
/// projection reconstructs the test images. The inputs are clean, or corrupted as the conditions say,
/// so that the figures are comparable with those of [`evaluate`](super::evaluate()). Nothing is
/// measured for as many components as an image has values, which lose nothing, for more than
/// [`Pca::max_components`], or with fewer than two training images.
///
/// # Errors
/// If the corruption or the projection fails.
pub fn pca_baseline(
    components: usize,
    dataset: &Dataset,
    conditions: &Conditions,
) -> Result<PcaBaseline> {
    let (train, test) = (&dataset.train, &dataset.test);
    let size = test.image_len();
    let mut report = PcaBaseline {
        components,
        fitted: train.len(),
        explained_variance: None,
        quality: None,
        reason: None,
    };
    let (most, values_each) = (Pca::max_components(size), grouped(size));
    if components >= size {
        report.reason = Some(format!(
            "as many components as an image has values, {values_each}, would lose nothing"
        ));
        return Ok(report);
    }
    if components > most {
        report.reason = Some(format!(
            "more than {} components of images with {values_each} values are not sought",
            grouped(most)
        ));
        return Ok(report);
    }
    if train.len() < 2 {
        report.reason = Some("they need two or more training images".to_string());
        return Ok(report);
    }
    let pca = Pca::fit(&all_values(train)?, size, components)?;
    let kept: f64 = pca.explained_variance().iter().sum();
    report.explained_variance = Some(kept / pca.total_variance().max(f64::MIN_POSITIVE));

    let mut totals = quality::Totals::default();
    for indices in test.indices().chunks(BATCH) {
        let batch = conditions.batch(test, indices, &Device::Cpu)?;
        let codes = pca.project_rows(&values(&batch.input)?)?;
        let output = pca.reconstruct_rows(&codes)?;
        let output = Tensor::from_vec(output, batch.target.shape(), &Device::Cpu)?;
        add(&mut totals, test, &output, &batch.target)?;
    }
    report.quality = Some(totals.mean(test.len(), test.len() * size));
    Ok(report)
}

/// The values of all images as networks receive them.
fn all_values(images: &Images) -> Result<Vec<f32>> {
    let mut all = Vec::with_capacity(images.len().saturating_mul(images.image_len()));
    for indices in images.indices().chunks(BATCH) {
        all.extend(values(&images.batch(indices, &Device::Cpu)?)?);
    }
    Ok(all)
}
