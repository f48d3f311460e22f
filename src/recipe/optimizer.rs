//! The optimiser section of a recipe. The formulas are in [`crate::optim`].

use serde::{Deserialize, Serialize};

use super::is_default;
use super::limits::{check, positive};
use crate::Result;

/// The optimiser. Every kind has `lr`, the rate that the schedule scales, and `clip_norm`: if the
/// norm of all gradients together is larger, they are scaled down to it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Optimizer {
    /// Gradient descent.
    Sgd(Sgd),
    /// RMSprop.
    RmsProp(RmsProp),
    /// Adadelta.
    Adadelta(Adadelta),
    /// Adam.
    Adam(Adam),
    /// Adam with decoupled weight decay.
    AdamW(AdamW),
}

/// Gradient descent, with momentum if `momentum` is above 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// The learning rate, which the schedule scales.
    pub lr: f64,
    /// The decay factor of the velocity.
    #[serde(default)]
    pub momentum: f64,
    /// Nesterov momentum: looks ahead along the velocity.
    #[serde(default)]
    pub nesterov: bool,
    /// The largest norm of all gradients together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
}

/// RMSprop. The default values are those of Keras, except for the place of epsilon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RmsProp {
    /// The learning rate, which the schedule scales.
    pub lr: f64,
    /// The decay factor of the running mean of the squared gradient.
    #[serde(default = "rho_of_rmsprop")]
    pub rho: f64,
    /// Keeps the divisor above 0.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// Adds epsilon to the mean square, under the root, as Keras does; otherwise to the root, as
    /// PyTorch does.
    #[serde(default)]
    pub epsilon_inside: bool,
    /// The decay factor of the velocity.
    #[serde(default)]
    pub momentum: f64,
    /// The largest norm of all gradients together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
}

/// Adadelta. Its paper has no rate, which corresponds to `lr = 1`; PyTorch and old versions of
/// Keras have this default, newer ones 0.001.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adadelta {
    /// The learning rate, which the schedule scales.
    pub lr: f64,
    /// The decay factor of the running means of squared gradient and squared step.
    #[serde(default = "rho_of_adadelta")]
    pub rho: f64,
    /// Added to both means, under the roots.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// The largest norm of all gradients together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
}

/// Adam.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adam {
    /// The learning rate, which the schedule scales.
    pub lr: f64,
    /// The decay factor of the running mean of the gradient.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// The decay factor of the running mean of the squared gradient.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// Added to the root of the second moment.
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// Adds epsilon before the bias correction of the second moment, as Keras does, so that it has
    /// more effect in the first steps; otherwise after, as PyTorch does.
    #[serde(default, skip_serializing_if = "is_default")]
    pub epsilon_hat: bool,
    /// The largest norm of all gradients together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
}

/// Adam with decoupled weight decay.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamW {
    /// The learning rate, which the schedule scales.
    pub lr: f64,
    /// The decay factor of the running mean of the gradient.
    #[serde(default = "beta1")]
    pub beta1: f64,
    /// The decay factor of the running mean of the squared gradient.
    #[serde(default = "beta2")]
    pub beta2: f64,
    /// As for [`Adam`].
    #[serde(default = "epsilon")]
    pub epsilon: f64,
    /// As for [`Adam`].
    #[serde(default)]
    pub epsilon_hat: bool,
    /// Every step subtracts this share, times the rate, from every weight and bias.
    #[serde(default = "weight_decay")]
    pub weight_decay: f64,
    /// The largest norm of all gradients together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
}

impl Sgd {
    /// Without momentum.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            momentum: 0.0,
            nesterov: false,
            clip_norm: None,
        }
    }
}

impl RmsProp {
    /// With the defaults of recipes.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            rho: rho_of_rmsprop(),
            epsilon: epsilon(),
            epsilon_inside: false,
            momentum: 0.0,
            clip_norm: None,
        }
    }
}

impl Adadelta {
    /// With the defaults of recipes.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            rho: rho_of_adadelta(),
            epsilon: epsilon(),
            clip_norm: None,
        }
    }
}

