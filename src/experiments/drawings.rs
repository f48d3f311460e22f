//! Drawings of activations and networks.

use std::path::PathBuf;

use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::file::Publish;
use crate::network::{Autoencoder, Parameters, curves, draw_curves};
use crate::picture::{Chart, diagram, units};

/// Every activation and its derivative.
pub fn activations(lab: &mut Lab) -> Result<Outcome> {
    let curves = curves()?;
    let path = lab.file("activations.png");
    draw_curves(&curves)?.write(&path, Publish::Replace)?;
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
    let mut recipe = lab.recipe("conv-denoiser", 1, &[])?;
    recipe.network.resolve_input([1, 28, 28])?;
    let parameters = Parameters::drawn(recipe.seed);
    let builder = parameters.builder(recipe.training.precision.dtype(), lab.device());
    let denoiser = Autoencoder::new(&recipe.network, builder)?;
    let layers = diagram(&denoiser.graph("conv-denoiser"))?;
    let mut pictures = written(&layers, lab.file("conv-denoiser.svg"))?;
    lab.tell("training 3-2-3");
    let trained = lab.train("sphere", 1, &["training.epochs=50"])?;
    let columns = trained.trainer.model().units()?;
    let weights = units("3-2-3, trained on points of a sphere", &columns)?;
    pictures.extend(written(&weights, lab.file("3-2-3.svg"))?);
    Ok(Outcome {
        protocol: "conv-denoiser, and a 3-2-3 network trained on points of a sphere".to_string(),
        figures: vec![Figure::text(
            "layers drawn with shapes and parameters",
            denoiser.summary().layers.len().to_string(),
            "-",
        )],
        notes: Vec::new(),
        pictures,
    })
}

/// Writes a chart as PNG and as SVG.
fn written(chart: &Chart, svg: PathBuf) -> Result<Vec<PathBuf>> {
    let files = vec![svg.with_extension("png"), svg];
    for file in &files {
        chart.write(file, Publish::Replace)?;
    }
    Ok(files)
}
