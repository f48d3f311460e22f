//! The common part of all optimisers: clipping, state by name, all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::adadelta::Units;
use super::apply::{Apply, Move};
use super::clip::{clip_factor, global_norm};
use super::rmsprop::{Quotient, QuotientMomentum};
use super::rule::Visit;
use super::sgd::{Descent, Momentum};
use crate::data::python::excerpt;
use crate::error::listed;
use crate::{Error, Result, recipe};

/// Updates the variables of a network along their gradients, with the recipe's settings.
#[derive(Debug)]
pub struct Optimizer {
    config: recipe::Optimizer,
    /// Steps taken so far.
    step: u64,
    parameters: Vec<Parameter>,
}

/// A variable with its state tensors, in the order of their names.
#[derive(Debug)]
struct Parameter {
    name: String,
    var: Var,
    state: Vec<Tensor>,
}

impl recipe::Optimizer {
    /// The names of the state tensors of every variable; none for an optimiser without state.
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

    /// Calls a visitor with the rule of step number `step`, from 1, at this rate.
    pub(crate) fn with_rule<V: Visit>(&self, rate: f64, step: u64, visitor: V) -> V::Output {
        match *self {
            Self::Sgd(sgd) if sgd.momentum == 0.0 => visitor.visit(&Descent { rate }),
            Self::Sgd(config) => visitor.visit(&Momentum { config, rate }),
            Self::RmsProp(config) => {
                let quotient = Quotient { config, rate };
                match config.momentum {
                    0.0 => visitor.visit(&quotient),
                    _ => visitor.visit(&QuotientMomentum(quotient)),
                }
            }
            Self::Adadelta(config) => visitor.visit(&Units { config, rate }),
            Self::Adam(adam) => visitor.visit(&adam.rule(rate, step)),
            Self::AdamW(adamw) => visitor.visit(&adamw.rule(rate, step)),
        }
    }
}

impl Optimizer {
    /// An optimiser with a state of zeros for each variable.
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

    /// Updates every variable that has a gradient, after scaling all gradients down together if their norm is above the
    /// recipe's `clip_norm`. The recipe's rate is ignored.
    ///
    /// # Errors
    /// If a gradient's shape or type differs from its variable's; nothing is changed then.
    pub fn update(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        let norm = match self.config.clip_norm() {
            Some(_) => self.norm(gradients)?,
            None => 0.0,
        };
        self.update_of_norm(gradients, norm, learning_rate)
    }

    /// [`Optimizer::update`] along gradients with a known [`Optimizer::norm`].
    ///
    /// # Errors
    /// As [`Optimizer::update`].
    pub(crate) fn update_of_norm(
        &mut self,
        gradients: &GradStore,
        norm: f64,
        learning_rate: f64,
    ) -> Result<()> {
        let limit = self.config.clip_norm();
        let factor = limit.map_or(1.0, |limit| clip_factor(norm, limit));
        self.advance(gradients, learning_rate, |moves| Apply { moves, factor })
    }

    /// Takes the next step through a visitor of its rule, which receives the variables that have a gradient. The step
    /// counts unless the visitor fails.
    ///
    /// # Errors
    /// As [`Optimizer::update`], and the visitor's own.
    pub(crate) fn advance<'a, V: Visit<Output = Result<T>>, T>(
        &'a mut self,
        gradients: &GradStore,
        learning_rate: f64,
        visitor: impl FnOnce(Vec<Move<'a>>) -> V,
    ) -> Result<T> {
        let visitor = visitor(moves(&mut self.parameters, gradients)?);
        let step = self.step + 1;
        let done = self.config.with_rule(learning_rate, step, visitor)?;
        self.step = step;
        Ok(done)
    }

    /// The norm to which larger gradients are scaled down.
    pub fn clip_norm(&self) -> Option<f64> {
        self.config.clip_norm()
    }

    /// Resets the step count to an earlier step, if nothing has changed since.
    pub(crate) fn rewind(&mut self, step: u64) {
        self.step = self.step.min(step);
    }

    /// The Euclidean norm of the gradients of all variables together. It is not finite if a gradient is not.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn norm(&self, gradients: &GradStore) -> Result<f64> {
        let vars = self.parameters.iter().map(|parameter| &parameter.var);
        global_norm(vars, gradients)
    }

    /// A copy of the state, by the names of its tensor and variable, such as `first.encoder.0.weight`.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let parameters = self.parameters.iter();
        let state = parameters.flat_map(|one| self.names(one).zip(&one.state));
        // Copies, since steps write in place.
        state
            .map(|(name, tensor)| Ok((name, tensor.copy()?)))
            .collect()
    }

    /// Resumes from `state` and `step`.
    ///
    /// # Errors
    /// If tensors are missing, differ from their variable in shape or type, or belong to no variable. The error lists
    /// at most 20 of them; nothing is changed then.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>, step: u64) -> Result<()> {
        let mut restored = Vec::with_capacity(self.parameters.len());
        let mut wrong = Vec::new();
        let mut taken = BTreeSet::new();
        for parameter in &self.parameters {
            let mut tensors = Vec::new();
            for name in self.names(parameter) {
                match state.get(&name) {
                    Some(tensor) if is_like(tensor, &parameter.var) => {
                        // A copy, since steps write in place.
                        let tensor = tensor.to_device(parameter.var.device())?;
                        tensors.push(tensor.force_contiguous()?);
                    }
                    found => wrong.push(format!(
                        "`{name}` is {}, expected {}",
                        found.map_or("missing".to_string(), described),
                        described(&parameter.var)
                    )),
                }
                taken.insert(name);
            }
            restored.push(tensors);
        }
        let extra = state.iter().filter(|(name, _)| !taken.contains(*name));
        wrong.extend(extra.map(|(name, tensor)| {
            let name = excerpt(name.as_bytes());
            format!("`{name}`, {}, belongs to no variable", described(tensor))
        }));
        if !wrong.is_empty() {
            return Err(Error::argument(
                "optimiser state",
                "the tensors of this optimiser for these variables",
                listed(wrong, 20, "; "),
            ));
        }
        for (parameter, tensors) in self.parameters.iter_mut().zip(restored) {
            parameter.state = tensors;
        }
        self.step = step;
        Ok(())
    }

    /// The names of a variable's state tensors.
    fn names(&self, parameter: &Parameter) -> impl Iterator<Item = String> {
        let names = self.config.state_names().iter();
        names.map(|name| format!("{name}.{}", parameter.name))
    }
}

/// The variables that have a gradient.
fn moves<'a>(parameters: &'a mut [Parameter], gradients: &GradStore) -> Result<Vec<Move<'a>>> {
    let mut moves = Vec::with_capacity(parameters.len());
    for Parameter { name, var, state } in parameters {
        let Some(gradient) = gradients.get(var) else {
            continue;
        };
        if !is_like(gradient, var) || !gradient.device().same_device(var.device()) {
            return Err(Error::argument(
                format!("gradient of `{name}`"),
                described(var),
                described(gradient),
            ));
        }
        moves.push(Move {
            var,
            state,
            gradient: gradient.clone(),
        });
    }
    Ok(moves)
}

fn is_like(tensor: &Tensor, var: &Var) -> bool {
    tensor.shape() == var.shape() && tensor.dtype() == var.dtype()
}

fn described(tensor: &Tensor) -> String {
    format!("{:?} {:?}", tensor.dims(), tensor.dtype())
}
