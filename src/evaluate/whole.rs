//! Measuring a network on whole pictures of any size.

use super::quality::Totals;
use super::{Conditions, Report};
use crate::data::{Images, Sample};
use crate::engine::AnySize;
use crate::random::Purpose;
use crate::{Error, Result};

/// Measures a network on every picture of a set of which it was trained on patches, in order. Results are clipped to
/// values from 0 to 1. `progress` gets the number of pictures that are done.
///
/// # Errors
/// If there are no pictures, the set is none of pictures in patches, or they have other channels than the network.
pub fn evaluate_whole(
    network: &AnySize,
    images: &Images,
    conditions: &Conditions,
    mut progress: impl FnMut(usize),
) -> Result<Report> {
    if images.is_empty() || !images.are_wholes() {
        let expected = "one or more pictures in patches";
        return Err(Error::argument("set to measure on", expected, "none"));
    }
    let corruption = conditions.preparation.corruption.evaluated();
    let key = conditions.noise_key(Purpose::Evaluation);
    let (channels, ..) = images.shape();
    let (mut output, mut input, mut pixels) = (Totals::default(), Totals::default(), 0);
    for index in 0..images.len() {
        let Some(Sample::Whole(whole)) = images.sample(index) else {
            continue;
        };
        let shape = (channels, whole.height, whole.width);
        let clean: Vec<f32> = whole.planes.iter().map(|v| f32::from(*v) / 255.0).collect();
        let mut noisy = clean.clone();
        corruption.apply(key, index as u64, &mut noisy);
        let tile = network.default_tile();
        let mut restored = network.restore(shape, &noisy, tile, |_, _| {})?;
        for value in &mut restored {
            *value = value.clamp(0.0, 1.0);
        }
        output.add_images(shape, &restored, &clean);
        input.add_images(shape, &noisy, &clean);
        pixels += clean.len();
        progress(index + 1);
    }
    let mean = |totals: &Totals| totals.mean(images.len(), pixels);
    Ok(Report {
        images: images.len(),
        output: mean(&output),
        input: (!corruption.is_none()).then(|| mean(&input)),
        reconstruction_loss: None,
        code_penalty: None,
        elbo: None,
    })
}
