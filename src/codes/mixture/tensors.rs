//! A mixture as stored in a checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::Mixture;
use crate::checkpoint::Checkpoint;
use crate::device::reals;
use crate::{Error, Result};

impl Mixture {
    /// The mixture's tensors by name, as 32-bit floats: half the size of 64 bits, and far more precise than
    /// any fit.
    ///
    /// # Shapes
    /// `weights` (components), `means` (components, dim), `factors` (components, dim, dim).
    pub fn to_tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let shapes = shapes(self.components(), self.dim);
        let mut tensors = BTreeMap::new();
        for ((name, values), (_, shape)) in self.named().into_iter().zip(shapes) {
            let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            let tensor = Tensor::from_vec(values, shape, &Device::Cpu)?;
            tensors.insert(name.to_string(), tensor);
        }
        Ok(tensors)
    }

    fn named(&self) -> [(&'static str, &Vec<f64>); 3] {
        [
            ("weights", &self.weights),
            ("means", &self.means),
            ("factors", &self.factors),
        ]
    }

    /// The mixture in a checkpoint, if it has one, for codes of `dim` values; `origin` names the checkpoint
    /// in errors.
    ///
    /// # Errors
    /// Lists every tensor that is missing, unexpected, misshapen or of another type. Also if values are not
    /// finite, weights are not positive or do not sum to 1, or factors are not lower triangular with
    /// positive diagonals.
    pub fn of(checkpoint: &Checkpoint, dim: usize, origin: &Path) -> Result<Option<Self>> {
        let tensors = &checkpoint.sampling;
        if tensors.is_empty() {
            return Ok(None);
        }
        let components = tensors
            .get("weights")
            .and_then(|weights| weights.dims().first().copied())
            .unwrap_or(1)
            .max(1);
        let wanted = shapes(components, dim);
        let differences = differences(tensors, &wanted);
        if !differences.is_empty() {
            return Err(Error::file(
                origin,
                "the tensors of a mixture of Gaussians for its network's codes",
                differences.join("; "),
            ));
        }
        let values = |name: &str| tensors.get(name).map_or(Ok(Vec::new()), reals);
        let mixture = Self {
            dim,
            weights: values("weights")?,
            means: values("means")?,
            factors: values("factors")?,
        };
        match mixture.fault() {
            Some((expected, found)) => Err(Error::file(origin, expected, found)),
            None => Ok(Some(mixture)),
        }
    }

    /// The first invalid value: the expectation and the finding.
    fn fault(&self) -> Option<(&'static str, String)> {
        for (name, values) in self.named() {
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Some(("finite values", format!("{value} in `sampling.{name}`")));
            }
        }
        if let Some(weight) = self.weights.iter().find(|&&weight| weight <= 0.0) {
            return Some(("positive values in `sampling.weights`", weight.to_string()));
        }
        let sum: f64 = self.weights.iter().sum();
        if (sum - 1.0).abs() > 1e-4 {
            return Some(("a sum of 1 of `sampling.weights`", sum.to_string()));
        }
        for (place, &value) in self.factors.iter().enumerate() {
            let (row, column) = (place / self.dim % self.dim, place % self.dim);
            if row == column && value <= 0.0 {
                let expected = "positive values on the diagonals of `sampling.factors`";
                return Some((expected, value.to_string()));
            }
            if row < column && value != 0.0 {
                let expected = "zeros above the diagonals of `sampling.factors`";
                return Some((expected, value.to_string()));
            }
        }
        None
    }
}

/// Name and shape of each tensor.
fn shapes(components: usize, dim: usize) -> [(&'static str, Vec<usize>); 3] {
    [
        ("weights", vec![components]),
        ("means", vec![components, dim]),
        ("factors", vec![components, dim, dim]),
    ]
}

fn differences(tensors: &BTreeMap<String, Tensor>, wanted: &[(&str, Vec<usize>)]) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, shape) in wanted {
        let found = tensors.get(*name);
        match found.map(|found| (found.dims(), found.dtype())) {
            Some((dims, DType::F32)) if dims == shape => {}
            Some((dims, kind)) => differences.push(format!(
                "`sampling.{name}` is {dims:?} {kind:?}, expected {shape:?} F32"
            )),
            None => differences.push(format!("`sampling.{name}` {shape:?} is missing")),
        }
    }
    for name in tensors.keys() {
        if wanted.iter().all(|(wanted, _)| wanted != name) {
            differences.push(format!("`sampling.{name}` belongs to no mixture"));
        }
    }
    differences
}
