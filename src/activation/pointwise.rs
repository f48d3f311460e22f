//! Activations as functions of one number.

use super::{Activation, ActivationKind, Custom, Formula, WithFormula};
use crate::arithmetic::Scalar;

/// `outer` f(`inner` x), where f is a formula or a custom function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pointwise {
    pub f: Form,
    pub outer: f64,
    pub inner: f64,
}

/// The elementwise function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    Formula {
        kind: ActivationKind,
        parameter: f64,
    },
    Custom(Custom),
}

impl Activation {
    /// The function of one value; None for activations that couple the values of a sample.
    pub(crate) fn pointwise(&self) -> Option<Pointwise> {
        let f = match self {
            Self::Scaled { of, a, b } => {
                let of = of.pointwise()?;
                return Some(Pointwise {
                    outer: a * of.outer,
                    inner: b * of.inner,
                    ..of
                });
            }
            Self::Custom(custom) => Form::Custom(custom.clone()),
            _ => {
                let (kind, parameter) = self.formula()?;
                Form::Formula { kind, parameter }
            }
        };
        Some(Pointwise {
            f,
            outer: 1.0,
            inner: 1.0,
        })
    }

    /// Tells whether each result depends on several values of its sample, as in softmax.
    pub(crate) fn couples(&self) -> bool {
        self.pointwise().is_none()
    }
}

impl Pointwise {
    /// The formula and its parameter, if it is not scaled.
    pub fn plain(&self) -> Option<(ActivationKind, f64)> {
        match self.f {
            Form::Formula { kind, parameter } if self.outer == 1.0 && self.inner == 1.0 => {
                Some((kind, parameter))
            }
            _ => None,
        }
    }

    /// True if a larger argument is known never to give a smaller value. A maximum can be taken before such a function as
    /// well as after it.
    pub fn is_increasing(&self) -> bool {
        struct IsIncreasing;

        impl WithFormula for IsIncreasing {
            type Output = bool;

            fn with_formula<F: Formula>(self) -> bool {
                F::IS_INCREASING
            }
        }

        match self.f {
            Form::Formula { kind, .. } => self.outer * self.inner > 0.0 && kind.run(IsIncreasing),
            Form::Custom(_) => false,
        }
    }

    pub fn value(&self, x: f64) -> f64 {
        let x = self.inner * x;
        let value = match &self.f {
            Form::Formula { kind, parameter } => kind.value(Scalar(x), *parameter).0,
            Form::Custom(custom) => custom.value(x),
        };
        self.outer * value
    }

    pub fn derivative(&self, x: f64) -> f64 {
        let x = self.inner * x;
        let derivative = match &self.f {
            Form::Formula { kind, parameter } => kind.derivative(Scalar(x), *parameter).0,
            Form::Custom(custom) => custom.derivative(x),
        };
        self.outer * self.inner * derivative
    }
}
