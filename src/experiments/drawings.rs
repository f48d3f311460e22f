//! Drawings of activations and networks.

use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::network::{Autoencoder, Parameters, curves, draw_curves};
use crate::picture::{diagram, units};

/// Every activation and its derivative.
pub fn activations(lab: &mut Lab) -> Result<Outcome> {
    let curves = curves()?;
    let path = lab.file("activations.png");
    draw_curves(&curves)?.write(&path)?;
    Ok(Outcome {
        protocol: "400 points from -3 to 3".to_string(),
        figures: vec![Figure::text(
            "functions drawn, with derivatives",
            curves.len().to_string(),
            "15, without derivatives",
        )],
        notes: vec![
            "The printed forms of the inverse square root unit, of Elliot's and of the logarithmic function \
             hold for x >= 0 only; they are drawn there, beside the forms that networks can be trained with."
                .to_string(),
        ],
        pictures: vec![path],
    })
}

/// The layers of the convolutional denoiser as boxes, and a small dense network with its weights.
pub fn networks(lab: &mut Lab) -> Result<Outcome> {
    let denoiser = untrained(lab, "conv-denoiser", [1, 28, 28])?;
    let layers = lab.file("conv-denoiser.svg");
    let chart = diagram(&denoiser.graph("conv-denoiser"))?;
    chart.write(&layers)?;
    let layers_png = layers.with_extension("png");
    chart.write(&layers_png)?;
    lab.tell("training 3-2-3");
    let recipe = lab.recipe("sphere", 1, &["training.epochs=50"])?;
    let data = lab.data(&recipe)?;
    let trained = lab.train(recipe, data)?;
    let columns = trained.model().units()?;
    let weights = lab.file("3-2-3.svg");
    let chart = units("3-2-3, trained on points of a sphere", &columns)?;
    chart.write(&weights)?;
    let weights_png = weights.with_extension("png");
    chart.write(&weights_png)?;
    Ok(Outcome {
        protocol: "conv-denoiser, and a 3-2-3 network trained on points of a sphere".to_string(),
        figures: vec![Figure::text(
            "layers drawn with shapes and parameters",
            denoiser.summary().layers.len().to_string(),
            "-",
        )],
        notes: Vec::new(),
        pictures: vec![layers_png, layers, weights_png, weights],
    })
}

fn untrained(lab: &Lab, name: &str, input: [usize; 3]) -> Result<Autoencoder> {
    let mut recipe = lab.recipe(name, 1, &[])?;
    recipe.network.resolve_input(input)?;
    let builder =
        Parameters::drawn(recipe.seed).builder(recipe.training.precision.dtype(), lab.device());
    Autoencoder::new(&recipe.network, builder)
}
