//! The activation functions of [`Pointwise`] composed from candle's operations.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use candle_core::{DType, Tensor};

use super::pointwise::{GELU_CUBE, GELU_END, GELU_SCALE, LOGISTIC_END, NORMAL_DENSITY, Pointwise};
use crate::Result;

/// [`Pointwise::apply`] as y + d (x - x0), where y and d are the value and the derivative at x0 = x
/// outside the graph: the value is y, and the gradient is d whatever candle's own would be. Types of
/// fewer bits are computed in f32.
///
/// # Shapes
/// See [`Pointwise::apply`].
///
/// # Errors
/// See [`Pointwise::apply`].
pub fn pointwise(function: Pointwise, x: &Tensor) -> Result<Tensor> {
    function.check()?;
    let point = x.detach();
    let wide = match x.dtype() {
        DType::F64 => point.clone(),
        _ => point.to_dtype(DType::F32)?,
    };
    let y = value(function, &wide)?.to_dtype(x.dtype())?;
    if !x.track_op() {
        return Ok(y);
    }
    let d = derivative(function, &wide)?.to_dtype(x.dtype())?;
    Ok((y + (d * (x - point)?)?)?)
}

fn value(function: Pointwise, x: &Tensor) -> candle_core::Result<Tensor> {
    match function {
        Pointwise::Elu { alpha } => {
            let below = ((x.minimum(0.0)?.exp()? - 1.0)? * alpha)?;
            x.le(0.0)?.where_cond(&below, x)
        }
        Pointwise::Swish { beta } => x * sigmoid(&(x * beta)?)?,
        Pointwise::Gelu => x * normal_distribution(x)?,
        Pointwise::GeluTanh => (x * 0.5)? * (gelu_inner(x)?.tanh()? + 1.0)?,
        Pointwise::Softplus => x.maximum(0.0)? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?,
        Pointwise::CappedRelu { cap } => x.maximum(0.0)?.minimum(cap),
        Pointwise::CappedLinear { cap } => x.minimum(cap),
        Pointwise::Isru { alpha } => {
            // Beyond its end it is 1 / sqrt(alpha) to the last bit; the square stays finite before.
            let t = (x * alpha.sqrt())?.clamp(-1e12, 1e12)?;
            (&t / (t.sqr()? + 1.0)?.sqrt()?)? * (1.0 / alpha.sqrt())
        }
        Pointwise::Arctan => arctan(x)? * FRAC_2_PI,
        Pointwise::Arcsinh => arcsinh(x),
        Pointwise::Elliot => x / (x.abs()? + 1.0)?,
        Pointwise::Logarithmic => x.sign()? * (x.abs()? + 1.0)?.log()?,
    }
}

fn derivative(function: Pointwise, x: &Tensor) -> candle_core::Result<Tensor> {
    match function {
        Pointwise::Elu { alpha } => {
            let below = (x.minimum(0.0)?.exp()? * alpha)?;
            x.le(0.0)?.where_cond(&below, &x.ones_like()?)
        }
        Pointwise::Swish { beta } => {
            let z = (x * beta)?.clamp(-LOGISTIC_END, LOGISTIC_END)?;
            let s = sigmoid(&z)?;
            let bend = ((z * &s)? * s.affine(-1.0, 1.0)?)?;
            s + bend
        }
        Pointwise::Gelu => {
            let density = ((x.sqr()? * -0.5)?.exp()? * NORMAL_DENSITY)?;
            normal_distribution(x)? + (x * density)?
        }
        Pointwise::GeluTanh => {
            let t = gelu_inner(x)?.tanh()?;
            let x = x.clamp(-GELU_END, GELU_END)?;
            let inner = x.sqr()?.affine(3.0 * GELU_CUBE * GELU_SCALE, GELU_SCALE)?;
            let bend = (((x * 0.5)? * t.sqr()?.affine(-1.0, 1.0)?)? * inner)?;
            t.affine(0.5, 0.5)? + bend
        }
        Pointwise::Softplus => sigmoid(x),
        Pointwise::CappedRelu { cap } => {
            x.gt(0.0)?.to_dtype(x.dtype())? * x.lt(cap)?.to_dtype(x.dtype())?
        }
        Pointwise::CappedLinear { cap } => x.lt(cap)?.to_dtype(x.dtype()),
        Pointwise::Isru { alpha } => {
            let t = (x * alpha.sqrt())?.clamp(-1e12, 1e12)?;
            let root = (t.sqr()? + 1.0)?.sqrt()?.recip()?;
            (&root * &root)? * root
        }
        Pointwise::Arctan => (x.sqr()? + 1.0)?.recip()? * FRAC_2_PI,
        Pointwise::Arcsinh => (x.sqr()? + 1.0)?.sqrt()?.recip(),
        Pointwise::Elliot => (x.abs()? + 1.0)?.recip()?.sqr(),
        Pointwise::Logarithmic => (x.abs()? + 1.0)?.recip(),
    }
}

fn sigmoid(x: &Tensor) -> candle_core::Result<Tensor> {
    (x.neg()?.exp()? + 1.0)?.recip()
}

fn normal_distribution(x: &Tensor) -> candle_core::Result<Tensor> {
    (x * FRAC_1_SQRT_2)?.erf()?.affine(0.5, 0.5)
}

fn gelu_inner(x: &Tensor) -> candle_core::Result<Tensor> {
    let x = x.clamp(-GELU_END, GELU_END)?;
    let cube = (x.sqr()? * &x)?;
    (x + (cube * GELU_CUBE)?)? * GELU_SCALE
}

/// The arc tangent, by atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))) four times, which leaves at most
/// pi/32, and the first seven terms of its series at 0: next is one of 1e-16.
fn arctan(x: &Tensor) -> candle_core::Result<Tensor> {
    // Beyond its end it is pi/2 to the last bit; the square stays finite before.
    let mut t = x.clamp(-1e17, 1e17)?;
    for _ in 0..4 {
        let root = (t.sqr()? + 1.0)?.sqrt()?;
        t = (t / (root + 1.0)?)?;
    }
    let square = t.sqr()?;
    let mut sum = square.zeros_like()?;
    for odd in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        // 1 - t^2 (1/3 - t^2 (1/5 - ...)), from the inside.
        sum = (sum * &square)?.affine(-1.0, 1.0 / odd)?;
    }
    (t * sum)? * 16.0
}

/// sign(x) (ln m + ln(|x|/m + sqrt(x^2/m^2 + 1/m^2))) with m = max(|x|, 1), where nothing overflows.
fn arcsinh(x: &Tensor) -> candle_core::Result<Tensor> {
    let size = x.abs()?;
    let m = size.maximum(1.0)?;
    let share = (size / &m)?;
    let root = (share.sqr()? + m.recip()?.sqr()?)?.sqrt()?;
    x.sign()? * (m.log()? + (share + root)?.log()?)?
}
