//! A linear autoencoder compared with principal components.

use super::statistics::seeds;
use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::data::Images;
use crate::evaluate::{Part, Pca};
use crate::picture::{ContactSheet, Picture, write_rgb};

pub fn run(lab: &mut Lab) -> Result<Outcome> {
    let mut ratios = Vec::new();
    let (mut errors, mut of_pca) = (Vec::new(), f64::NAN);
    let mut protocol = String::new();
    let mut judged = false;
    let path = lab.file("reconstructions.png");
    for seed in lab.seeds() {
        let recipe = lab.recipe("linear-32", seed, &[])?;
        let data = lab.data(&recipe)?;
        judged = lab.judged(&data);
        protocol = format!(
            "{}; {} epochs; principal components of the same training images",
            data.origin, recipe.training.epochs
        );
        let trained = lab.train(recipe, data)?;
        let (data, network) = (trained.trainer.dataset(), trained.inference());
        let size = data.train.image_len();
        if seed == 1 {
            lab.tell("principal components");
        }
        let pca = Pca::fit(&values(&data.train)?, size, 32)?;
        let test = values(&data.test)?;
        let back = pca.reconstruct_rows(&pca.project_rows(&test)?)?;
        let squares = back
            .iter()
            .zip(&test)
            .map(|(b, t)| (b - f64::from(*t)).powi(2));
        of_pca = squares.sum::<f64>() / test.len() as f64;
        let error = trained
            .trainer
            .evaluate(&network, Part::Test)?
            .output
            .mse_per_pixel;
        ratios.push(error / of_pca);
        errors.push(error);
        if seed == 1 {
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
            write_rgb(&path, &sheet.render()?)?;
        }
    }
    Ok(Outcome {
        protocol: format!("{protocol}; {}", seeds(errors.len())),
        figures: vec![
            Figure::median("test MSE a pixel, linear autoencoder", &errors, "-"),
            Figure::median("test MSE a pixel, 32 principal components", &[of_pca], "-"),
            Figure::median("their ratio", &ratios, "1").within(0.99..=1.01, judged),
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
fn values(images: &Images) -> Result<Vec<f32>> {
    Ok(images
        .pixels()
        .iter()
        .map(|&byte| f32::from(byte) / 255.0)
        .collect())
}
