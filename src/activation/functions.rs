//! The functions, with their derivatives.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_2_SQRT_PI};

use super::formula::{Basic, Formula};
use super::{
    Arcsinh, Arctan, CappedLinear, CappedRelu, Elliot, Elu, Gelu, GeluTanh, Isru, LeakyRelu,
    Linear, Logarithmic, Relu, SaturatedLinear, Sigmoid, Sin, Softplus, Swish, Tanh,
};
use crate::arithmetic::{Elementary, Number};

impl Basic for Linear {
    #[inline(always)]
    fn value<N: Number>(x: N, _: N::Setting) -> N {
        x
    }

    #[inline(always)]
    fn backward<N: Number>(_: N, gradient: N, _: N::Setting) -> N {
        gradient
    }
}

impl Basic for Relu {
    #[inline(always)]
    fn value<N: Number>(x: N, _: N::Setting) -> N {
        x.if_at_most(0.0, x.constant(0.0), x.clone())
    }

    #[inline(always)]
    fn backward<N: Number>(y: N, gradient: N, _: N::Setting) -> N {
        y.if_at_most(0.0, y.constant(0.0), gradient)
    }
}

impl Basic for LeakyRelu {
    #[inline(always)]
    fn value<N: Number>(x: N, slope: N::Setting) -> N {
        x.if_at_most(0.0, x.clone() * slope, x.clone())
    }

    #[inline(always)]
    fn backward<N: Number>(y: N, gradient: N, slope: N::Setting) -> N {
        y.if_at_most(0.0, gradient.clone() * slope, gradient)
    }
}

impl Basic for CappedLinear {
    #[inline(always)]
    fn value<N: Number>(x: N, cap: N::Setting) -> N {
        x.if_at_least(cap.clone(), x.constant(cap), x.clone())
    }

    #[inline(always)]
    fn backward<N: Number>(y: N, gradient: N, cap: N::Setting) -> N {
        y.if_at_least(cap, y.constant(0.0), gradient)
    }
}

impl Basic for CappedRelu {
    #[inline(always)]
    fn value<N: Number>(x: N, cap: N::Setting) -> N {
        let below = x.if_at_least(cap.clone(), x.constant(cap), x.clone());
        x.if_at_most(0.0, x.constant(0.0), below)
    }

    #[inline(always)]
    fn backward<N: Number>(y: N, gradient: N, cap: N::Setting) -> N {
        let below = y.if_at_least(cap, y.constant(0.0), gradient);
        y.if_at_most(0.0, y.constant(0.0), below)
    }
}

impl Basic for SaturatedLinear {
    #[inline(always)]
    fn value<N: Number>(x: N, _: N::Setting) -> N {
        <CappedRelu as Basic>::value(x, 1.0.into())
    }

    #[inline(always)]
    fn backward<N: Number>(y: N, gradient: N, _: N::Setting) -> N {
        <CappedRelu as Basic>::backward(y, gradient, 1.0.into())
    }
}

impl Basic for Sigmoid {
    #[inline(always)]
    fn value<N: Number>(x: N, _: N::Setting) -> N {
        x.logistic()
    }

    #[inline(always)]
    fn backward<N: Number>(y: N, gradient: N, _: N::Setting) -> N {
        gradient * y.clone() * y.one_minus()
    }
}

impl Formula for Tanh {
    const SLOPE_OF_VALUE: bool = true;

    #[inline(always)]
    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.tanh()
    }

    #[inline(always)]
    fn slope<N: Elementary>(y: N, _: N::Setting) -> N {
        (y.clone() * y).one_minus()
    }
}

/// Beyond this the inverse square root unit has its limit to the last bit; the product with the root of any alpha that
/// a recipe allows is finite here.
const ISRU_END: f64 = 1e30;

/// sqrt(1 + alpha x^2).
#[inline(always)]
fn isru_root<N: Elementary>(x: N, alpha: N::Setting) -> N {
    (x.constant(alpha).sqrt() * x).hypot_one()
}

