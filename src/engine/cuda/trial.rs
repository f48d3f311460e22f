//! The trial of the kernels before training: one step of the size that the run has.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::engine::CudaEngine;
use crate::data::Batch;
use crate::engine::autograd::Autograd;
use crate::engine::feed::Source;
use crate::engine::lowering::Subnetwork;
use crate::engine::seam::{Gradients, StepSpec, Stepper};
use crate::network::Autoencoder;
use crate::objective::Losses;
use crate::optim::Optimizer;
use crate::recipe::Precision;
use crate::{Error, Result};

/// Samples that the reference works on at once, as it takes far more memory than the kernels.
const SAMPLES: usize = 8;
/// The most parts that a large batch is divided into for the reference, so that it is not slow.
const MOST_PARTS: usize = 64;

/// Largest distance between updated weights, relative to the length of the update.
const UPDATE_TOLERANCE: f64 = 1e-3;
/// Largest relative distance between numbers that differ by rounding alone.
const ROUNDING: f64 = 1e-6;

/// A step's batch, and what the reference makes of it.
pub(super) struct Trial {
    batch: Batch,
    learning_rate: f64,
    parameters: Vec<Parameter>,
    losses: Losses,
}

impl Trial {
    /// # Errors
    /// If the batch cannot be made, or the reference fails.
    pub fn new(reference: &mut Autograd, source: &mut dyn Source, spec: &StepSpec) -> Result<Self> {
        let batch = source.batch(None, spec)?;
        let mut parameters = parameters(reference.model())?;
        Ok(Self {
            losses: reference_gradients(reference, &batch, &mut parameters)?,
            batch,
            learning_rate: spec.learning_rate,
            parameters,
        })
    }

    /// Does the step. Compares its gradients with those of the reference, and its weights with those that candle's
    /// operations update by the same gradients. Afterwards weights and optimiser are as they were before.
    ///
    /// # Errors
    /// Names what disagrees by more than the precision explains, or the kernel that fails.
    pub fn run(&self, engine: &mut CudaEngine, optimizer: &mut Optimizer) -> Result<()> {
        let (losses, gradients) = engine.gradients(&self.batch)?;
        let tolerance = tolerance(engine.precision);
        let kernels = engine.network.backward_kernels(self.batch.input.dim(0)?);
        self.compare_gradients(&gradients, &kernels, tolerance)?;
        let expected = self.losses.mean();
        let apart = (losses.mean() - expected).abs();
        near("loss of the trial", apart, expected.abs(), tolerance)?;
        self.try_update(engine, optimizer, losses, &gradients)
    }

    /// Compares gradients in the order of the backward pass: the first one that disagrees is nearest to the fault.
    fn compare_gradients(
        &self,
        found: &GradStore,
        kernels: &[[&str; 2]],
        tolerance: f64,
    ) -> Result<()> {
        let sizes = self.parameters.iter();
        let sizes = sizes.map(|parameter| norm(&parameter.gradient));
        let sizes = sizes.collect::<Result<Vec<f64>>>()?;
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        for (parameter, size) in self.parameters.iter().zip(sizes).rev() {
            let Parameter { name, layer, .. } = parameter;
            let apart = match found.get(&parameter.var) {
                Some(found) => norm(&(found - &parameter.gradient)?)?,
                None => size,
            };
            // A gradient that is next to nothing beside the others is rounding for the most part.
            let size = size.max(1e-3 * largest);
            let by = kernels.get(*layer).map_or("", |[_, weight]| *weight);
            let from = kernels.get(layer + 1).map_or("loss", |[input, _]| *input);
            let what = format!("gradient of `{name}`, by kernel {by} from what {from} gave");
            near(&what, apart, size, tolerance)?;
        }
        Ok(())
    }

