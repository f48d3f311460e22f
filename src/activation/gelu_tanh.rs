//! The Gaussian error linear unit, approximated with a hyperbolic tangent.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct GeluTanh;

/// sqrt(2/pi), and the factor of the cube.
const SCALE: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
const CUBE: f64 = 0.044715;
/// Beyond this the hyperbolic tangent is 1 to the last bit; powers of x are still finite here.
const END: f64 = 20.0;

/// The argument of the hyperbolic tangent.
fn inner<N: Elementary>(x: N) -> N {
    (x.clone() + x.clone() * CUBE * x.clone() * x) * SCALE
}

impl Formula for GeluTanh {
    const NAME: &'static str = "gelu-tanh";

    fn printed(_: f64) -> (String, String) {
        (
            "x/2 (1 + tanh(√(2/π)(x + 0.0447x³)))".to_string(),
            "[-0.171, ∞)".to_string(),
        )
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone() * 0.5 * (inner(x.within(END)).tanh() + 1.0)
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        let x = x.within(END);
        let t = inner(x.clone()).tanh();
        let slope = (x.clone() * (3.0 * CUBE) * x.clone() + 1.0) * SCALE;
        (t.clone() + 1.0) * 0.5 + x * 0.5 * (t.clone() * t).one_minus() * slope
    }
}
