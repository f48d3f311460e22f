//! Activations and how recipes write them.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A function between layers. All but softmax take every value by itself.
///
/// In a recipe it is its name, or a table with its name and parameters; a parameter that is left out
/// has the default given here:
///
/// ```
/// use autoencode::recipe::{Activation, DenseConfig};
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
    /// Its approximation by a hyperbolic tangent.
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

    /// Whether the name alone says all.
    fn is_plain(&self) -> bool {
        Self::named(self.name()).as_ref() == Some(self)
    }

    fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|one| one.name() == name)
    }

    /// Checks the parameters; `key` names the activation in errors.
    pub(super) fn validate(&self, key: &str) -> Result<()> {
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

impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_plain() {
            return serializer.serialize_str(self.name());
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.name())?;
        if let Self::Scaled { of, .. } = self {
            map.serialize_entry("of", of)?;
        }
        for (name, value) in self.parameters() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads a name or a table.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Activation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an activation, as \"relu\" or { kind = \"leaky-relu\", slope = 0.2 }")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Activation, E> {
        if name == SCALED {
            let written = "{ kind = \"scaled\", of = \"sigmoid\", a = 3.0, b = 0.1 }";
            return Err(E::custom(format_args!(
                "scaled is a table, as in {written}"
            )));
        }
        Activation::named(name).ok_or_else(|| unknown(name))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Activation, A::Error> {
        let mut kind: Option<String> = None;
        let mut of: Option<Activation> = None;
        let mut given: Vec<(String, f64)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "kind" => kind = Some(map.next_value()?),
                "of" => of = Some(map.next_value()?),
                _ => given.push((key, map.next_value()?)),
            }
        }
        let kind = kind.ok_or_else(|| de::Error::missing_field("kind"))?;
        let mut activation = if kind == SCALED {
            let of = of.take().ok_or_else(|| de::Error::missing_field("of"))?;
            Activation::Scaled {
                of: Box::new(of),
                a: 1.0,
                b: 1.0,
            }
        } else {
            Activation::named(&kind).ok_or_else(|| unknown(&kind))?
        };
        if of.is_some() {
            return Err(no_parameter(&activation, "of"));
        }
        for (key, value) in given {
            let mut parameters = activation.parameters_mut();
            match parameters.iter_mut().find(|(name, _)| *name == key) {
                Some((_, parameter)) => **parameter = value,
                None => return Err(no_parameter(&activation, &key)),
            }
        }
        Ok(activation)
    }
}

fn unknown<E: de::Error>(name: &str) -> E {
    let all = Activation::all();
    let names: Vec<&str> = all.iter().map(Activation::name).chain([SCALED]).collect();
    E::custom(format_args!(
        "unknown activation `{name}`, expected one of {}",
        names.join(", ")
    ))
}

fn no_parameter<E: de::Error>(activation: &Activation, key: &str) -> E {
    let names: Vec<&str> = activation
        .parameters()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let has = match names.as_slice() {
        [] => "none".to_string(),
        names => names.join(", "),
    };
    let name = activation.name();
    E::custom(format_args!(
        "{name} has no parameter `{key}`, its parameters: {has}"
    ))
}
