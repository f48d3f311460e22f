//! Initial values of parameters.

use candle_nn::Init;
use serde::{Deserialize, Serialize};

/// The distribution of initial weights; it decides that of the biases too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Initialization {
    /// Uniform in +-sqrt(6 / (fan_in + fan_out)), zero biases: Keras' default (Glorot and Bengio,
    /// "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010,
    /// equation 16).
    #[default]
    GlorotUniform,
    /// Weights and biases uniform in +-1 / sqrt(fan_in): PyTorch's default for linear and
    /// convolutional layers.
    FanIn,
    /// Weights from a normal distribution with variance 2 / fan_in, zero biases (He, Zhang, Ren and Sun, "Delving deep into
    /// rectifiers", ICCV 2015, equation 10); zero weights in the last layer of a residual block, so that at first a block
    /// passes its input on and deep columns train (Zhang, Dauphin and Ma, "Fixup initialization", ICLR 2019).
    He,
    /// Weights from a normal distribution around 0, zero biases: `init = { normal = { deviation = 0.1 } }`.
    Normal {
        /// Its standard deviation.
        deviation: f64,
    },
}

/// The role of a parameter in its layer, which decides its initial values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Role {
    /// A weight: every output sums `fan_in` inputs, and every input goes to `fan_out` outputs.
    Weight { fan_in: usize, fan_out: usize },
    /// A bias: added to outputs that sum `fan_in` inputs.
    Bias { fan_in: usize },
    /// The same value everywhere, whatever the initialisation.
    Constant(f64),
}

impl Initialization {
    /// The initial distribution of a parameter of a layer, which may be the last of a residual block.
    pub(crate) fn distribution(self, role: Role, ends_block: bool) -> Init {
        let uniform = |bound: f64| Init::Uniform {
            lo: -bound,
            up: bound,
        };
        match (self, role) {
            (_, Role::Constant(value)) => Init::Const(value),
            (Self::GlorotUniform, Role::Weight { fan_in, fan_out }) => {
                uniform((6.0 / (fan_in + fan_out) as f64).sqrt())
            }
            (Self::FanIn, Role::Weight { fan_in, .. } | Role::Bias { fan_in }) => {
                uniform(1.0 / (fan_in as f64).sqrt())
            }
            (Self::He, Role::Weight { .. }) if ends_block => Init::Const(0.0),
            (Self::He, Role::Weight { fan_in, .. }) => Init::Randn {
                mean: 0.0,
                stdev: (2.0 / fan_in as f64).sqrt(),
            },
            (Self::Normal { deviation }, Role::Weight { .. }) => Init::Randn {
                mean: 0.0,
                stdev: deviation,
            },
            (Self::GlorotUniform | Self::He | Self::Normal { .. }, Role::Bias { .. }) => {
                Init::Const(0.0)
            }
        }
    }
}
