//! The state of a run.

use candle_core::Device;

use super::samples::SamplePicture;
use crate::checkpoint::{Checkpoint, Progress};
use crate::data::{Dataset, Images, Preparation};
use crate::device::check_precision;
use crate::engine::{Inference, TrainingEngine};
use crate::evaluate::{Conditions, Part, Report, evaluate};
use crate::network::{Autoencoder, Parameters};
use crate::optim::Optimizer;
use crate::recipe::{Recipe, Reconstruction};
use crate::{Error, Result};

/// The seed of validation and test noise: the same for every run, so that results of different seeds are comparable.
const EVALUATION_SEED: u64 = 0;

/// A run: a network, its data and its progress. It can be sent to another thread.
///
/// ```
/// use autoencode::data::{Dataset, Images};
/// use autoencode::evaluate::Part;
/// use autoencode::recipe::{DenseConfig, Recipe, Training};
/// use autoencode::train::Trainer;
/// use candle_core::Device;
///
/// let images = Images::from_floats((1, 4, 4), (0..960).map(|i| (i % 5) as f32 / 4.0).collect())?;
/// let recipe = Recipe {
///     training: Training::new(2, 16),
///     ..Recipe::new("tiny", DenseConfig::new([8, 2]))
/// };
/// let mut trainer = Trainer::new(recipe, Dataset::split(&images)?, Device::Cpu)?;
/// trainer.run(None, &|| false, &mut |_| {})?;
/// let best = trainer.best().unwrap().inference("best".as_ref(), &Device::Cpu)?;
/// assert_eq!(trainer.evaluate(&best, Part::Test)?.images, 6);
/// # Ok::<(), autoencode::Error>(())
/// ```
pub struct Trainer {
    pub(super) recipe: Recipe,
    pub(super) dataset: Dataset,
    content: String,
    pub(super) device: Device,
    pub(super) parameters: Parameters,
    /// Shares the engine's weights, without tracking.
    pub(super) model: Autoencoder,
    pub(super) engine: TrainingEngine,
    pub(super) progress: Progress,
    /// Whether the run folder's last checkpoint holds the current state.
    pub(super) is_saved: bool,
    pub(super) picture: Option<SamplePicture>,
    /// The best epoch of a run without a folder.
    pub(super) best: Option<Checkpoint>,
}

/// Refuses points outside of what the cross-entropy is made for; images always are within it.
fn check_range(recipe: &Recipe, dataset: &Dataset) -> Result<()> {
    let parts = [&dataset.train, &dataset.validation, &dataset.test];
    let mut values = parts.into_iter().flat_map(Images::coordinates);
    let outside = values.find(|value| !(0.0..=1.0).contains(*value));
    match outside.filter(|_| recipe.objective.reconstruction == Reconstruction::Bce) {
        Some(value) => Err(Error::recipe(
            "objective.reconstruction",
            "mse or mae, as the points are not from 0 to 1",
            format!("bce, and a value of {value}"),
        )),
        None => Ok(()),
    }
}

impl Trainer {
    /// A new run, with the recipe's input shape and kind of images taken from the data.
    ///
    /// # Errors
    /// If the recipe is invalid or does not fit the data; if the training or validation set is empty, or the parts of
    /// the data differ in shape.
    pub fn new(mut recipe: Recipe, dataset: Dataset, device: Device) -> Result<Self> {
        dataset.check()?;
        check_range(&recipe, &dataset)?;
        let (channels, height, width) = dataset.train.shape();
        recipe.network.resolve_input([channels, height, width])?;
        recipe.data.kind = recipe.data.kind.or(dataset.origin.kind());
        recipe.validate()?;
        check_precision(&device, recipe.training.precision)?;
        let parameters = Parameters::drawn(recipe.seed);
        let dtype = recipe.training.precision.dtype();
        let trained = Autoencoder::new(&recipe.network, parameters.builder(dtype, &device))?;
        let frozen = parameters.frozen_builder(dtype, &device);
        let model = Autoencoder::new(&recipe.network, frozen)?;
        let engine = TrainingEngine::new(
            trained,
            recipe.objective,
            &dataset.train,
            Preparation::of(&recipe),
            Optimizer::new(&recipe.optimizer, parameters.vars())?,
            recipe.training.batch_size,
        )?;
        Ok(Self {
            // Other channels than grey or red, green and blue make no picture.
            picture: (!dataset.train.are_points() && matches!(channels, 1 | 3))
                .then(|| SamplePicture::new(&dataset, &recipe, EVALUATION_SEED, &device))
                .transpose()?,
            content: dataset.content(),
            progress: Progress::default(),
            is_saved: false,
            best: None,
            recipe,
            dataset,
            device,
            parameters,
            model,
            engine,
        })
    }

    /// The resolved recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The data.
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// The network with the current weights, untracked: they change with the next step, also in clones of it. The network
    /// of a [checkpoint](Self::checkpoint) keeps its own.
    pub fn model(&self) -> &Autoencoder {
        &self.model
    }

    /// The network for inference, valid until the next step.
    pub fn inference(&self) -> Inference {
        Inference::new(self.model.clone())
    }

    /// The progress of the run.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Notes about the engine that may surprise the user, such as why a faster one was not used.
    pub fn notes(&self) -> &[String] {
        self.engine.notes()
    }

    /// Measures a network on a part of the data with the recipe's noise.
    ///
    /// # Errors
    /// If the network takes another shape.
    pub fn evaluate(&self, network: &Inference, part: Part) -> Result<Report> {
        let images = &part.images(&self.dataset)?;
        let conditions = Conditions {
            preparation: Preparation::of(&self.recipe),
            objective: self.recipe.objective,
            part,
            seed: EVALUATION_SEED,
        };
        evaluate(network, images, &conditions, &self.device)
    }

    /// The state as it is, for use or for [`Checkpoint::write`], in memory of its own: it does not change with the next
    /// step.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        let mut checkpoint = self.state(false)?;
        for weight in checkpoint.weights.values_mut() {
            *weight = weight.copy()?;
        }
        Ok(checkpoint)
    }

    /// The epoch with the lowest validation loss of a [run](Self::run) without a folder; a folder's is in
    /// [its file](super::RunFolder::best).
    pub fn best(&self) -> Option<&Checkpoint> {
        self.best.as_ref()
    }

    /// The state as a checkpoint that shares the weights, with or without the resume state.
    pub(super) fn state(&self, resumable: bool) -> Result<Checkpoint> {
        let vars = self.parameters.vars().into_iter();
        let weights = vars.map(|(name, var)| (name, var.as_detached_tensor()));
        Ok(Checkpoint {
            recipe: self.recipe.clone(),
            data: self.content.clone(),
            progress: self.progress.clone(),
            weights: weights.collect(),
            optimizer: match resumable {
                true => self.engine.optimizer().state()?,
                false => Default::default(),
            },
            // Fitted when the run is over.
            sampling: Default::default(),
        })
    }

    /// Refuses a state with a weight or optimiser value that is not finite, which should not be saved.
    pub(super) fn check_state(&self) -> Result<()> {
        match self.state(true)?.not_finite()? {
            Some((name, value)) => self.finite(&format!("sum of `{name}`"), value),
            None => Ok(()),
        }
    }
}
