//! Activation functions, each with its derivative in one pass.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::composed;
use super::kernel::lanes;
use super::kernel::real::{Real, elements, has_kernel, storage, tensor, with_elements, with_real};
use crate::{Error, Result};

/// max(x, 0), with derivative 0 at 0 (as in PyTorch; candle's own takes 1).
///
/// # Shapes
/// Any shape, which the result has too.
///
/// # Errors
/// Those of candle, where there is no memory or no device.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if !has_kernel(&[x]) {
        return composed::relu(x);
    }
    Ok(x.contiguous()?.apply_op1(Activation::Relu)?)
}

/// x where x > 0, else `slope` x, with derivative `slope` at 0 (as in PyTorch).
///
/// # Shapes
/// Any shape, which the result has too.
///
/// # Errors
/// [`Error::Argument`] if `slope` is not a finite number above 0.
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    check_slope(slope)?;
    if !has_kernel(&[x]) {
        return composed::leaky_relu(x, slope);
    }
    Ok(x.contiguous()?.apply_op1(Activation::LeakyRelu(slope))?)
}

/// The logistic function 1 / (1 + e^-x), which saturates to 0 and 1 and is never NaN for a number.
///
/// # Shapes
/// Any shape, which the result has too.
///
/// # Errors
/// Those of candle, where there is no memory or no device.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    if !has_kernel(&[x]) {
        return composed::sigmoid(x);
    }
    Ok(x.contiguous()?.apply_op1(Activation::Sigmoid)?)
}

/// The slope must keep the sign, from which the backward pass tells the sides apart.
pub(super) fn check_slope(slope: f64) -> Result<()> {
    if slope.is_finite() && slope > 0.0 {
        return Ok(());
    }
    let expected = "a finite number above 0";
    Err(Error::argument("leaky_relu slope", expected, slope))
}

/// The logistic function of one number. With e^-x infinite it is 1 / inf = 0.
pub(super) fn logistic<T: Real>(x: T) -> T {
    let one = T::from_f64(1.0);
    one / (one + (T::default() - x).exp())
}

#[derive(Clone, Copy, Debug)]
enum Activation {
    Relu,
    LeakyRelu(f64),
    Sigmoid,
}

impl Activation {
    fn forward<T: Real>(self, x: &[T]) -> candle_core::Result<Vec<T>> {
        let zero = T::default();
        match self {
            // Written so that NaN stays NaN, here and below.
            Self::Relu => map(x, 1, |x| if x <= zero { zero } else { x }),
            Self::LeakyRelu(slope) => {
                let slope = T::from_f64(slope);
                map(x, 1, |x| if x <= zero { slope * x } else { x })
            }
            Self::Sigmoid => map(x, 16, logistic),
        }
    }

    /// The gradient of the input from the result `y`, which tells as much as the input would and which
    /// the next operation keeps in any case.
    fn backward<T: Real>(self, y: &[T], grad: &[T]) -> candle_core::Result<Vec<T>> {
        let zero = T::default();
        match self {
            Self::Relu => zip(y, grad, |y, grad| if y <= zero { zero } else { grad }),
            Self::LeakyRelu(slope) => {
                let slope = T::from_f64(slope);
                zip(
                    y,
                    grad,
                    |y, grad| if y <= zero { slope * grad } else { grad },
                )
            }
            Self::Sigmoid => {
                let one = T::from_f64(1.0);
                zip(y, grad, |y, grad| grad * y * (one - y))
            }
        }
    }
}

/// `f` of each element; `cost` is about how many operations it takes.
pub(super) fn map<T: Real>(
    x: &[T],
    cost: usize,
    f: impl Fn(T) -> T + Sync,
) -> candle_core::Result<Vec<T>> {
    let mut out = vec![T::default(); x.len()];
    lanes::fill(&mut out, 1, x.len() * cost, |start, out| {
        for (out, &x) in out.iter_mut().zip(x.get(start..).unwrap_or_default()) {
            *out = f(x);
        }
        Ok(())
    })?;
    Ok(out)
}

/// `f` of each pair of elements.
pub(super) fn zip<T: Real>(
    a: &[T],
    b: &[T],
    f: impl Fn(T, T) -> T + Sync,
) -> candle_core::Result<Vec<T>> {
    let mut out = vec![T::default(); a.len()];
    lanes::fill(&mut out, 1, a.len(), |start, out| {
        let a = a.get(start..).unwrap_or_default();
        let b = b.get(start..).unwrap_or_default();
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = f(a, b);
        }
        Ok(())
    })?;
    Ok(out)
}

impl CustomOp1 for Activation {
    fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::LeakyRelu(_) => "leaky_relu",
            Self::Sigmoid => "sigmoid",
        }
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_real!(x.dtype(), T => {
            let out = self.forward(elements::<T>(x, layout)?)?;
            Ok((storage(out), layout.shape().clone()))
        })
    }

    fn bwd(&self, _x: &Tensor, out: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        with_real!(out.dtype(), T => {
            let gradient = with_elements::<T, _>(out, |out| {
                with_elements(grad, |grad| self.backward(out, grad))
            })?;
            Ok(Some(tensor(gradient, out.dims())?))
        })
    }
}
