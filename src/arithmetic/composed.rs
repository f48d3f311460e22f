//! Arithmetic on a tensor by candle's operations: on any device, for any float type.

use std::f64::consts::FRAC_1_SQRT_2;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::Arc;

use candle_core::{Error, Result, Tensor};

use super::{Elementary, Number, Side};

/// A tensor, or the first error in computing it.
#[derive(Debug, Clone)]
pub(crate) struct Composed(std::result::Result<Tensor, Arc<Error>>);

impl Composed {
    pub fn new(tensor: Tensor) -> Self {
        Self(Ok(tensor))
    }

    pub fn tensor(self) -> Result<Tensor> {
        self.0.map_err(Error::wrap)
    }

    fn map(self, operation: impl FnOnce(Tensor) -> Result<Tensor>) -> Self {
        Self(
            self.0
                .and_then(|tensor| operation(tensor).map_err(Arc::new)),
        )
    }

    fn zip(self, other: Self, operation: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>) -> Self {
        match other.0 {
            Ok(other) => self.map(|tensor| operation(&tensor, &other)),
            error => Self(self.0.and(error)),
        }
    }
}

operator!([] Add<Self> for Composed, add, |a, b| a.zip(b, Tensor::add));
operator!([] Sub<Self> for Composed, sub, |a, b| a.zip(b, Tensor::sub));
operator!([] Mul<Self> for Composed, mul, |a, b| a.zip(b, Tensor::mul));
operator!([] Div<Self> for Composed, div, |a, b| a.zip(b, Tensor::div));
operator!([] Add<f64> for Composed, add, |a, b| a.map(|tensor| tensor + b));
operator!([] Mul<f64> for Composed, mul, |a, b| a.map(|tensor| tensor * b));
operator!([] Neg for Composed, neg, |a| a.map(|tensor| tensor.neg()));

macro_rules! functions {
    ($($name:ident),*) => {$(
        fn $name(self) -> Self {
            self.map(|tensor| tensor.$name())
        }
    )*};
}

impl Number for Composed {
    type Setting = f64;

    fn constant(&self, value: impl Into<f64>) -> Self {
        let value = value.into();
        self.clone().map(|tensor| tensor.zeros_like()? + value)
    }

    fn choose(&self, side: Side, bound: f64, then: Self, otherwise: Self) -> Self {
        let choose = |x: &Tensor, then: Tensor, otherwise: Tensor| {
            let holds = match side {
                Side::AtMost => x.le(bound)?,
                Side::AtLeast => x.ge(bound)?,
            };
            holds.where_cond(&then, &otherwise)
        };
        match (&self.0, then.0, otherwise.0) {
            (Ok(x), Ok(then), Ok(otherwise)) => Self(choose(x, then, otherwise).map_err(Arc::new)),
            (Err(error), ..) => Self(Err(error.clone())),
            (_, Err(error), _) | (.., Err(error)) => Self(Err(error)),
        }
    }

    functions! { abs, sqrt, sign, recip }

    fn positive(self) -> Self {
        let zero = self.constant(0.0);
        self.if_at_most(0.0, zero, self.clone())
    }

    fn logistic(self) -> Self {
        self.map(|tensor| candle_nn::ops::sigmoid(&tensor))
    }

    fn ln_1p_exp_minus_abs(self) -> Self {
        (-self.abs()).exp().ln_1p()
    }

    fn one_minus(self) -> Self {
        self.map(|tensor| tensor.affine(-1.0, 1.0))
    }
}

impl Elementary for Composed {
    functions! { exp, tanh, sin, cos }

    fn exp_m1(self) -> Self {
        self.map(|tensor| tensor.exp()? - 1.0)
    }

    fn ln_1p(self) -> Self {
        self.map(|tensor| (tensor + 1.0)?.log())
    }

    fn atan(self) -> Self {
        self.map(|tensor| arctan(&tensor))
    }

    fn asinh(self) -> Self {
        self.map(|tensor| arcsinh(&tensor))
    }

    fn hypot_one(self) -> Self {
        self.map(|tensor| {
            let (m, root) = scaled_root(&tensor.abs()?)?;
            m * root
        })
    }

    fn normal_distribution(self) -> Self {
        self.map(|tensor| (tensor * FRAC_1_SQRT_2)?.erf()?.affine(0.5, 0.5))
    }
}

/// m = max(|x|, 1) and sqrt(x^2 + 1) / m, which do not overflow.
fn scaled_root(size: &Tensor) -> Result<(Tensor, Tensor)> {
    let m = size.maximum(1.0)?;
    let root = ((size / &m)?.sqr()? + m.recip()?.sqr()?)?.sqrt()?;
    Ok((m, root))
}

/// The arc tangent: atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))), applied four times, reduces the argument
/// to at most pi/32; then the first seven terms of the series at 0. The next term is about 1e-16.
fn arctan(x: &Tensor) -> Result<Tensor> {
    // Beyond the bound it is pi/2 to the last bit; below it the square stays finite.
    let mut t = x.clamp(-1e17, 1e17)?;
    for _ in 0..4 {
        let root = (t.sqr()? + 1.0)?.sqrt()?;
        t = (t / (root + 1.0)?)?;
    }
    let square = t.sqr()?;
    let mut sum = square.zeros_like()?;
    for odd in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        // 1 - t^2 (1/3 - t^2 (1/5 - ...)), from the inside out.
        sum = (sum * &square)?.affine(-1.0, 1.0 / odd)?;
    }
    (t * sum)? * 16.0
}

/// sign(x) (ln m + ln(|x|/m + sqrt(x^2 + 1)/m)).
fn arcsinh(x: &Tensor) -> Result<Tensor> {
    let size = x.abs()?;
    let (m, root) = scaled_root(&size)?;
    let share = (size / &m)?;
    x.sign()? * (m.log()? + (share + root)?.log()?)?
}
