//! MNIST with a code of 32 values.

use std::path::Path;

use super::lab::Trained;
use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::data::counted;
use crate::evaluate::Part;
use crate::file::Publish;
use crate::picture::{ContactSheet, Picture, write_rgb};

/// The library's recipe.
pub fn dense_32(lab: &mut Lab) -> Result<Outcome> {
    let mut losses = Vec::new();
    let path = lab.file("codes.png");
    let runs = lab.train_seeds("dense-32", &[], |_, trained| {
        let trainer = &trained.trainer;
        let report = trainer.evaluate(&trainer.inference(), Part::Test)?;
        losses.push(report.output.bce_per_pixel.unwrap_or(f64::NAN));
        let title = "dense-32: digits, their 32 values, and what comes back";
        draw_first(trained, title, &path)
    })?;
    Ok(Outcome {
        protocol: format!(
            "{}; Adam, cosine from 1e-3, {} in batches of {}; {}",
            runs.origin, counted(runs.epochs, "epochs"), runs.batch_size, runs.seeds
        ),
        figures: vec![
            Figure::median("test BCE a pixel", &losses, "about 0.093")
                .within(f64::NEG_INFINITY..=0.0935, runs.judged),
        ],
        notes: vec![
            "The tutorial gives neither epochs nor batch size; these are the recipe's. The encoder is usable on \
             its own: the middle row of the picture is its result."
                .to_string(),
        ],
        pictures: vec![path],
    })
}

/// Adadelta, as in the tutorial.
pub fn adadelta(lab: &mut Lab) -> Result<Outcome> {
    let mut losses = Vec::new();
    let path = lab.file("codes.png");
    let quick = lab.quick();
    let epochs: &[&str] = if quick { &["training.epochs=10"] } else { &[] };
    let runs = lab.train_seeds("dense-32-adadelta", epochs, |_, trained| {
        losses.extend(trained.validation().last());
        let title =
            "dense-32-adadelta: test digits, their codes, and what the decoder makes of them";
        draw_first(trained, title, &path)
    })?;
    // Long enough to show the effect of the other rate.
    let slow = ["optimizer.lr=0.001", "training.epochs=5"];
    let slow = lab.train("dense-32-adadelta", 1, &slow)?.validation();
    let slow = slow.last().copied();
    Ok(Outcome {
        protocol: format!(
            "{}; Adadelta at rate 1.0, {} in batches of {}, validated on the test images; {}",
            runs.origin, counted(runs.epochs, "epochs"), runs.batch_size, runs.seeds
        ),
        figures: vec![
            Figure::median("test BCE a pixel, rate 1.0", &losses, "-"),
            Figure::median("test BCE a pixel, rate 0.001, 5 epochs", slow.as_slice(), "-"),
        ],
        notes: vec![
            "The rate is 1.0, the default of the Keras of the time and of the paper; with today's default of \
             0.001 the network hardly learns."
                .to_string(),
        ],
        pictures: vec![path],
    })
}

/// Of the first seed's run: ten test digits, their codes as small squares, and their reconstructions.
pub(super) fn draw_first(trained: &Trained, title: &str, path: &Path) -> Result<()> {
    if !trained.is_first() {
        return Ok(());
    }
    let trainer = &trained.trainer;
    let (test, network) = (&trainer.dataset().test, trainer.inference());
    let digits = test.batch(&test.one_of_each(10), trainer.model().device())?;
    let codes = network.encode(&digits)?;
    let back = Picture::from_batch(&network.decode(&codes)?)?;
    let codes: Vec<Vec<f32>> = codes.flatten_from(1)?.to_vec2()?;
    let highest = codes.iter().flatten().copied().fold(1e-6, f32::max);
    let squares = codes
        .iter()
        .map(|code| {
            // The most nearly square shape, with one scale for all codes.
            let height = (1..=code.len())
                .take_while(|height| height * height <= code.len())
                .filter(|height| code.len().is_multiple_of(*height))
                .last()
                .unwrap_or(1);
            let values = code.iter().map(|value| value / highest).collect();
            let square = Picture::clamped(1, height, code.len() / height.max(1), values)?;
            enlarged(&square, CODE_CELL)
        })
        .collect::<Result<Vec<Picture>>>()?;
    let sheet = ContactSheet::new(title)
        .rows(vec![Picture::from_batch(&digits)?, squares, back])
        .row_labels(["input", "code", "output"])
        .scale(3);
    write_rgb(path, &sheet.render()?, Publish::Replace)
}

/// Side of a code value in pixels, before the sheet is scaled.
const CODE_CELL: usize = 3;

/// Draws every value as a square of `cell` pixels a side.
fn enlarged(picture: &Picture, cell: usize) -> Result<Picture> {
    let rows = picture.values().chunks(picture.width()).flat_map(|row| {
        let wide: Vec<f32> = row
            .iter()
            .flat_map(|&value| std::iter::repeat_n(value, cell))
            .collect();
        std::iter::repeat_n(wide, cell).flatten()
    });
    let (height, width) = (picture.height() * cell, picture.width() * cell);
    Picture::new(1, height, width, rows.collect())
}
