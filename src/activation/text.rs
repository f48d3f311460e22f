//! The text form of activations in recipes: a name, or a table if parameters differ from the defaults.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{Error, SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::{Activation, SCALED};

impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Custom(custom) = self {
            return Err(S::Error::custom(format_args!(
                "{}, an activation of the library's user, cannot be written down",
                custom.name()
            )));
        }
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

/// The most characters shown of an unknown name.
const MAX_NAME: usize = 60;

fn unknown<E: de::Error>(name: &str) -> E {
    let all = Activation::all();
    let name: String = name.chars().take(MAX_NAME).collect();
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

impl Activation {
    /// Reads the words that [`fmt::Display`] writes: `leaky-relu (slope 0.2)`, `scaled sigmoid (a 3, b 0.1)`. None if
    /// they do not begin with the name of an activation; an error that says what was expected if they continue wrongly.
    pub(crate) fn from_words(text: &str) -> Option<std::result::Result<Self, String>> {
        let text = text.trim();
        let (name, rest) = match text.split_once(' ') {
            Some((name, rest)) => (name, rest.trim()),
            None => (text, ""),
        };
        let (of, parameters) = match rest.rfind('(') {
            Some(place) => rest.split_at_checked(place)?,
            None => (rest, ""),
        };
        let mut activation = match name {
            SCALED => match Self::from_words(of)? {
                Ok(of) => Self::Scaled {
                    of: Box::new(of),
                    a: 1.0,
                    b: 1.0,
                },
                Err(expected) => return Some(Err(expected)),
            },
            _ => Self::named(name)?,
        };
        let read = activation.read_parameters(parameters);
        Some(match read {
            Some(()) if name == SCALED || of.is_empty() => Ok(activation),
            _ => Err(format!("an activation written as {activation}")),
        })
    }

    /// Sets the parameters in brackets, `(a 3, b 0.1)`.
    fn read_parameters(&mut self, text: &str) -> Option<()> {
        if text.is_empty() {
            return Some(());
        }
        let inner = text.strip_prefix('(')?.strip_suffix(')')?;
        for part in inner.split(',') {
            let (key, value) = part.trim().split_once(' ')?;
            let mut parameters = self.parameters_mut();
            let (_, parameter) = parameters.iter_mut().find(|(name, _)| *name == key)?;
            **parameter = value.trim().parse().ok()?;
        }
        Some(())
    }
}
