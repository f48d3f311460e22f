//! What a recipe says of a synthetic set of points.

use serde::{Deserialize, Serialize};

use super::limits::{check, count};
use crate::Result;

/// A synthetic set: rows of numbers in f64, drawn or computed. Where nothing else is said, the whole set
/// is training, validation and test set at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Points {
    /// Rows `(r, 100 r)` with r uniform from 0 to 1: one feature tells the other. The last tenth is
    /// validation and test set.
    LinearDependent {
        #[serde(default = "million")]
        count: usize,
    },
    /// Rows of two independent values, uniform from 0 to 100. The last tenth is validation and test set.
    LinearIndependent {
        #[serde(default = "million")]
        count: usize,
    },
    /// Every row that has one 1 among `size` values, with `leading` before each row.
    OneHot {
        #[serde(default = "eight")]
        size: usize,
        /// A constant that is put before each row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leading: Option<f64>,
    },
    /// Points `(radius cos t + shift, radius sin t + shift)`, t evenly from 0 to 2 pi, both ends.
    Ellipse {
        #[serde(default = "three_thousand")]
        count: usize,
        #[serde(default = "three")]
        radius: f64,
        /// Added to both coordinates.
        #[serde(default)]
        shift: f64,
    },
    /// Points drawn evenly from the surface of a sphere in three dimensions.
    Sphere {
        #[serde(default = "three_thousand")]
        count: usize,
        #[serde(default = "three")]
        radius: f64,
        /// Added to all coordinates.
        #[serde(default)]
        shift: f64,
    },
}

fn million() -> usize {
    1_000_000
}

fn eight() -> usize {
    8
}

fn three_thousand() -> usize {
    3000
}

fn three() -> f64 {
    3.0
}

/// The most rows, or values in a row, of a set.
const MOST: usize = 10_000_000;

impl Points {
    /// Its name in words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::LinearDependent { .. } => "two dependent features",
            Self::LinearIndependent { .. } => "two independent features",
            Self::OneHot { .. } => "one-hot rows",
            Self::Ellipse { .. } => "points on an ellipse",
            Self::Sphere { .. } => "points on a sphere",
        }
    }

    /// Values in a row.
    pub fn width(&self) -> usize {
        match *self {
            Self::LinearDependent { .. }
            | Self::LinearIndependent { .. }
            | Self::Ellipse { .. } => 2,
            Self::OneHot { size, leading } => size + usize::from(leading.is_some()),
            Self::Sphere { .. } => 3,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let (key, rows, range) = match *self {
            Self::LinearDependent { count } | Self::LinearIndependent { count } => {
                ("data.points.count", count, 20..=MOST)
            }
            Self::OneHot { size, .. } => ("data.points.size", size, 1..=4096),
            Self::Ellipse { count, .. } | Self::Sphere { count, .. } => {
                ("data.points.count", count, 2..=MOST)
            }
        };
        count(key, rows, range)?;
        let finite = |key: &str, value: f64| {
            let range = "from -1e6 to 1e6";
            check(key, value, range, (-1e6..=1e6).contains(&value))
        };
        match *self {
            Self::OneHot { leading, .. } => finite("data.points.leading", leading.unwrap_or(0.0)),
            Self::Ellipse { radius, shift, .. } | Self::Sphere { radius, shift, .. } => {
                finite("data.points.radius", radius)?;
                finite("data.points.shift", shift)
            }
            _ => Ok(()),
        }
    }
}
