//! Adam, with its moments in the open.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::global_norm;
use crate::recipe::Optimizer;
use crate::{Error, Result};

/// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1).
///
/// `epsilon` is added to the root of the bias-corrected second moment, as in the paper's algorithm 1
/// and in PyTorch.
#[derive(Debug)]
pub struct Adam {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    clip_norm: Option<f64>,
    /// Steps taken so far.
    step: u64,
    moments: Vec<Moments>,
}

/// A variable and the running means of its gradient and of the gradient's square.
#[derive(Debug)]
struct Moments {
    name: String,
    var: Var,
    first: Tensor,
    second: Tensor,
}

impl Adam {
    /// With zero moments for each variable.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn new(config: &Optimizer, vars: Vec<(String, Var)>) -> Result<Self> {
        let Optimizer::Adam {
            beta1,
            beta2,
            epsilon,
            clip_norm,
            ..
        } = *config;
        let moments = vars
            .into_iter()
            .map(|(name, var)| {
                Ok(Moments {
                    first: var.zeros_like()?,
                    second: var.zeros_like()?,
                    name,
                    var,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            beta1,
            beta2,
            epsilon,
            clip_norm,
            step: 0,
            moments,
        })
    }

    /// Steps taken so far.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Moves every variable that has a gradient, after scaling all gradients down together if their
    /// norm is above `clip_norm`.
    ///
    /// # Errors
    /// If a gradient is of another shape or type than its variable; nothing is changed then.
    pub fn update(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        let scale = match self.clip_norm {
            Some(limit) => {
                let norm = global_norm(self.moments.iter().map(|m| &m.var), gradients)?;
                if norm > limit { limit / norm } else { 1.0 }
            }
            None => 1.0,
        };
        let exponent = i32::try_from(self.step + 1).unwrap_or(i32::MAX);
        let correction1 = 1.0 - self.beta1.powi(exponent);
        let correction2 = 1.0 - self.beta2.powi(exponent);
        // All results first, so that an error leaves everything as it was.
        let mut results = Vec::with_capacity(self.moments.len());
        for moments in &self.moments {
            let Some(gradient) = gradients.get(&moments.var) else {
                results.push(None);
                continue;
            };
            let gradient = match scale {
                1.0 => gradient.clone(),
                _ => (gradient * scale)?,
            };
            let first = ((&moments.first * self.beta1)? + (&gradient * (1.0 - self.beta1))?)?;
            let second =
                ((&moments.second * self.beta2)? + (gradient.sqr()? * (1.0 - self.beta2))?)?;
            let root = (&second / correction2)?.sqrt()?;
            let direction = (&first / correction1)?.div(&(root + self.epsilon)?)?;
            let value = (moments.var.as_tensor() - (direction * learning_rate)?)?.detach();
            results.push(Some((first, second, value)));
        }
        for (moments, result) in self.moments.iter_mut().zip(results) {
            if let Some((first, second, value)) = result {
                moments.var.set(&value)?;
                moments.first = first;
                moments.second = second;
            }
        }
        self.step += 1;
        Ok(())
    }

    /// The moments by name: `first.encoder.0.weight`, `second.encoder.0.weight`.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        self.moments
            .iter()
            .flat_map(|m| {
                [
                    (format!("first.{}", m.name), m.first.clone()),
                    (format!("second.{}", m.name), m.second.clone()),
                ]
            })
            .collect()
    }

    /// Takes up where `state` and `step` were left.
    ///
    /// # Errors
    /// If a moment is missing, or of another shape or type than its variable; nothing is changed then.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>, step: u64) -> Result<()> {
        let take = |name: String, var: &Var| match state.get(&name) {
            Some(tensor) if tensor.shape() == var.shape() && tensor.dtype() == var.dtype() => {
                Ok(tensor.to_device(var.device())?)
            }
            other => Err(Error::argument(
                format!("optimiser state `{name}`"),
                format!("{:?} of shape {:?}", var.dtype(), var.dims()),
                other.map_or("none".to_string(), |t| {
                    format!("{:?} of shape {:?}", t.dtype(), t.dims())
                }),
            )),
        };
        let mut restored = Vec::with_capacity(self.moments.len());
        for m in &self.moments {
            restored.push((
                take(format!("first.{}", m.name), &m.var)?,
                take(format!("second.{}", m.name), &m.var)?,
            ));
        }
        for (m, (first, second)) in self.moments.iter_mut().zip(restored) {
            m.first = first;
            m.second = second;
        }
        self.step = step;
        Ok(())
    }
}
