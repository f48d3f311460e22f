//! Activations on tensors.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::composed::at_least_f32;
use super::kernel::lanes::{map, zip};
use super::kernel::real::{
    Real, elements, gradient, has_kernel, storage, with_elements, with_real,
};
use super::{host, softmax};
use crate::activation::{Activation, ActivationKind, Basic, Form, Pointwise, with_basic};
use crate::arithmetic::{Composed, Scalar};
use crate::{Error, Result};

/// max(x, 0), with derivative 0 at 0 (as in PyTorch; candle's own takes 1).
///
/// # Shapes
/// Any shape, kept.
///
/// # Errors
/// Only candle's own.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    Activation::Relu.apply(x)
}

/// x where x > 0, else `slope` x, with derivative `slope` at 0 (as in PyTorch).
///
/// # Shapes
/// Any shape, kept.
///
/// # Errors
/// [`Error::Argument`] if `slope` is not a finite number above 0.
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    Activation::LeakyRelu { slope }.apply(x)
}

/// The logistic function 1 / (1 + e^-x), which saturates to 0 and 1 and is never NaN for a number.
///
/// # Shapes
/// Any shape, kept.
///
/// # Errors
/// Only candle's own.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    Activation::Sigmoid.apply(x)
}

/// |x|, with derivative 0 at 0 (as in PyTorch; candle's own takes 1).
///
/// # Shapes
/// Any shape, kept.
///
/// # Errors
/// Only candle's own.
pub fn absolute(x: &Tensor) -> Result<Tensor> {
    Ok((relu(x)? + relu(&x.neg()?)?)?)
}

impl Activation {
    /// Applies the function to a batch.
    ///
    /// # Shapes
    /// `(N, ...)`, kept; softmax is taken along the axis after the batch.
    ///
    /// # Errors
    /// [`Error::Argument`] if a parameter is not a finite number above 0, except those of `scaled`; [`Error::Layer`] if
    /// there is no axis for a softmax.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        self.check_parameters()?;
        let Some(function) = self.pointwise() else {
            return match self {
                Self::Scaled { of, a, b } => Ok((of.apply(&(x * *b)?)? * *a)?),
                _ => softmax(x, 1),
            };
        };
        match function.plain() {
            Some((ActivationKind::Linear, _)) => Ok(x.clone()),
            _ if has_kernel(&[x]) => Ok(x.contiguous()?.apply_op1(function)?),
            _ => composed(&function, x),
        }
    }

    /// The bounds of parameters keep every function finite, and keep the sign of a leaky relu, by which the backward
    /// pass tells its two sides apart.
    fn check_parameters(&self) -> Result<()> {
        if let Self::Scaled { of, .. } = self {
            return of.check_parameters();
        }
        for (name, value) in self.parameters() {
            if !(value.is_finite() && value > 0.0) {
                let what = format!("{} {name}", self.name());
                return Err(Error::argument(what, "a finite number above 0", value));
            }
        }
        Ok(())
    }
}

/// Approximate cost of a function in additions: of basic arithmetic only, and of the others.
const BASIC_COST: usize = 4;
const COST: usize = 16;

impl Pointwise {
    fn forward<T: Real>(&self, x: &[T]) -> candle_core::Result<Vec<T>> {
        let wide = || map(x, COST, |x| T::of(self.value(x.wide())));
        let Some((kind, parameter)) = self.plain() else {
            return wide();
        };
        with_basic!(
            kind,
            F => map(x, BASIC_COST, |x| F::value(Scalar(x), parameter).0),
            wide()
        )
    }

    /// The gradient of x from the value y and the gradient of y.
    fn backward<T: Real>(&self, x: &[T], y: &[T], gradient: &[T]) -> candle_core::Result<Vec<T>> {
        let wide = || {
            zip(x, gradient, |x, gradient| {
                T::of(self.derivative(x.wide()) * gradient.wide())
            })
        };
        let Some((kind, parameter)) = self.plain() else {
            return wide();
        };
        with_basic!(
            kind,
            F => zip(y, gradient, |y, gradient| {
                F::backward(Scalar(y), Scalar(gradient), parameter).0
            }),
            wide()
        )
    }
}

impl CustomOp1 for Pointwise {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_real!(x.dtype(), T => {
            let out = self.forward(elements::<T>(x, layout)?)?;
            Ok((storage(out), layout.shape().clone()))
        })
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, of_y: &Tensor) -> candle_core::Result<Option<Tensor>> {
        with_real!(x.dtype(), T => gradient(x, || {
            with_elements::<T, _>(x, |x| with_elements(y, |y| {
                with_elements(of_y, |of_y| self.backward(x, y, of_y))
            }))
        }))
    }
}

/// A function composed of candle's operations.
fn composed(function: &Pointwise, x: &Tensor) -> Result<Tensor> {
    let scaled = |x: &Tensor, factor: f64| match factor {
        1.0 => Ok(x.clone()),
        _ => x * factor,
    };
    let x = scaled(x, function.inner)?;
    let y = match &function.f {
        Form::Formula { kind, parameter } if is_differentiated_well(*kind) => {
            kind.value(Composed::new(x), *parameter).tensor()?
        }
        Form::Formula { kind, parameter } => linearized(
            &x,
            |x| kind.value(Composed::new(x), *parameter).tensor(),
            |x| kind.derivative(Composed::new(x), *parameter).tensor(),
        )?,
        Form::Custom(custom) => linearized(
            &x,
            |x| host::map(&x, |x| custom.value(x)),
            |x| host::map(&x, |x| custom.derivative(x)),
        )?,
    };
    Ok(scaled(&y, function.outer)?)
}

/// Whether candle's own derivative of the composed value is right, and as precise as the formula's.
fn is_differentiated_well(kind: ActivationKind) -> bool {
    let is_function = matches!(kind, ActivationKind::Tanh | ActivationKind::Sin);
    is_function || with_basic!(kind, _F => true, false)
}

/// A function as y + d (x - x0), where y and d are the value and the derivative at x0 = x outside the graph: the value
/// is y, and the gradient is d whatever candle's own would be. Types of fewer bits than f32 are computed in f32.
fn linearized(
    x: &Tensor,
    value: impl Fn(Tensor) -> candle_core::Result<Tensor>,
    derivative: impl Fn(Tensor) -> candle_core::Result<Tensor>,
) -> candle_core::Result<Tensor> {
    let point = x.detach();
    let wide = point.to_dtype(at_least_f32(x.dtype()))?;
    let y = value(wide.clone())?.to_dtype(x.dtype())?;
    if !x.track_op() {
        return Ok(y);
    }
    let d = derivative(wide)?.to_dtype(x.dtype())?;
    y + (d * (x - point)?)?
}
