//! Gradient norms.

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor, Var};
use rayon::prelude::*;

use crate::Result;
use crate::device::{scalars, widest_float};
use crate::ops::{Real, has_kernel, with_elements};
use crate::simd::vectorized;

/// Elements whose squares are summed in one task, whatever the number of threads.
const TASK: usize = 1 << 18;

/// Independent partial sums within a task, so that additions need not wait for each other.
const SUMS: usize = 32;

/// The Euclidean norm of all gradients together, summed in the order of `vars`: in f64, or in f32 on
/// Metal, which has no f64.
///
/// # Errors
/// Only candle's own.
pub fn global_norm<'a>(
    vars: impl IntoIterator<Item = &'a Var>,
    gradients: &GradStore,
) -> Result<f64> {
    let mut sum = 0.0;
    // Sums on devices other than the CPU: reading one synchronises, so they are read once, at the end.
    let mut elsewhere: Vec<Tensor> = Vec::new();
    for var in vars {
        let Some(gradient) = gradients.get(var) else {
            continue;
        };
        if has_kernel(&[gradient]) {
            sum += match gradient.dtype() {
                DType::F64 => with_elements(gradient, |elements| Ok(square_sum::<f64>(elements)))?,
                _ => with_elements(gradient, |elements| Ok(square_sum::<f32>(elements)))?,
            };
            continue;
        }
        let wide = gradient
            .detach()
            .to_dtype(widest_float(gradient.device()))?;
        elsewhere.push(wide.sqr()?.sum_all()?);
    }
    sum += scalars(&elsewhere)?.iter().sum::<f64>();
    Ok(sum.sqrt())
}

/// The factor for all gradients that keeps their norm at most `limit` (Pascanu, Mikolov and Bengio, "On
/// the difficulty of training recurrent neural networks", ICML 2013, algorithm 1).
pub(super) fn clip_factor(norm: f64, limit: f64) -> f64 {
    if norm > limit { limit / norm } else { 1.0 }
}

/// The sum of squares in f64, in an order that depends only on the number of elements.
fn square_sum<T: Real>(elements: &[T]) -> f64 {
    let task = |elements: &[T]| {
        vectorized(
            #[inline(always)]
            || square_sum_of_task(elements),
        )
    };
    if elements.len() <= TASK {
        return task(elements);
    }
    let sums: Vec<f64> = elements.par_chunks(TASK).map(task).collect();
    sums.into_iter().sum()
}

#[inline(always)]
fn square_sum_of_task<T: Real>(elements: &[T]) -> f64 {
    let mut sums = [0.0; SUMS];
    let (rows, rest) = elements.as_chunks::<SUMS>();
    for row in rows {
        for (sum, &element) in sums.iter_mut().zip(row) {
            *sum += element.wide() * element.wide();
        }
    }
    for (sum, &element) in sums.iter_mut().zip(rest) {
        *sum += element.wide() * element.wide();
    }
    sums.into_iter().sum()
}
