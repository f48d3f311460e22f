//! Activation functions beyond relu, leaky relu and sigmoid, each as a pair of f and f'.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_2_SQRT_PI};

use candle_core::backend::BackendStorage;
use candle_core::cpu::erf::erf_f64;
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};

use super::activation::{logistic, map, zip};
use super::composed;
use super::kernel::real::{Real, elements, has_kernel, storage, tensor, with_elements, with_real};
use crate::{Error, Result};

/// A function of each value by itself.
///
/// All are finite, in value and derivative, for every finite x. On the CPU both are computed in f64 and
/// rounded once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pointwise {
    /// Exponential linear unit: x for x > 0, else alpha (e^x - 1), with derivative alpha at 0 (as in
    /// PyTorch). Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by
    /// exponential linear units", ICLR 2016.
    Elu { alpha: f64 },
    /// x / (1 + e^(-beta x)). Ramachandran, Zoph and Le, "Searching for activation functions", 2017.
    Swish { beta: f64 },
    /// x Phi(x), with Phi the normal distribution function. Hendrycks and Gimpel, "Gaussian error
    /// linear units", 2016.
    Gelu,
    /// Their approximation of it, x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
    GeluTanh,
    /// ln(1 + e^x), written max(x, 0) + ln(1 + e^-|x|). Dugas and others, "Incorporating second-order
    /// functional knowledge for better option pricing", NIPS 2000.
    Softplus,
    /// min(max(x, 0), cap), with derivative 0 at 0 and at the cap (as PyTorch's `hardtanh` and `relu6`).
    CappedRelu { cap: f64 },
    /// min(x, cap), with derivative 0 at the cap (as `clamp` in PyTorch 2.15).
    CappedLinear { cap: f64 },
    /// Inverse square root unit, x / sqrt(1 + alpha x^2). Carlile and others, "Improving deep learning
    /// by inverse square root linear units", 2017.
    Isru { alpha: f64 },
    /// 2/pi atan(x).
    Arctan,
    /// asinh(x) = ln(x + sqrt(x^2 + 1)).
    Arcsinh,
    /// x / (1 + |x|), with derivative 1 at 0. Elliott, "A better activation function for artificial
    /// neural networks", 1993; PyTorch's `softsign`.
    Elliot,
    /// sign(x) ln(1 + |x|), with derivative 1 at 0.
    Logarithmic,
}

/// Of the approximation of the GELU: sqrt(2/pi), and the factor of its cube.
pub(super) const GELU_SCALE: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
pub(super) const GELU_CUBE: f64 = 0.044715;
/// Beyond this the hyperbolic tangent of it is 1 to the last bit; powers of x stay finite before.
pub(super) const GELU_END: f64 = 20.0;
/// Beyond this the logistic function is 0 or 1 to the last bit.
pub(super) const LOGISTIC_END: f64 = 1e3;
/// The normal density at 0, 1 / sqrt(2 pi).
pub(super) const NORMAL_DENSITY: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * 0.5;

