//! Gradient norms.

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor, Var};

use crate::Result;
use crate::objective::scalar;

/// The Euclidean norm of all gradients together, summed in the order of `vars`.
///
/// # Errors
/// Only candle's own.
pub fn global_norm<'a>(
    vars: impl IntoIterator<Item = &'a Var>,
    gradients: &GradStore,
) -> Result<f64> {
    let mut squares: Option<Tensor> = None;
    for var in vars {
        if let Some(gradient) = gradients.get(var) {
            let square = gradient.sqr()?.sum_all()?.to_dtype(DType::F64)?;
            squares = Some(match squares {
                Some(sum) => (sum + square)?,
                None => square,
            });
        }
    }
    squares.map_or(Ok(0.0), |sum| Ok(scalar(&sum)?.sqrt()))
}

/// What all gradients are multiplied by so that their norm is `limit` at most (Pascanu, Mikolov and
/// Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, algorithm 1).
pub(super) fn clip_factor(norm: f64, limit: f64) -> f64 {
    if norm > limit { limit / norm } else { 1.0 }
}
