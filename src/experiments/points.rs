//! Charts of points of the plane: test points, their codes and their reconstructions.

use crate::Result;
use crate::data::{Batch, Preparation};
use crate::evaluate::Part;
use crate::picture::{Chart, Panel, ScatterOptions, Series, scatter};
use crate::recipe::Corruption;
use crate::train::Trainer;

/// Test points with a code of two values, row-major.
pub struct CodedPoints {
    /// Values per point.
    width: usize,
    pub input: Vec<f64>,
    codes: Vec<f64>,
    pub output: Vec<f64>,
}

impl CodedPoints {
    /// The test points of a run, corrupted, through its network.
    pub fn test(trainer: &Trainer, corruption: Corruption) -> Result<Self> {
        let points = &trainer.dataset().test;
        let preparation = Preparation {
            corruption,
            precision: trainer.recipe().training.precision,
            ..Preparation::default()
        };
        let (indices, keys) = (points.indices(), Part::Test.keys(0));
        let device = trainer.model().device();
        let batch = Batch::prepare(points, &indices, &preparation, keys, device)?;
        let network = trainer.inference();
        let codes = network.encode(&batch.input)?;
        Ok(Self {
            width: points.image_len(),
            input: batch.input.flatten_all()?.to_vec1()?,
            output: network.decode(&codes)?.flatten_all()?.to_vec1()?,
            codes: codes.flatten_all()?.to_vec1()?,
        })
    }

    /// The first two coordinates of points and reconstructions, with the codes between them; `group` gives the place
    /// of a point's name in `names`.
    pub fn draw(
        &self,
        title: &str,
        input_title: &str,
        names: &[&str],
        group: impl Fn(usize) -> usize,
    ) -> Result<Chart> {
        let series = |values: &[f64], width| {
            let mut series: Vec<Series> = (names.iter())
                .map(|name| Series::new(*name, Vec::new()))
                .collect();
            for (index, row) in values.chunks(width).enumerate() {
                if let (Some(series), [x, y, ..]) = (series.get_mut(group(index)), row) {
                    series.points.push((*x, *y));
                }
            }
            series
        };
        planes(
            title,
            [
                (input_title, ["x", "y"], series(&self.input, self.width)),
                (
                    "codes",
                    ["first value", "second value"],
                    series(&self.codes, 2),
                ),
                (
                    "as they come back",
                    ["x", "y"],
                    series(&self.output, self.width),
                ),
            ],
        )
    }
}

/// Points of planes side by side, each with its title and the labels of its axes, in equal scale.
pub fn planes<const N: usize>(
    title: &str,
    planes: [(&str, [&str; 2], Vec<Series>); N],
) -> Result<Chart> {
    let panels = planes.map(|(title, [x, y], series)| Panel {
        title: title.to_string(),
        x_label: x.to_string(),
        y_label: y.to_string(),
        series,
        ..Panel::default()
    });
    let options = ScatterOptions {
        equal_scale: true,
        ..ScatterOptions::default()
    };
    scatter(title, &panels, options)
}
