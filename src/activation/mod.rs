//! Activations and their parameters.

mod apply;
mod text;

use std::fmt;

use crate::{Error, Result};

/// A function between layers. All but softmax take every value by itself.
///
/// In a recipe it is its name, or a table with its name and parameters; a parameter that is left out
/// has the default given here:
///
/// ```
/// use autoencode::activation::Activation;
/// use autoencode::recipe::DenseConfig;
///
/// let text = r#"
///     encoder = [64, 8]
///     activation = { kind = "leaky-relu", slope = 0.2 }
///     output_activation = { kind = "scaled", of = "sigmoid", a = 3, b = 0.1 }
/// "#;
/// let config: DenseConfig = toml::from_str(text).unwrap();
/// assert_eq!(config.activation, Activation::LeakyRelu { slope: 0.2 });
/// assert_eq!(config.output_activation.to_string(), "scaled sigmoid (a 3, b 0.1)");
/// ```
///
/// Formulas' sources and the derivatives at kinks are with the operations: [`crate::ops::Pointwise`],
/// [`crate::ops::relu`], [`crate::ops::leaky_relu`], [`crate::ops::sigmoid`] and
/// [`crate::ops::softmax`].
#[derive(Debug, Clone, PartialEq)]
pub enum Activation {
    /// The identity.
    Linear,
    /// max(0, x), with derivative 0 at 0.
    Relu,
    /// x for x > 0, `slope` x below; `slope` 0.01.
    LeakyRelu {
        slope: f64,
    },
    /// 1 / (1 + e^-x).
    Sigmoid,
    Tanh,
    /// e^x / sum of e^x, over the units of a dense layer or the channels at a place of an image.
    Softmax,
    /// x for x > 0, `alpha` (e^x - 1) below; `alpha` 1.
    Elu {
        alpha: f64,
    },
    /// x / (1 + e^(-`beta` x)); `beta` 1.
    Swish {
        beta: f64,
    },
    /// x Phi(x), with the normal distribution function.
    Gelu,
    /// Its approximation by a hyperbolic tangent, which is often what a GELU is printed as.
    GeluTanh,
    /// ln(1 + e^x).
    Softplus,
    Sin,
    /// min(x, `cap`); `cap` 6.
    CappedLinear {
        cap: f64,
    },
    /// min(max(0, x), `cap`); `cap` 6.
    CappedRelu {
        cap: f64,
    },
    /// 0 below 0, x to 1, 1 above.
    SaturatedLinear,
    /// x / sqrt(1 + `alpha` x^2); `alpha` 1.
    Isru {
        alpha: f64,
    },
    /// 2/pi atan(x).
    Arctan,
    /// ln(x + sqrt(x^2 + 1)).
    Arcsinh,
    /// x / (1 + |x|).
    Elliot,
    /// sign(x) ln(1 + |x|).
    Logarithmic,
    /// `a` f(`b` x) with f the activation `of`; `a` and `b` 1. Always a table.
    Scaled {
        of: Box<Activation>,
        a: f64,
        b: f64,
    },
}

/// Larger and smaller parameters are typing mistakes.
const MOST: f64 = 1e6;
const LEAST: f64 = 1e-6;

/// Of the one that is always a table.
const SCALED: &str = "scaled";

impl Activation {
    /// Every activation that has a plain name, with default parameters.
    pub fn all() -> [Self; 20] {
        [
            Self::Linear,
            Self::Relu,
            Self::LeakyRelu { slope: 0.01 },
            Self::Sigmoid,
            Self::Tanh,
            Self::Softmax,
            Self::Elu { alpha: 1.0 },
            Self::Swish { beta: 1.0 },
            Self::Gelu,
            Self::GeluTanh,
            Self::Softplus,
            Self::Sin,
            Self::CappedLinear { cap: 6.0 },
            Self::CappedRelu { cap: 6.0 },
            Self::SaturatedLinear,
            Self::Isru { alpha: 1.0 },
            Self::Arctan,
            Self::Arcsinh,
            Self::Elliot,
            Self::Logarithmic,
        ]
    }

    /// Its name in recipes, without its parameters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "relu",
            Self::LeakyRelu { .. } => "leaky-relu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Softmax => "softmax",
            Self::Elu { .. } => "elu",
            Self::Swish { .. } => "swish",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu-tanh",
            Self::Softplus => "softplus",
            Self::Sin => "sin",
            Self::CappedLinear { .. } => "capped-linear",
            Self::CappedRelu { .. } => "capped-relu",
            Self::SaturatedLinear => "saturated-linear",
            Self::Isru { .. } => "isru",
            Self::Arctan => "arctan",
            Self::Arcsinh => "arcsinh",
            Self::Elliot => "elliot",
            Self::Logarithmic => "logarithmic",
            Self::Scaled { .. } => SCALED,
        }
    }

    /// Its parameters by name.
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        let mut copy = self.clone();
        let parameters = copy.parameters_mut();
        parameters
            .into_iter()
            .map(|(name, value)| (name, *value))
            .collect()
    }

    fn parameters_mut(&mut self) -> Vec<(&'static str, &mut f64)> {
        match self {
            Self::LeakyRelu { slope } => vec![("slope", slope)],
            Self::Elu { alpha } | Self::Isru { alpha } => vec![("alpha", alpha)],
            Self::Swish { beta } => vec![("beta", beta)],
            Self::CappedLinear { cap } | Self::CappedRelu { cap } => vec![("cap", cap)],
            Self::Scaled { a, b, .. } => vec![("a", a), ("b", b)],
            _ => Vec::new(),
        }
    }

    /// As it is written in a recipe: `"relu"`, `{ kind = "leaky-relu", slope = 0.2 }`.
    pub fn to_toml(&self) -> String {
        toml::Value::try_from(self).map_or_else(|_| self.to_string(), |value| value.to_string())
    }

    /// Whether the name alone says all: the parameters are the defaults.
    fn is_plain(&self) -> bool {
        Self::named(self.name()).as_ref() == Some(self)
    }

    /// The activation of that name with default parameters.
    fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|one| one.name() == name)
    }

    /// Checks the parameters; `key` names the activation in errors.
    pub(crate) fn validate(&self, key: &str) -> Result<()> {
        if let Self::Scaled { of, .. } = self {
            if matches!(**of, Self::Scaled { .. }) {
                let expected = "an activation that is not scaled itself";
                return Err(Error::recipe(format!("{key}.of"), expected, SCALED));
            }
            of.validate(&format!("{key}.of"))?;
        }
        let signed = matches!(self, Self::Scaled { .. });
        for (name, value) in self.parameters() {
            let size = if signed { value.abs() } else { value };
            if !(LEAST..=MOST).contains(&size) {
                let sign = if signed { ", or its negative" } else { "" };
                let expected = format!("{LEAST:e} to {MOST:e}{sign}");
                return Err(Error::recipe(format!("{key}.{name}"), expected, value));
            }
        }
        Ok(())
    }
}

/// For tables and messages: `relu`, `leaky-relu (slope 0.2)`, `scaled sigmoid (a 3, b 0.1)`.
impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Self::Scaled { of, .. } = self {
            write!(f, " {of}")?;
        }
        if self.is_plain() {
            return Ok(());
        }
        for (place, (name, value)) in self.parameters().into_iter().enumerate() {
            let before = if place == 0 { " (" } else { ", " };
            write!(f, "{before}{name} {value}")?;
        }
        f.write_str(")")
    }
}
