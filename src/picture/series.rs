//! The data of charts.

use crate::{Error, Result};

/// Named points in one colour: a line of a chart of curves, or the dots of one group in a scatter chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The name in the legend; a series without a name does not stand there.
    pub name: String,
    /// `(x, y)`, for lines in drawing order; a point that is not finite interrupts the line.
    pub points: Vec<(f64, f64)>,
}

/// One chart among several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Panel {
    /// The line above the chart.
    pub title: String,
    /// A line below the title.
    pub caption: String,
    /// The name of the horizontal axis.
    pub x_label: String,
    /// The name of the vertical axis.
    pub y_label: String,
    /// In every panel in the same order; the legend names those of the first panel.
    pub series: Vec<Series>,
}

impl Series {
    /// Named points.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            points,
        }
    }
}

/// The first of 1 to `most` panels, whose series the legend names.
pub(super) fn first(panels: &[Panel], most: usize) -> Result<&Panel> {
    match panels {
        [first, ..] if panels.len() <= most => Ok(first),
        _ => {
            let expected = format!("1 to {most} of them");
            Err(Error::argument("panels", expected, panels.len()))
        }
    }
}

/// The points that axes can hold, of all series: neither infinite or NaN, nor beyond 1e100.
pub(super) fn drawable(series: &[Series]) -> impl Iterator<Item = (f64, f64)> + Clone {
    series
        .iter()
        .flat_map(|one| one.points.iter().copied())
        .filter(|(x, y)| x.abs() < 1e100 && y.abs() < 1e100)
}
