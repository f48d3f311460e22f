//! Experiments: the systems of published tutorials, run with their settings and compared with the published
//! figures.
//!
//! Each is a recipe of [`crate::recipe::builtin`] or a few lines, with the published figures, the tolerance
//! for a repetition, and notes. Cheap experiments run many seeds, because some published figures are a
//! single lucky or unlucky run.

mod conv;
mod denoise;
mod dense;
mod drawings;
mod ellipse;
mod figure;
mod lab;
mod linear;
mod one_hot;
mod points;
mod principal;
mod scratch;
mod sparse;
mod sphere;
mod statistics;
mod variational;

pub use figure::{Figure, Outcome, Verdict};
pub use lab::{Lab, Options};

use crate::{Error, Result};

/// One experiment.
#[derive(Debug, Clone, Copy)]
pub struct Experiment {
    /// Its name on the command line.
    pub id: &'static str,
    /// One line of description.
    pub what: &'static str,
    run: Run,
}

type Run = fn(&mut Lab) -> Result<Outcome>;

impl Experiment {
    /// Runs it, and writes its pictures to the lab's folder.
    ///
    /// # Errors
    /// If the data is not available, a file cannot be written, or training fails.
    pub fn run(&self, lab: &mut Lab) -> Result<Outcome> {
        lab.enter(self.id)?;
        (self.run)(lab)
    }
}

/// All experiments, in the recommended reading order.
pub fn all() -> &'static [Experiment] {
    const fn of(id: &'static str, what: &'static str, run: Run) -> Experiment {
        Experiment { id, what, run }
    }
    const ALL: &[Experiment] = &[
        of(
            "linear-dependent",
            "two dependent features through one value",
            linear::dependent,
        ),
        of(
            "linear-independent",
            "two independent features through one value",
            linear::independent,
        ),
        of(
            "one-hot",
            "eight one-hot rows through three values",
            one_hot::library,
        ),
        of(
            "one-hot-scratch",
            "the same with gradients written by hand",
            one_hot::scratch,
        ),
        of(
            "dense-32",
            "MNIST through a code of 32 values",
            dense::dense_32,
        ),
        of(
            "dense-32-adadelta",
            "the same with Adadelta",
            dense::adadelta,
        ),
        of(
            "deep-denoise",
            "zeros and ones with noisy copies, five hidden layers",
            denoise::relu,
        ),
        of(
            "deep-denoise-custom",
            "the same with sin and softplus",
            denoise::custom,
        ),
        of(
            "activations",
            "the activations as curves",
            drawings::activations,
        ),
        of(
            "ellipse-sigmoid",
            "an ellipse that sigmoids cannot reach",
            ellipse::sigmoid,
        ),
        of(
            "ellipse-leaky",
            "the ellipse with leaky ReLU",
            ellipse::leaky,
        ),
        of(
            "ellipse-shifted",
            "the ellipse away from the axes",
            ellipse::shifted,
        ),
        of(
            "ellipse-scaled-sigmoid",
            "the ellipse with a scaled sigmoid, gradients by hand",
            ellipse::scaled_sigmoid,
        ),
        of("ellipse-noisy", "the noisy ellipse", ellipse::noisy),
        of("sphere", "a noisy sphere through two values", sphere::run),
        of(
            "pca",
            "a linear autoencoder beside principal components",
            principal::run,
        ),
        of("sparse", "dense-32 with penalties on its code", sparse::run),
        of(
            "conv-denoiser",
            "the convolutional denoiser after one epoch",
            conv::denoiser,
        ),
        of(
            "filters",
            "the filters of its second convolution",
            conv::filters,
        ),
        of(
            "conv-vae",
            "the convolutional variational autoencoder",
            variational::run,
        ),
        of(
            "network-drawing",
            "networks as pictures",
            drawings::networks,
        ),
    ];
    ALL
}

/// The experiments with these names, in the order of [`all`]; all of them if no names are given.
///
/// # Errors
/// If no experiment has one of the names.
pub fn choose(ids: &[String]) -> Result<Vec<Experiment>> {
    if let Some(unknown) = ids.iter().find(|id| all().iter().all(|e| e.id != **id)) {
        let known: Vec<&str> = all().iter().map(|experiment| experiment.id).collect();
        return Err(Error::argument(
            "experiment",
            format!("one of {}", known.join(", ")),
            format!("`{unknown}`"),
        ));
    }
    let chosen =
        |experiment: &&Experiment| ids.is_empty() || ids.iter().any(|id| id == experiment.id);
    Ok(all().iter().filter(chosen).copied().collect())
}
