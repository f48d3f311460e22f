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
    ///
    /// # Errors
    /// Only candle's errors.
    pub fn to_tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        let (components, dim) = (self.components(), self.dim);
        let tensor = |values: &[f64], shape: &[usize]| {
            let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
            Tensor::from_vec(values, shape, &Device::Cpu)
        };
        Ok(BTreeMap::from([
            ("weights".to_string(), tensor(&self.weights, &[components])?),
            (
                "means".to_string(),
                tensor(&self.means, &[components, dim])?,
            ),
            (
                "factors".to_string(),
                tensor(&self.factors, &[components, dim, dim])?,
            ),
        ]))
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
        let wanted = [
            ("weights", vec![components]),
            ("means", vec![components, dim]),
            ("factors", vec![components, dim, dim]),
        ];
        let differences = differences(tensors, &wanted);
        if !differences.is_empty() {
            return Err(Error::file(
                origin,
                "the tensors of a mixture of Gaussians for its network's codes",
                differences.join("; "),
            ));
        }
        let values = |name: &str| -> Result<Vec<f64>> {
            match tensors.get(name) {
                Some(tensor) => Ok(reals(tensor)?),
                None => Ok(Vec::new()),
            }
        };
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
        let named = [
            ("weights", &self.weights),
            ("means", &self.means),
            ("factors", &self.factors),
        ];
        for (name, values) in named {
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

fn differences(tensors: &BTreeMap<String, Tensor>, wanted: &[(&str, Vec<usize>)]) -> Vec<String> {
    let wrong = wanted
        .iter()
        .filter_map(|(name, shape)| match tensors.get(*name) {
            Some(found) if found.dims() == shape && found.dtype() == DType::F32 => None,
            Some(found) => Some(format!(
                "`sampling.{name}` is {:?} {:?}, expected {shape:?} F32",
                found.dims(),
                found.dtype(),
            )),
            None => Some(format!("`sampling.{name}` {shape:?} is missing")),
        });
    let extra = tensors
        .keys()
        .filter(|name| wanted.iter().all(|(wanted, _)| wanted != name))
        .map(|name| format!("`sampling.{name}` belongs to no mixture"));
    wrong.chain(extra).collect()
}
