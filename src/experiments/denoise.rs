//! Zeros and ones with noisy copies, in a network of five hidden layers.

use std::ops::RangeInclusive;
use std::path::Path;

use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::data::{Batch, Preparation};
use crate::evaluate::Part;
use crate::file::Publish;
use crate::picture::{ContactSheet, Picture, write_rgb};
use crate::recipe::{Corruption, Noise};
use crate::train::Trainer;

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
    let path = lab.file("denoised.png");
    let runs = lab.train_seeds(name, &[], |_, trained| {
        first.extend(trained.validation().first());
        last.extend(trained.validation().last());
        if trained.is_first() {
            let title = format!("{name}: trained with noise 0.1, shown 0.1 and 0.2");
            let noises = [0.1, 0.2].map(|factor| {
                let noise = Corruption::Gaussian(Noise::of(factor));
                (format!("noise {factor}"), noise)
            });
            draw(&trained.trainer, &title, "original", noises, &path)?;
        }
        Ok(())
    })?;
    Ok(Outcome {
        protocol: format!(
            "{}, validated on the clean test images, 50 epochs in batches of 256; {}",
            runs.origin, runs.seeds
        ),
        figures: vec![
            Figure::median("validation BCE a pixel after epoch 1", &first, published[0]),
            Figure::median("validation BCE a pixel after epoch 50", &last, published[1])
                .within(tolerance, runs.judged),
        ],
        notes: vec![note.to_string()],
        pictures: vec![path],
    })
}

/// Ten test digits, and for each noise with its label the noisy versions and the reconstructions.
pub(super) fn draw(
    trainer: &Trainer,
    title: &str,
    clean: &str,
    noises: impl IntoIterator<Item = (String, Corruption)>,
    path: &Path,
) -> Result<()> {
    let (test, device) = (&trainer.dataset().test, trainer.model().device());
    let network = trainer.inference();
    let indices: Vec<u32> = (0..10).collect();
    let digits = Picture::from_batch(&test.batch(&indices, device)?)?;
    let (mut rows, mut labels) = (vec![digits], vec![clean.to_string()]);
    for (label, corruption) in noises {
        let preparation = Preparation {
            corruption,
            ..Preparation::of(trainer.recipe())
        };
        let keys = Part::Test.keys(0);
        let batch = Batch::prepare(test, &indices, &preparation, keys, device)?;
        rows.push(Picture::from_batch(&batch.input)?);
        rows.push(Picture::from_batch(&network.reconstruct(&batch.input)?)?);
        labels.extend([label, "output".to_string()]);
    }
    let sheet = ContactSheet::new(title)
        .rows(rows)
        .row_labels(labels)
        .scale(3);
    write_rgb(path, &sheet.render()?, Publish::Replace)
}
