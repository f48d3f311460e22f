//! Layers as recipes write them: in the words that `summary` prints, or as a table for a residual block or an
//! activation.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{self, SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::{FORMS, LayerSpec, Residual};
use crate::activation::Activation;

/// The most characters shown of text that is not a layer.
const MAX_SHOWN: usize = 60;
/// The key of a residual block's table.
const RESIDUAL: &str = "residual";

impl fmt::Display for LayerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

/// Reads the words that [`fmt::Display`] writes, except for layers with nested ones.
impl FromStr for LayerSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown = || text.chars().take(MAX_SHOWN).collect::<String>();
        match FORMS.iter().find_map(|(_, parse)| parse(text)) {
            Some(read) => {
                read.map_err(|expected| format!("layer `{}`: expected {expected}", shown()))
            }
            None => {
                let forms = FORMS.iter().map(|(form, _)| *form);
                let forms: Vec<_> = forms.filter(|form| !form.is_empty()).collect();
                let (layer, forms) = (shown(), forms.join("; "));
                Err(format!("unknown layer `{layer}`, expected one of: {forms}"))
            }
        }
    }
}

impl Serialize for LayerSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Residual(residual) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(RESIDUAL, &residual.body)?;
                map.end()
            }
            _ => {
                let words = self.to_string();
                let is_own = matches!(
                    self,
                    Self::Function(_) | Self::Activation(Activation::Custom(_))
                );
                // Lists built by code may hold what the words cannot say: it is refused here, not when it is read.
                match words.parse::<Self>() {
                    Ok(read) if read == *self => serializer.serialize_str(&words),
                    Err(wrong) if !is_own => Err(ser::Error::custom(wrong)),
                    _ => Err(ser::Error::custom(format_args!(
                        "layer `{words}`, whose function is not registered (see its method `register`)"
                    ))),
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for LayerSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads words or a table.
struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = LayerSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer, as \"conv 3x3, 32\", \"relu\" or { residual = [...] }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LayerSpec, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LayerSpec, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(de::Error::custom("an empty table, expected a layer"));
        };
        if key == RESIDUAL {
            let body = map.next_value()?;
            return match map.next_key::<String>()? {
                None => Ok(Residual { body }.into()),
                Some(key) => Err(de::Error::unknown_field(&key, &[RESIDUAL])),
            };
        }
        // An activation with its parameters; its keys may come in any order.
        let mut table = toml::Table::new();
        table.insert(key, map.next_value()?);
        while let Some((key, value)) = map.next_entry()? {
            table.insert(key, value);
        }
        let activation: Activation = table.try_into().map_err(de::Error::custom)?;
        Ok(activation.into())
    }
}
