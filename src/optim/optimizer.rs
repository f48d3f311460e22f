//! What all optimisers have in common: clipping, state by name, all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::clip::clip_factor;
use super::global_norm;
use crate::{Error, Result, recipe};

/// What a step makes of a variable: its next state and value.
pub(super) type Moved = (Vec<Tensor>, Tensor);

/// Moves the variables of a network along their gradients, as the recipe says.
#[derive(Debug)]
pub struct Optimizer {
    config: recipe::Optimizer,
    /// Steps taken so far.
    step: u64,
    parameters: Vec<Parameter>,
}

/// A variable with the tensors that are kept for it, in the order of their names.
#[derive(Debug)]
struct Parameter {
    name: String,
    var: Var,
    state: Vec<Tensor>,
}

impl recipe::Optimizer {
    /// The names of the tensors that are kept for every variable; none for an optimiser without
    /// memory.
    pub fn state_names(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd(sgd) if sgd.momentum == 0.0 => &[],
            Self::Sgd(_) => &["velocity"],
            Self::RmsProp(rmsprop) if rmsprop.momentum == 0.0 => &["square"],
            Self::RmsProp(_) => &["square", "velocity"],
            Self::Adadelta(_) => &["square", "delta"],
            Self::Adam(_) | Self::AdamW(_) => &["first", "second"],
        }
    }

    /// One variable's part of step number `step`, from 1.
    fn update(
        &self,
        state: &[Tensor],
        gradient: &Tensor,
        value: &Tensor,
        rate: f64,
        step: u64,
    ) -> Result<Moved> {
        match self {
            Self::Sgd(sgd) => sgd.update(state, gradient, value, rate),
            Self::RmsProp(rmsprop) => rmsprop.update(state, gradient, value, rate),
            Self::Adadelta(adadelta) => adadelta.update(state, gradient, value, rate),
            Self::Adam(adam) => adam.update(state, gradient, value, rate, step),
            Self::AdamW(adamw) => adamw.update(state, gradient, value, rate, step),
        }
    }
}

impl Optimizer {
    /// With a state of zeros for each variable.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn new(config: &recipe::Optimizer, vars: Vec<(String, Var)>) -> Result<Self> {
        let parameters = vars
            .into_iter()
            .map(|(name, var)| {
                let zeros = config.state_names().iter().map(|_| var.zeros_like());
                let state = zeros.collect::<candle_core::Result<_>>()?;
                Ok(Parameter { name, var, state })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            config: *config,
            step: 0,
            parameters,
        })
    }

    /// Steps taken so far.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Moves every variable that has a gradient, after scaling all gradients down together if their
    /// norm is above the recipe's `clip_norm`. The rate of the recipe is not looked at.
    ///
    /// # Errors
    /// If a gradient is of another shape or type than its variable; nothing is changed then.
    pub fn update(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        let factor = match self.config.clip_norm() {
            Some(limit) => {
                let vars = self.parameters.iter().map(|parameter| &parameter.var);
                clip_factor(global_norm(vars, gradients)?, limit)
            }
            None => 1.0,
        };
        let step = self.step + 1;
        // All results first, so that an error leaves everything as it was.
        let mut results = Vec::with_capacity(self.parameters.len());
        for Parameter { var, state, .. } in &self.parameters {
            let Some(gradient) = gradients.get(var) else {
                results.push(None);
                continue;
            };
            // Detached, or the state would hold on to the graph of every step.
            let gradient = match factor {
                1.0 => gradient.detach(),
                _ => (gradient.detach() * factor)?,
            };
            let value = var.as_detached_tensor();
            let moved = self
                .config
                .update(state, &gradient, &value, learning_rate, step)?;
            results.push(Some(moved));
        }
        for (parameter, result) in self.parameters.iter_mut().zip(results) {
            if let Some((state, value)) = result {
                parameter.var.set(&value)?;
                parameter.state = state;
            }
        }
        self.step = step;
        Ok(())
    }

    /// The state by name of its tensor and variable, as `first.encoder.0.weight`.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        self.parameters
            .iter()
            .flat_map(|parameter| self.names(parameter).zip(parameter.state.iter().cloned()))
            .collect()
    }

    /// Takes up where `state` and `step` were left.
    ///
    /// # Errors
    /// If a tensor is missing, of another shape or type than its variable, or belongs to no
    /// variable; nothing is changed then.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>, step: u64) -> Result<()> {
        let mut restored = Vec::with_capacity(self.parameters.len());
        let mut taken = BTreeSet::new();
        for parameter in &self.parameters {
            let tensors = self
                .names(parameter)
                .map(|name| {
                    let tensor = fitting(&name, state.get(&name), &parameter.var)?;
                    taken.insert(name);
                    Ok(tensor)
                })
                .collect::<Result<Vec<_>>>()?;
            restored.push(tensors);
        }
        if let Some((name, tensor)) = state.iter().find(|(name, _)| !taken.contains(*name)) {
            return Err(Error::argument(
                format!("optimiser state `{name}`"),
                "no tensor of that name",
                described(tensor),
            ));
        }
        for (parameter, tensors) in self.parameters.iter_mut().zip(restored) {
            parameter.state = tensors;
        }
        self.step = step;
        Ok(())
    }

    /// The names of a variable's state.
    fn names(&self, parameter: &Parameter) -> impl Iterator<Item = String> {
        let names = self.config.state_names().iter();
        names.map(|name| format!("{name}.{}", parameter.name))
    }
}

/// The tensor on the variable's device, if it is shaped as the variable.
fn fitting(name: &str, tensor: Option<&Tensor>, var: &Var) -> Result<Tensor> {
    match tensor {
        Some(tensor) if tensor.shape() == var.shape() && tensor.dtype() == var.dtype() => {
            Ok(tensor.to_device(var.device())?)
        }
        other => Err(Error::argument(
            format!("optimiser state `{name}`"),
            described(var),
            other.map_or("none".to_string(), described),
        )),
    }
}

fn described(tensor: &Tensor) -> String {
    format!("{:?} of shape {:?}", tensor.dtype(), tensor.dims())
}

/// A state of more or fewer tensors than the algorithm keeps; [`Optimizer`] never hands out one.
pub(super) fn misfit(state: &[Tensor]) -> Error {
    Error::argument(
        "optimiser state",
        "as many tensors a variable as its kind keeps",
        state.len(),
    )
}
