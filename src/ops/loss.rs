//! Losses between tensors, as sums.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor, bail};

use super::check::misfit;
use super::composed::at_least_f32;
use super::host;
use super::kernel::lanes::{self, zip};
use super::kernel::real::{
    Real, elements, gradient, has_kernel, storage, with_elements, with_real,
};
use crate::Result;
use crate::arithmetic::{Composed, Scalar};
use crate::loss::{LossKind, Reconstruction};

/// The binary cross-entropy between targets t and sigmoid(x), summed over all elements:
///
/// sum of max(x, 0) - x t + ln(1 + e^-|x|), with gradient sigmoid(x) - t.
///
/// Both are finite for all finite logits, however saturated. On the CPU the sum is taken in f64.
///
/// # Shapes
/// `logits` and `targets` have the same shape; the result is a scalar.
///
/// # Errors
/// [`Error::Layer`](crate::Error::Layer) if the shapes differ.
pub fn bce_with_logits_sum(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    loss_sum(Reconstruction::Bce, logits, targets)
}

/// A loss between outputs (logits for the cross-entropy) and targets, summed over all elements. On the CPU the sum is
/// taken in f64, elsewhere in f32 for types of fewer bits.
///
/// Both arguments have gradients, except the targets of a custom loss.
///
/// # Shapes
/// `x` and `targets` have the same shape; the result is a scalar.
///
/// # Errors
/// [`Error::Layer`](crate::Error::Layer) if the shapes differ.
pub fn loss_sum(loss: Reconstruction, x: &Tensor, targets: &Tensor) -> Result<Tensor> {
    if x.dims() != targets.dims() {
        let expected = format!("targets {:?}", x.dims());
        return Err(misfit("loss_sum", expected, targets));
    }
    let loss = LossSum(loss);
    match has_kernel(&[x, targets]) {
        true => Ok(x.contiguous()?.apply_op2(&targets.contiguous()?, loss)?),
        false => Ok(loss.composed(x, targets)?),
    }
}

struct LossSum(Reconstruction);

/// Approximate cost of a term in additions.
const COST: usize = 32;

impl LossSum {
    fn forward<T: Real>(&self, x: &[T], targets: &[T]) -> T {
        let lanes = lanes::collect(x.len(), COST * x.len(), |range| {
            let x = x.get(range.clone()).unwrap_or_default();
            let targets = targets.get(range).unwrap_or_default();
            let pairs = x.iter().zip(targets);
            match self.0.formula() {
                Ok(kind) => pairs
                    .map(|(&x, &t)| kind.term(Scalar(x), Scalar(t)).0.wide())
                    .sum::<f64>(),
                Err(loss) => pairs.map(|(&x, &t)| loss.term(x.wide(), t.wide())).sum(),
            }
        });
        T::of(lanes.iter().sum())
    }

    /// The gradient of the outputs from the gradient of the sum.
    fn backward<T: Real>(&self, x: &[T], t: &[T], gradient: T) -> candle_core::Result<Vec<T>> {
        match self.0.formula() {
            Ok(kind) => zip(x, t, |x, t| {
                kind.derivative(Scalar(x), Scalar(t)).0 * gradient
            }),
            Err(loss) => zip(x, t, |x, t| {
                T::of(loss.derivative(x.wide(), t.wide()) * gradient.wide())
            }),
        }
    }

    fn target_backward<T: Real>(
        &self,
        x: &[T],
        t: &[T],
        gradient: T,
    ) -> candle_core::Result<Vec<T>> {
        let kind = self.differentiable_targets()?;
        zip(x, t, |x, t| {
            kind.target_derivative(Scalar(x), Scalar(t)).0 * gradient
        })
    }

    fn differentiable_targets(&self) -> candle_core::Result<LossKind> {
        match self.0.formula() {
            Ok(kind) => Ok(kind),
            Err(loss) => bail!("the targets of {loss:?} have no gradient"),
        }
    }

    /// Composed of candle's operations: the terms outside the graph plus d (x - x0), which is 0 and has the derivative
    /// d as its gradient.
    fn composed(&self, x: &Tensor, targets: &Tensor) -> candle_core::Result<Tensor> {
        let dtype = at_least_f32(x.dtype());
        let (x, targets) = (x.to_dtype(dtype)?, targets.to_dtype(dtype)?);
        let (x0, t0) = (x.detach(), targets.detach());
        let pair = || (Composed::new(x0.clone()), Composed::new(t0.clone()));
        let (mut terms, derivative) = match self.0.formula() {
            Ok(kind) => {
                let (x, t) = pair();
                let terms = kind.term(x.clone(), t.clone());
                (terms.tensor()?, kind.derivative(x, t).tensor()?)
            }
            Err(loss) => (
                host::zip(&x0, &t0, |x, t| loss.term(x, t))?,
                host::zip(&x0, &t0, |x, t| loss.derivative(x, t))?,
            ),
        };
        if x.track_op() {
            terms = (terms + (derivative * (&x - &x0)?)?)?;
        }
        if targets.track_op() {
            let (x, t) = pair();
            let derivative = self.differentiable_targets()?.target_derivative(x, t);
            terms = (terms + (derivative.tensor()? * (&targets - &t0)?)?)?;
        }
        terms.sum_all()
    }
}

impl CustomOp2 for LossSum {
    fn name(&self) -> &'static str {
        "loss_sum"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        targets: &CpuStorage,
        targets_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        with_real!(x.dtype(), T => {
            let x = elements::<T>(x, x_layout)?;
            let sum = self.forward(x, elements(targets, targets_layout)?);
            Ok((storage(vec![sum]), Shape::from(())))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        targets: &Tensor,
        _sum: &Tensor,
        of_sum: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        with_real!(x.dtype(), T => {
            let factor = of_sum.to_scalar::<T>()?;
            with_elements::<T, _>(x, |outputs| with_elements(targets, |t| {
                let of_x = gradient(x, || self.backward(outputs, t, factor))?;
                let of_targets = gradient(targets, || self.target_backward(outputs, t, factor))?;
                Ok((of_x, of_targets))
            }))
        })
    }
}
