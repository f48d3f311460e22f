//! The text forms of activations: in recipes a name, or a table if parameters differ from the defaults; in tables and
//! messages words.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{Error, SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::{Activation, SCALED};

impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let (Self::Custom(custom), false) = (self, self.is_plain()) {
            let name = custom.name();
            return Err(S::Error::custom(format_args!(
                "the activation {name}, which is not registered (see Custom::register)"
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
            return Err(E::custom(format_args!("a name alone, expected {written}")));
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
            Activation::scaled(of)
        } else {
            Activation::named(&kind).ok_or_else(|| unknown(&kind))?
        };
        if of.is_some() {
            return Err(no_parameter(&activation, "of"));
        }
        for (key, value) in given {
            if activation.set(&key, value).is_none() {
                return Err(no_parameter(&activation, &key));
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
    let names = activation.parameters().into_iter().map(|(name, _)| name);
    let name = activation.name();
    let expected = match names.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => format!("{name} without parameters"),
        names => format!("a parameter of {name} ({names})"),
    };
    E::custom(format_args!("`{key}`, expected {expected}"))
}

/// The form in tables and messages: `relu`, `leaky-relu (slope 0.2)`, `scaled sigmoid (a 3, b 0.1)`.
impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Self::Scaled { of, .. } = self {
            write!(f, " {of}")?;
        }
        let parameters = self.parameters().into_iter();
        let parameters: Vec<_> = parameters
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        if self.is_plain() || parameters.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", parameters.join(", "))
    }
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
                Ok(of) => Self::scaled(of),
                wrong => return Some(wrong),
            },
            _ => Self::named(name)?,
        };
        Some(match activation.read_parameters(parameters) {
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
            self.set(key, value.trim().parse().ok()?)?;
        }
        Some(())
    }

    /// `of` with the factors of 1 that are the defaults of a table.
    fn scaled(of: Self) -> Self {
        let of = Box::new(of);
        Self::Scaled { of, a: 1.0, b: 1.0 }
    }

    /// Sets a parameter, if there is one of that name.
    fn set(&mut self, name: &str, value: f64) -> Option<()> {
        let mut parameters = self.parameters_mut().into_iter();
        let (_, parameter) = parameters.find(|(known, _)| *known == name)?;
        *parameter = value;
        Some(())
    }
}