impl Formula for Isru {
    #[inline(always)]
    fn value<N: Elementary>(x: N, alpha: N::Setting) -> N {
        let x = x.within(ISRU_END);
        x.clone() / isru_root(x, alpha)
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, alpha: N::Setting) -> N {
        let r = isru_root(x, alpha).recip();
        r.clone() * r.clone() * r
    }
}

impl Formula for Arctan {
    #[inline(always)]
    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.atan() * FRAC_2_PI
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, _: N::Setting) -> N {
        (x.clone() * x + 1.0).recip() * FRAC_2_PI
    }
}

impl Formula for Elliot {
    #[inline(always)]
    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone() / (x.abs() + 1.0)
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, _: N::Setting) -> N {
        let r = (x.abs() + 1.0).recip();
        r.clone() * r
    }
}

impl Formula for Arcsinh {
    #[inline(always)]
    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.asinh()
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, _: N::Setting) -> N {
        x.hypot_one().recip()
    }
}

impl Formula for Logarithmic {
    #[inline(always)]
    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone().sign() * x.abs().ln_1p()
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, _: N::Setting) -> N {
        (x.abs() + 1.0).recip()
    }
}

impl Formula for Sin {
    const IS_INCREASING: bool = false;

    #[inline(always)]
    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.sin()
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, _: N::Setting) -> N {
        x.cos()
    }
}

impl Formula for Elu {
    const SLOPE_OF_VALUE: bool = true;

    #[inline(always)]
    fn value<N: Elementary>(x: N, alpha: N::Setting) -> N {
        x.if_at_most(0.0, x.clone().exp_m1() * alpha, x.clone())
    }

    #[inline(always)]
    fn slope<N: Elementary>(y: N, alpha: N::Setting) -> N {
        y.if_at_most(0.0, y.clone() + alpha, y.constant(1.0))
    }
}

/// Beyond this the logistic function is 0 or 1 to the last bit, and its slope is 0.
const LOGISTIC_END: f64 = 1e3;

impl Formula for Swish {
    const IS_INCREASING: bool = false;

    #[inline(always)]
    fn value<N: Elementary>(x: N, beta: N::Setting) -> N {
        x.clone() * (x * beta).logistic()
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, beta: N::Setting) -> N {
        let z = (x * beta).within(LOGISTIC_END);
        let s = z.clone().logistic();
        s.clone() + z * s.clone() * s.one_minus()
    }
}

impl Formula for Softplus {
    #[inline(always)]
    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone().positive() + x.ln_1p_exp_minus_abs()
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, _: N::Setting) -> N {
        x.logistic()
    }
}

/// The normal density at 0, 1 / sqrt(2 pi).
const DENSITY: f64 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

impl Formula for Gelu {
    const IS_INCREASING: bool = false;

    #[inline(always)]
    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone() * x.normal_distribution()
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, _: N::Setting) -> N {
        let density = (x.clone() * -0.5 * x.clone()).exp();
        x.clone().normal_distribution() + x * DENSITY * density
    }
}

/// sqrt(2/pi), and the factor of the cube.
const SCALE: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
const CUBE: f64 = 0.044715;
/// Beyond this the hyperbolic tangent is 1 to the last bit; powers of x are still finite here.
const TANH_END: f64 = 20.0;

/// The argument of the hyperbolic tangent.
#[inline(always)]
fn tanh_argument<N: Elementary>(x: N) -> N {
    (x.clone() + x.clone() * CUBE * x.clone() * x) * SCALE
}

impl Formula for GeluTanh {
    const IS_INCREASING: bool = false;

    #[inline(always)]
    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone() * 0.5 * (tanh_argument(x.within(TANH_END)).tanh() + 1.0)
    }

    #[inline(always)]
    fn slope<N: Elementary>(x: N, _: N::Setting) -> N {
        let x = x.within(TANH_END);
        let t = tanh_argument(x.clone()).tanh();
        let slope = (x.clone() * (3.0 * CUBE) * x.clone() + 1.0) * SCALE;
        (t.clone() + 1.0) * 0.5 + x * 0.5 * (t.clone() * t).one_minus() * slope
    }
}
