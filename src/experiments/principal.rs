//! A linear autoencoder compared with principal components.

use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::data::Images;
use crate::data::counted;
use crate::evaluate::{Part, Pca};
use crate::file::Publish;
use crate::picture::{ContactSheet, Picture, write_rgb};

pub fn run(lab: &mut Lab) -> Result<Outcome> {
    let (mut errors, mut ratios, mut of_pca) = (Vec::new(), Vec::new(), f64::NAN);
    let path = lab.file("reconstructions.png");
    let runs = lab.train_seeds("linear-32", &[], |lab, trained| {
        let (data, network) = (trained.trainer.dataset(), trained.trainer.inference());
        let size = data.train.image_len();
        if trained.is_first() {
            lab.tell("principal components");
        }
        let pca = Pca::fit(&values(&data.train), size, 32)?;
        let test = values(&data.test);
        let back = pca.reconstruct_rows(&pca.project_rows(&test)?)?;
        let squares = back
            .iter()
            .zip(&test)
            .map(|(b, t)| (b - f64::from(*t)).powi(2));
        of_pca = squares.sum::<f64>() / test.len() as f64;
        let report = trained.trainer.evaluate(&network, Part::Test)?;
        let error = report.output.mse_per_pixel;
        ratios.push(error / of_pca);
        errors.push(error);
        if trained.is_first() {
            let indices = data.test.one_of_each(10);
            let digits = data.test.batch(&indices, lab.device())?;
            let output = network.reconstruct(&digits)?;
            let (channels, height, width) = data.test.shape();
            let rows: Vec<f32> = digits.flatten_all()?.to_vec1()?;
            let projected = pca.reconstruct_rows(&pca.project_rows(&rows)?)?;
            let projected = projected
                .chunks(size)
                .map(|values| {
                    let values = values.iter().map(|&v| v as f32).collect();
                    Picture::clamped(channels, height, width, values)
                })
                .collect::<Result<Vec<Picture>>>()?;
            let sheet = ContactSheet::new("linear-32 beside 32 principal components")
                .rows(vec![
                    Picture::from_batch(&digits)?,
                    Picture::from_batch(&output)?,
                    projected,
                ])
                .row_labels(["input", "linear", "PCA"])
                .scale(3);
            write_rgb(&path, &sheet.render()?, Publish::Replace)?;
        }
        Ok(())
    })?;
    Ok(Outcome {
        protocol: format!(
            "{}; {}; principal components of the same training images; {}",
            runs.origin, counted(runs.epochs, "epochs"), runs.seeds
        ),
        figures: vec![
            Figure::median("test MSE a pixel, linear autoencoder", &errors, "-"),
            Figure::median("test MSE a pixel, 32 principal components", &[of_pca], "-"),
            Figure::median("their ratio", &ratios, "1").within(0.99..=1.01, runs.judged),
        ],
        notes: vec![
            "No linear code of 32 values has a lower squared error on the training images than the principal \
             components (Baldi and Hornik 1989); training gets there, by another basis of the same subspace."
                .to_string(),
        ],
        pictures: vec![path],
    })
}

/// All values of a set, in [0, 1].
fn values(images: &Images) -> Vec<f32> {
    let pixels = images.pixels().iter();
    pixels.map(|&byte| f32::from(byte) / 255.0).collect()
}