impl Pointwise {
    /// The function on a tensor.
    ///
    /// # Shapes
    /// Any shape, which the result has too.
    ///
    /// # Errors
    /// [`Error::Argument`] if a parameter is not a finite number above 0.
    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        self.check()?;
        if !has_kernel(&[x]) {
            return composed::pointwise(self, x);
        }
        Ok(x.contiguous()?.apply_op1(self)?)
    }

    /// The function at one point.
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::Elu { alpha } if x <= 0.0 => alpha * x.exp_m1(),
            Self::Elu { .. } => x,
            Self::Swish { beta } => x * logistic(beta * x),
            Self::Gelu => x * normal_distribution(x),
            Self::GeluTanh => 0.5 * x * (1.0 + gelu_inner(x).tanh()),
            Self::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Self::CappedRelu { cap } => within(x, 0.0, cap),
            Self::CappedLinear { cap } => within(x, f64::NEG_INFINITY, cap),
            Self::Isru { alpha } => x / (alpha.sqrt() * x).hypot(1.0),
            Self::Arctan => FRAC_2_PI * x.atan(),
            Self::Arcsinh => x.asinh(),
            Self::Elliot => x / (1.0 + x.abs()),
            Self::Logarithmic => x.abs().ln_1p().copysign(x),
        }
    }

    /// Its derivative there; at a kink the one-sided derivative that the variant names.
    pub fn derivative(self, x: f64) -> f64 {
        let one_where = |holds: bool| if holds { 1.0 } else { 0.0 };
        match self {
            Self::Elu { alpha } if x <= 0.0 => alpha * x.exp(),
            Self::Elu { .. } => 1.0,
            Self::Swish { beta } => {
                // Where it ends, s (1 - s) is 0.
                let z = (beta * x).clamp(-LOGISTIC_END, LOGISTIC_END);
                let s = logistic(z);
                s + z * s * (1.0 - s)
            }
            Self::Gelu => normal_distribution(x) + x * NORMAL_DENSITY * (-0.5 * x * x).exp(),
            Self::GeluTanh => {
                let t = gelu_inner(x).tanh();
                let x = x.clamp(-GELU_END, GELU_END);
                let inner = GELU_SCALE * (1.0 + 3.0 * GELU_CUBE * x * x);
                0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner
            }
            Self::Softplus => logistic(x),
            Self::CappedRelu { cap } => one_where(x > 0.0 && x < cap),
            Self::CappedLinear { cap } => one_where(x < cap),
            Self::Isru { alpha } => (alpha.sqrt() * x).hypot(1.0).powi(-3),
            Self::Arctan => FRAC_2_PI / (1.0 + x * x),
            Self::Arcsinh => 1.0 / x.hypot(1.0),
            Self::Elliot => (1.0 + x.abs()).powi(-2),
            Self::Logarithmic => 1.0 / (1.0 + x.abs()),
        }
    }

    /// Parameters have bounds that keep every function finite.
    pub(super) fn check(self) -> Result<()> {
        let (what, parameter) = match self {
            Self::Elu { alpha } => ("elu alpha", alpha),
            Self::Swish { beta } => ("swish beta", beta),
            Self::CappedRelu { cap } => ("capped relu cap", cap),
            Self::CappedLinear { cap } => ("capped linear cap", cap),
            Self::Isru { alpha } => ("isru alpha", alpha),
            _ => return Ok(()),
        };
        if parameter.is_finite() && parameter > 0.0 {
            return Ok(());
        }
        Err(Error::argument(what, "a finite number above 0", parameter))
    }

    fn forward<T: Real>(self, x: &[T]) -> candle_core::Result<Vec<T>> {
        map(x, COST, |x| T::from_f64(self.value(x.to_f64())))
    }

    fn backward<T: Real>(self, x: &[T], grad: &[T]) -> candle_core::Result<Vec<T>> {
        zip(x, grad, |x, grad| {
            T::from_f64(self.derivative(x.to_f64()) * grad.to_f64())
        })
    }
}

/// About how many additions one of the functions takes as long as.
const COST: usize = 16;

/// x between two bounds; NaN stays NaN.
fn within(x: f64, low: f64, high: f64) -> f64 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

fn normal_distribution(x: f64) -> f64 {
    0.5 * (1.0 + erf_f64(x * FRAC_1_SQRT_2))
}

fn gelu_inner(x: f64) -> f64 {
    let x = x.clamp(-GELU_END, GELU_END);
    GELU_SCALE * (x + GELU_CUBE * x * x * x)
}

impl CustomOp1 for Pointwise {
    fn name(&self) -> &'static str {
        "pointwise"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        with_real!(x.dtype(), T => {
            let out = self.forward(elements::<T>(x, layout)?)?;
            Ok((storage(out), layout.shape().clone()))
        })
    }

    fn bwd(&self, x: &Tensor, _out: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        with_real!(x.dtype(), T => {
            let gradient = with_elements::<T, _>(x, |x| {
                with_elements(grad, |grad| self.backward(x, grad))
            })?;
            Ok(Some(tensor(gradient, grad.dims())?))
        })
    }
}
