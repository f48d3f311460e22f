//! The synthetic point sets of a recipe.

use serde::{Deserialize, Serialize};

use super::limits::{check, count};
use super::number;
use crate::Result;

/// A synthetic set: rows of f64 numbers, drawn or computed. Unless stated otherwise, the whole set
/// serves as training, validation and test set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Points {
    /// Rows `(r, 100 r)` with r uniform from 0 to 1: one feature determines the other. The last tenth is
    /// validation and test set.
    LinearDependent {
        /// Number of points.
        #[serde(default = "number::<1_000_000>")]
        count: usize,
    },
    /// Rows of two independent values, uniform from 0 to 100. The last tenth is validation and test set.
    LinearIndependent {
        /// Number of points.
        #[serde(default = "number::<1_000_000>")]
        count: usize,
    },
    /// Every one-hot row of `size` values, each preceded by `leading`.
    OneHot {
        /// Number of vectors, and of their ones and zeros.
        #[serde(default = "number::<8>")]
        size: usize,
        /// A constant before them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leading: Option<f64>,
    },
    /// Points `(radius cos t + shift, radius sin t + shift)`, with t evenly spaced from 0 to 2 pi, both
    /// ends included.
    Ellipse {
        /// Number of points.
        #[serde(default = "number::<3000>")]
        count: usize,
        /// The radius.
        #[serde(default = "three")]
        radius: f64,
        /// Added to each coordinate.
        #[serde(default)]
        shift: f64,
    },
    /// Points drawn uniformly from the surface of a sphere in three dimensions.
    Sphere {
        /// Number of points.
        #[serde(default = "number::<3000>")]
        count: usize,
        /// The radius.
        #[serde(default = "three")]
        radius: f64,
        /// Added to all coordinates.
        #[serde(default)]
        shift: f64,
    },
}

fn three() -> f64 {
    3.0
}

/// The largest number of rows, or values per row, in a set.
const MOST: usize = 10_000_000;

impl Points {
    /// The name of the set in words.
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
            let expected = "from -1e6 to 1e6";
            check((-1e6..=1e6).contains(&value), key, expected, value)
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