impl Adam {
    /// With the defaults of recipes.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            beta1: beta1(),
            beta2: beta2(),
            epsilon: epsilon(),
            epsilon_hat: false,
            clip_norm: None,
        }
    }
}

impl AdamW {
    /// With the defaults of recipes.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            beta1: beta1(),
            beta2: beta2(),
            epsilon: epsilon(),
            epsilon_hat: false,
            weight_decay: weight_decay(),
            clip_norm: None,
        }
    }
}

/// Conversions into the optimiser of a recipe.
macro_rules! kinds {
    ($($kind:ident),+) => {$(
        impl From<$kind> for Optimizer {
            fn from(settings: $kind) -> Self {
                Self::$kind(settings)
            }
        }
    )+};
}

kinds!(Sgd, RmsProp, Adadelta, Adam, AdamW);

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn epsilon() -> f64 {
    1e-7
}

fn rho_of_rmsprop() -> f64 {
    0.9
}

fn rho_of_adadelta() -> f64 {
    0.95
}

fn weight_decay() -> f64 {
    0.01
}

impl Optimizer {
    /// The rate that the schedule scales.
    pub fn lr(&self) -> f64 {
        match *self {
            Self::Sgd(Sgd { lr, .. })
            | Self::RmsProp(RmsProp { lr, .. })
            | Self::Adadelta(Adadelta { lr, .. })
            | Self::Adam(Adam { lr, .. })
            | Self::AdamW(AdamW { lr, .. }) => lr,
        }
    }

    /// The gradient norm, over all gradients together, above which they are scaled down.
    pub fn clip_norm(&self) -> Option<f64> {
        match *self {
            Self::Sgd(Sgd { clip_norm, .. })
            | Self::RmsProp(RmsProp { clip_norm, .. })
            | Self::Adadelta(Adadelta { clip_norm, .. })
            | Self::Adam(Adam { clip_norm, .. })
            | Self::AdamW(AdamW { clip_norm, .. }) => clip_norm,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let lr = self.lr();
        positive("optimizer.lr", lr, 100.0)?;
        match *self {
            Self::Sgd(sgd) => {
                share("optimizer.momentum", sgd.momentum)?;
                check(
                    !sgd.nesterov || sgd.momentum > 0.0,
                    "optimizer.momentum",
                    "above 0, as optimizer.nesterov is true",
                    sgd.momentum,
                )?;
            }
            Self::RmsProp(rmsprop) => {
                share("optimizer.rho", rmsprop.rho)?;
                positive("optimizer.epsilon", rmsprop.epsilon, 1.0)?;
                share("optimizer.momentum", rmsprop.momentum)?;
            }
            Self::Adadelta(adadelta) => {
                share("optimizer.rho", adadelta.rho)?;
                positive("optimizer.epsilon", adadelta.epsilon, 1.0)?;
            }
            Self::Adam(adam) => {
                share("optimizer.beta1", adam.beta1)?;
                share("optimizer.beta2", adam.beta2)?;
                positive("optimizer.epsilon", adam.epsilon, 1.0)?;
            }
            Self::AdamW(adamw) => {
                share("optimizer.beta1", adamw.beta1)?;
                share("optimizer.beta2", adamw.beta2)?;
                positive("optimizer.epsilon", adamw.epsilon, 1.0)?;
                // Above this, a step would subtract more than the whole weight.
                check(
                    adamw.weight_decay >= 0.0 && adamw.weight_decay * lr <= 1.0,
                    "optimizer.weight_decay",
                    "from 0 to 1 / optimizer.lr",
                    adamw.weight_decay,
                )?;
            }
        }
        match self.clip_norm() {
            Some(norm) => check(
                norm > 0.0 && norm.is_finite(),
                "optimizer.clip_norm",
                "a finite number above 0",
                norm,
            ),
            None => Ok(()),
        }
    }
}

/// Checks a decay factor.
fn share(key: &str, value: f64) -> Result<()> {
    check((0.0..1.0).contains(&value), key, "from 0 to below 1", value)
}