    /// Compares the weights after a step with those that the optimiser's rule makes of the same gradients.
    fn try_update(
        &self,
        engine: &mut CudaEngine,
        optimizer: &mut Optimizer,
        losses: Losses,
        gradients: &GradStore,
    ) -> Result<()> {
        let (parameters, rate) = (&self.parameters, self.learning_rate);
        let values = || -> Result<Vec<Tensor>> {
            let copies = parameters.iter();
            copies.map(|parameter| Ok(parameter.var.copy()?)).collect()
        };
        let before = values()?;
        let (state, step) = (optimizer.state()?, optimizer.step_count());
        // Returns the weights after an update, which it takes back.
        let mut after = |update: &mut dyn FnMut(&mut Optimizer) -> Result<()>| {
            let updated = update(optimizer).and_then(|()| values());
            for (parameter, before) in parameters.iter().zip(&before) {
                parameter.var.set(before)?;
            }
            optimizer.restore(&state, step)?;
            updated
        };
        let found = after(&mut |optimizer| {
            engine.begin(Losses::default())?;
            engine.step(&self.batch, optimizer, rate)?;
            let status = engine.status()?;
            if let Some((what, value)) = status.failure {
                let expected = format!("a finite {what}");
                return Err(Error::argument("kernel check_finite", expected, value));
            }
            let apart = (status.losses.sum - losses.sum).abs();
            let size = losses.sum.abs();
            near("kernel check_finite, loss", apart, size, ROUNDING)
        })?;
        let expected = after(&mut |optimizer| optimizer.update(gradients, rate))?;
        for (((parameter, before), found), expected) in
            parameters.iter().zip(&before).zip(&found).zip(&expected)
        {
            let moved = norm(&(expected - before)?)?;
            let apart = norm(&(found - expected)?)?;
            let size = moved + norm(expected)? * ROUNDING / UPDATE_TOLERANCE;
            let name = &parameter.name;
            let what = format!("`{name}` after an update by kernel optimizer_step");
            near(&what, apart, size, UPDATE_TOLERANCE)?;
        }
        Ok(())
    }
}

/// A parameter with its name, the number of its layer among those with parameters, and its gradient from the reference.
struct Parameter {
    name: String,
    layer: usize,
    var: Var,
    gradient: Tensor,
}

/// The parameters of a network, with gradients of zeros.
fn parameters(model: &Autoencoder) -> Result<Vec<Parameter>> {
    let mut all = Vec::new();
    for (number, layer) in Subnetwork::whole(model, false).trained().enumerate() {
        for kind in ["weight", "bias"] {
            if let Some(tensor) = layer.parameter(kind) {
                all.push(Parameter {
                    name: format!("{}.{kind}", layer.name()),
                    layer: number,
                    // Of a variable's tensor it is that variable.
                    var: Var::from_tensor(tensor)?,
                    gradient: tensor.zeros_like()?,
                });
            }
        }
    }
    Ok(all)
}

/// The distance that rounding explains. It may also choose another one of two nearly equal values of a max-pool, or the
/// other side of a relu.
fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 | Precision::F64 => 0.01,
        Precision::Tf32 => 0.1,
        Precision::Bf16 => 0.3,
    }
}

/// Losses of the reference, whose gradients are added to those of the parameters, computed in parts of the batch.
fn reference_gradients(
    reference: &mut Autograd,
    batch: &Batch,
    parameters: &mut [Parameter],
) -> Result<Losses> {
    let samples = batch.input.dim(0)?;
    let most = samples.div_ceil(MOST_PARTS).max(SAMPLES);
    let mut losses = Losses::default();
    for start in (0..samples).step_by(most) {
        let len = most.min(samples - start);
        let part = |tensor: &Tensor| tensor.narrow(0, start, len);
        let part = Batch {
            input: part(&batch.input)?,
            target: part(&batch.target)?,
            latent_noise: batch.latent_noise.as_ref().map(part).transpose()?,
            kl_weight: batch.kl_weight,
        };
        let (of_part, gradients) = reference.gradients(&part)?;
        losses += of_part;
        // The gradients are those of the mean over a part.
        let share = len as f64 / samples as f64;
        for parameter in &mut *parameters {
            if let Some(gradient) = gradients.get(&parameter.var) {
                let sum = &parameter.gradient + (gradient.detach() * share)?;
                parameter.gradient = sum?.detach();
            }
        }
    }
    Ok(losses)
}

