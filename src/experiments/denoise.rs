//! Zeros and ones with noisy copies, in a network of five hidden layers.

use std::ops::RangeInclusive;

use super::statistics::seeds;
use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::data::{Batch, Dataset, Preparation};
use crate::engine::Inference;
use crate::evaluate::Part;
use crate::picture::{ContactSheet, Picture, write_rgb};
use crate::recipe::{Corruption, Noise};

/// The ReLU network.
pub fn relu(lab: &mut Lab) -> Result<Outcome> {
    let published = ["0.1445", "0.0666 (0.0661 at epoch 49)"];
    let note = "Clean digits and noisy copies, each its own target: the network learns to reconstruct, and \
                denoises because 32 values have no room for noise.";
    row(lab, "deep-denoise", published, 0.0655..=0.068, note)
}

/// The network with sin and softplus.
pub fn custom(lab: &mut Lab) -> Result<Outcome> {
    let published = ["0.1709", "0.0652"];
    let note = "The point of the tutorial is a function of one's own: a recipe names sin and softplus, and the \
                library's `activation::Custom` takes any other.";
    row(lab, "deep-denoise-custom", published, 0.064..=0.067, note)
}

fn row(
    lab: &mut Lab,
    name: &str,
    published: [&str; 2],
    tolerance: RangeInclusive<f64>,
    note: &str,
) -> Result<Outcome> {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let mut protocol = String::new();
    let mut judged = false;
    let path = lab.file("denoised.png");
    for seed in lab.seeds() {
        let recipe = lab.recipe(name, seed, &[])?;
        let data = lab.data(&recipe)?;
        judged = lab.judged(&data);
        protocol = format!("{}, validated on the clean test images", data.origin);
        let trained = lab.train(recipe, data)?;
        first.extend(trained.validation().first());
        last.extend(trained.validation().last());
        if seed == 1 {
            draw(name, &trained.inference(), trained.trainer.dataset(), lab)?
                .render()
                .and_then(|sheet| write_rgb(&path, &sheet))?;
        }
    }
    Ok(Outcome {
        protocol: format!(
            "{protocol}, 50 epochs in batches of 256; {}",
            seeds(last.len())
        ),
        figures: vec![
            Figure::median("validation BCE a pixel after epoch 1", &first, published[0]),
            Figure::median("validation BCE a pixel after epoch 50", &last, published[1])
                .within(tolerance, judged),
        ],
        notes: vec![note.to_string()],
        pictures: vec![path],
    })
}

/// Clean test digits, their noisy versions and reconstructions, at the training noise and at twice
/// that.
fn draw(name: &str, network: &Inference, data: &Dataset, lab: &Lab) -> Result<ContactSheet> {
    let indices: Vec<u32> = (0..10).collect();
    let mut rows = Vec::new();
    let mut labels = Vec::new();
    for noise in [0.1, 0.2] {
        let preparation = Preparation {
            corruption: Corruption::Gaussian(Noise::of(noise)),
            ..Preparation::default()
        };
        let keys = Part::Test.keys(0);
        let batch = Batch::prepare(&data.test, &indices, &preparation, keys, lab.device())?;
        if rows.is_empty() {
            rows.push(Picture::from_batch(&batch.target)?);
            labels.push("original".to_string());
        }
        rows.push(Picture::from_batch(&batch.input)?);
        labels.push(format!("noise {noise}"));
        rows.push(Picture::from_batch(&network.reconstruct(&batch.input)?)?);
        labels.push("output".to_string());
    }
    Ok(
        ContactSheet::new(format!("{name}: trained with noise 0.1, shown 0.1 and 0.2"))
            .rows(rows)
            .row_labels(labels)
            .scale(3),
    )
}
