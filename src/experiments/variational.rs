//! The convolutional variational autoencoder.

use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::data::counted;
use crate::evaluate::{Part, code_knn};
use crate::file::Publish;
use crate::picture::{ContactSheet, Picture, write_rgb};

/// Rows, and digits per row, of the drawn samples.
const SIDE: usize = 8;
/// Neighbours in the classifier.
const K: usize = 5;

pub fn run(lab: &mut Lab) -> Result<Outcome> {
    let settings: &[&str] = if lab.quick() {
        &["training.epochs=3"]
    } else {
        &[]
    };
    let trainer = lab.train("conv-vae", 1, settings)?.trainer;
    let (recipe, data) = (trainer.recipe(), trainer.dataset());
    let protocol = format!(
        "{}; {}; binarisation {}; one seed",
        data.origin,
        counted(recipe.training.epochs, "epochs"),
        serde_json::to_string(&recipe.data.binarization)
            .unwrap_or_default()
            .trim_matches('"'),
    );
    let network = trainer.inference();
    let report = trainer.evaluate(&network, Part::Test)?;
    let mut figures = Vec::new();
    if let Some(elbo) = &report.elbo {
        let latent = elbo.kl_by_dimension.len();
        figures.extend([
            Figure::median("test negative ELBO (nats an image)", &[elbo.neg_elbo], "-"),
            Figure::median("of it reconstruction", &[elbo.reconstruction], "-"),
            Figure::median("of it KL divergence", &[elbo.kl], "-"),
            Figure::text(
                "active latent dimensions",
                format!("{} of {latent}", elbo.active_units.unwrap_or_default()),
                "-",
            ),
        ]);
    }
    lab.tell("neighbours of the codes");
    let neighbours = code_knn(&network, data, K, lab.device(), &mut |_| {})?;
    if let Some(accuracy) = neighbours.accuracy {
        let what = "accuracy of 5 nearest neighbours of the codes";
        let figure = Figure::median(what, &[accuracy], "-");
        figures.push(figure.within(0.96..=f64::INFINITY, lab.judged(data)));
    }
    lab.tell("a density of the codes");
    let density = trainer.density(&network, &|| false, &mut |_| {})?;
    let mut pictures = Vec::new();
    if let Some(density) = density {
        let path = lab.file("samples.png");
        let codes = density.sample(recipe.seed, 0, SIDE * SIDE, lab.device())?;
        let digits = Picture::from_batch(&network.decode(&codes)?)?;
        let sheet = ContactSheet::new("conv-vae: digits drawn from the density of its codes")
            .rows(digits.chunks(SIDE).map(<[Picture]>::to_vec).collect())
            .scale(2);
        write_rgb(&path, &sheet.render()?, Publish::Replace)?;
        pictures.push(path);
    }
    Ok(Outcome {
        protocol,
        figures,
        notes: vec![
            "The tutorial asks for two uses: new digits, which the picture shows (drawn from a mixture of \
             Gaussians fitted to the codes), and codes as features for another task, which the neighbours \
             stand for."
                .to_string(),
        ],
        pictures,
    })
}