/// That a number or tensor is near to what it should be, by its distance from that and the size of it.
fn near(what: &str, apart: f64, size: f64, tolerance: f64) -> Result<()> {
    // The comparison is false if one is not a number, too.
    if apart <= tolerance * size {
        return Ok(());
    }
    let expected = format!("at most {}% from the reference", 100.0 * tolerance);
    let found = format!("{:.1}%", 100.0 * apart / size);
    Err(Error::argument(what, expected, found))
}

/// The Euclidean norm.
fn norm(tensor: &Tensor) -> Result<f64> {
    let norm = tensor.sqr()?.sum_all()?.sqrt()?;
    Ok(f64::from(norm.to_scalar::<f32>()?))
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::data::{Images, Preparation};
    use crate::device::cuda::device_under_test;
    use crate::engine::cuda::source::tests::step;
    use crate::engine::feed::HostSource;
    use crate::network::Parameters;
    use crate::recipe::{Objective, Recipe};

    /// Tries a network with the first reconstruction loss against a reference with the second; returns the distance of
    /// the weights afterwards from those before as well.
    fn tried(reconstruction: [&str; 2], samples: u32, device: &Device) -> (Result<()>, f64) {
        let settings = ["network.encoder=[8]".to_string()];
        let mut recipe = Recipe::load("dense-32", &settings).unwrap();
        recipe.network.resolve_input([1, 28, 28]).unwrap();
        let parameters = Parameters::drawn(1);
        let builder = parameters.builder(DType::F32, device);
        let model = Autoencoder::new(&recipe.network, builder).unwrap();
        let [objective, reference] = reconstruction.map(|reconstruction| {
            let text = format!("reconstruction = '{reconstruction}'");
            toml::from_str::<Objective>(&text).unwrap()
        });
        let values = || -> Vec<Tensor> {
            let vars = parameters.vars().into_iter();
            vars.map(|(_, var)| var.copy().unwrap()).collect()
        };
        let mut optimizer = Optimizer::new(&recipe.optimizer, parameters.vars()).unwrap();
        let engine = CudaEngine::new(&model, objective, Precision::F32).unwrap();
        let pixels = (0..samples * 784).map(|i| (i * 37 % 251) as u8).collect();
        let preparation = Preparation::default();
        let mut source = HostSource {
            images: Images::new((1, 28, 28), pixels, vec![0; samples as usize]).unwrap(),
            preparation,
            latent: None,
            device: device.clone(),
        };
        let indices: Vec<u32> = (0..samples).collect();
        let spec = step(&indices, &preparation);
        let before = values();
        let mut reference = Autograd::new(model, reference);
        let trial = Trial::new(&mut reference, &mut source, &spec).unwrap();
        let tried = trial.run(&mut engine.unwrap(), &mut optimizer);
        assert_eq!(optimizer.step_count(), 0);
        let moved = before
            .iter()
            .zip(values())
            .map(|(before, after)| norm(&(before - after).unwrap()).unwrap());
        (tried, moved.sum())
    }

    #[test]
    fn kernels_that_agree_are_taken_and_leave_the_weights_as_they_were() {
        let Some(device) = device_under_test() else {
            return;
        };
        // Of one part of the reference, and of several, the last of which is smaller.
        for samples in [3, 40] {
            let (tried, moved) = tried(["bce", "bce"], samples, &device);
            tried.unwrap();
            assert_eq!(moved, 0.0);
        }
    }

    #[test]
    fn kernels_that_do_something_else_are_named_with_the_parameter() {
        let Some(device) = device_under_test() else {
            return;
        };
        for other in ["mse", "mae"] {
            let (tried, moved) = tried([other, "bce"], 3, &device);
            let message = tried.unwrap_err().to_string();
            for part in ["`decoder.0.bias`", "weight_f32_64", "at most 1%"] {
                assert!(message.contains(part), "{message}");
            }
            assert_eq!(moved, 0.0);
        }
    }
}
