//! Numbers that may be written as fractions: `"25/255"`.

use serde::{Deserialize, Deserializer, de};

/// A number, or a fraction as text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or a fraction as \"25/255\"")]
enum Written {
    Number(f64),
    Text(String),
}

impl Written {
    fn value<E: de::Error>(self) -> Result<f64, E> {
        match self {
            Self::Number(value) => Ok(value),
            Self::Text(text) => {
                let expected = || E::custom("expected a number or a fraction as \"25/255\"");
                parse(&text).ok_or_else(expected)
            }
        }
    }
}

pub(super) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Written::deserialize(deserializer)?.value()
}

pub(super) fn two<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f64; 2], D::Error> {
    let [low, high] = <[Written; 2]>::deserialize(deserializer)?;
    Ok([low.value()?, high.value()?])
}

/// A number, or one divided by another as in `25/255`; none for other text.
pub fn parse(text: &str) -> Option<f64> {
    match text.split_once('/') {
        None => text.trim().parse().ok(),
        Some((value, unit)) => {
            let value: f64 = value.trim().parse().ok()?;
            let unit: f64 = unit.trim().parse().ok()?;
            (unit > 0.0).then_some(value / unit)
        }
    }
}

/// A number in its shortest form: of 255ths if that is a whole number of them and no short decimal.
pub(super) fn shown(value: f64) -> String {
    let levels = value * 255.0;
    let is_level = (levels - levels.round()).abs() < 1e-9;
    match value.to_string() {
        long if is_level && long.len() > 6 => format!("{}/255", levels.round()),
        short => short,
    }
}
