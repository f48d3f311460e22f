//! Binary cross-entropy on logits.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use super::activation::{logistic, zip};
use super::composed;
use super::kernel::lanes;
use super::kernel::real::{Real, elements, has_kernel, storage, tensor, with_elements, with_real};
use crate::{Error, Result};

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
/// [`Error::Layer`] if the shapes differ.
///
/// # Source
/// The rearrangement of -t ln s(x) - (1 - t) ln(1 - s(x)) that PyTorch's `BCEWithLogitsLoss` and
/// TensorFlow's `sigmoid_cross_entropy_with_logits` document.
pub fn bce_with_logits_sum(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    check(logits, targets)?;
    if !has_kernel(&[logits, targets]) {
        return composed::bce_with_logits_sum(logits, targets);
    }
    Ok(logits
        .contiguous()?
        .apply_op2(&targets.contiguous()?, BceWithLogitsSum)?)
}

/// Checks what [`bce_with_logits_sum`] is given.
pub(super) fn check(logits: &Tensor, targets: &Tensor) -> Result<()> {
    if logits.dims() == targets.dims() {
        return Ok(());
    }
    Err(Error::layer(
        "bce_with_logits_sum",
        format!("targets {:?}", logits.dims()),
        format!("{:?}", targets.dims()),
    ))
}

struct BceWithLogitsSum;

impl BceWithLogitsSum {
    fn forward<T: Real>(&self, logits: &[T], targets: &[T]) -> candle_core::Result<T> {
        let lanes = lanes::collect(logits.len(), 32 * logits.len(), |range| {
            let logits = logits.get(range.clone()).unwrap_or_default();
            let targets = targets.get(range).unwrap_or_default();
            let terms = logits
                .iter()
                .zip(targets)
                .map(|(&x, &t)| term(x, t).to_f64());
            Ok(terms.sum::<f64>())
        })?;
        Ok(T::from_f64(lanes.iter().sum()))
    }
}

/// max(x, 0) - x t + ln(1 + e^-|x|).
fn term<T: Real>(x: T, t: T) -> T {
    let zero = T::default();
    let minus_abs = if x > zero { zero - x } else { x };
    let positive = if x < zero { zero } else { x };
    positive - x * t + minus_abs.exp().ln_1p()
}

impl CustomOp2 for BceWithLogitsSum {
    fn name(&self) -> &'static str {
        "bce_with_logits_sum"
    }

    fn cpu_fwd(
        &self,
        logits: &CpuStorage,
        logits_layout: &Layout,
        targets: &CpuStorage,
        targets_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        with_real!(logits.dtype(), T => {
            let logits = elements::<T>(logits, logits_layout)?;
            let sum = self.forward(logits, elements(targets, targets_layout)?)?;
            Ok((storage(vec![sum]), Shape::from(())))
        })
    }

    fn bwd(
        &self,
        logits: &Tensor,
        targets: &Tensor,
        _sum: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        with_real!(logits.dtype(), T => {
            let grad = grad.to_scalar::<T>()?;
            with_elements::<T, _>(logits, |x| with_elements::<T, _>(targets, |t| {
                let dims = logits.dims();
                let of_logits = logits
                    .track_op()
                    .then(|| tensor(zip(x, t, |x, t| (logistic(x) - t) * grad)?, dims))
                    .transpose()?;
                let of_targets = targets
                    .track_op()
                    .then(|| tensor(zip(x, t, |x, _| T::default() - x * grad)?, dims))
                    .transpose()?;
                Ok((of_logits, of_targets))
            }))
        })
    }
}
