//! Activations as functions of one number.

use super::Pointwise;
use super::activation::logistic;

/// A function of one number, and its derivative.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Linear,
    Relu,
    LeakyRelu(f64),
    Sigmoid,
    Tanh,
    Sin,
    Pointwise(Pointwise),
    /// a f(b x).
    Scaled {
        of: Box<Scalar>,
        a: f64,
        b: f64,
    },
}

impl Scalar {
    pub fn value(&self, x: f64) -> f64 {
        match self {
            Self::Linear => x,
            Self::Relu if x <= 0.0 => 0.0,
            Self::Relu => x,
            Self::LeakyRelu(slope) if x <= 0.0 => slope * x,
            Self::LeakyRelu(_) => x,
            Self::Sigmoid => logistic(x),
            Self::Tanh => x.tanh(),
            Self::Sin => x.sin(),
            Self::Pointwise(function) => function.value(x),
            Self::Scaled { of, a, b } => a * of.value(b * x),
        }
    }

    /// At a kink the one-sided derivative that the operation of the same name takes.
    pub fn derivative(&self, x: f64) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Relu if x <= 0.0 => 0.0,
            Self::Relu => 1.0,
            Self::LeakyRelu(slope) if x <= 0.0 => *slope,
            Self::LeakyRelu(_) => 1.0,
            Self::Sigmoid => {
                let y = logistic(x);
                y * (1.0 - y)
            }
            Self::Tanh => 1.0 - x.tanh().powi(2),
            Self::Sin => x.cos(),
            Self::Pointwise(function) => function.derivative(x),
            Self::Scaled { of, a, b } => a * b * of.derivative(b * x),
        }
    }
}
